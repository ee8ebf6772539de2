"""Severity words from active features, for findings whose reports grade them and whose grade the features tell."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import stats

from saerad_core.descriptions.evidence import SeverityScale
from saerad_core.descriptions.matrices import Csr, dense
from saerad_core.descriptions.reported import Reported
from saerad_core.vocabulary import TERMS

FEWEST = 20
"""Patients with a graded finding below which no scale is learned."""
CORRELATION = 0.2
"""Least rank correlation of the score with the reported grade on patients held out; below it no severity is said."""
RIDGE = 5.0
"""Penalty, in X-rays."""


class Severity(NamedTuple):
    """The fields of EvidenceTables that say how severe."""

    severity: dict[str, SeverityScale]
    severity_weights: np.ndarray
    """float32 [S, m + 1]."""


def fit_severity(active: Csr, reported: Reported, patients: np.ndarray) -> Severity:
    """Ridge regression of the grade on active features among X-rays whose reports give one.

    Args:
        active: [N, m] over the training split.
        reported: facts and severity words of its reports.
        patients: patient number of each X-ray, [N].
    """
    scales: dict[str, SeverityScale] = {}
    rows: list[np.ndarray] = []
    for finding in sorted({finding for words in reported.severity for finding in words}):
        fitted = _scale(finding, active, reported, patients)
        if fitted is not None:
            scales[finding], row = fitted
            rows.append(row)
    width = active.shape[1] + 1
    return Severity(scales, np.stack(rows).astype(np.float32) if rows else np.zeros((0, width), np.float32))


def _scale(
    finding: str, active: Csr, reported: Reported, patients: np.ndarray
) -> tuple[SeverityScale, np.ndarray] | None:
    words = TERMS[finding].severities if finding in TERMS else ()
    grades = np.array([words.index(w) if (w := said.get(finding, "")) in words else -1 for said in reported.severity])
    with_grade = np.flatnonzero(grades >= 0)
    y = grades[with_grade].astype(np.float64)
    who = patients[with_grade]
    if len(np.unique(who)) < FEWEST or len(np.unique(y)) < 2:
        return None
    x = dense(active[with_grade] > 0)
    held_out = np.zeros(len(y))
    for fold in range(5):
        away = who % 5 == fold
        if away.any() and not away.all():
            held_out[away] = _predict(x[away], *_ridge(x[~away], y[~away]))
    if np.ptp(held_out) == 0 or np.corrcoef(stats.rankdata(held_out), stats.rankdata(y))[0, 1] < CORRELATION:
        return None
    weights, intercept = _ridge(x, y)
    used = sorted({int(grade) for grade in y})
    shares = np.cumsum([np.mean(y == grade) for grade in used])[:-1]
    # Unseen X-rays score as the held-out ones do: cut where those fall into the grades as often as reports give them.
    cuts = np.quantile(held_out, shares)
    row = np.zeros(active.shape[1] + 1)
    row[:-1], row[-1] = weights, intercept
    return SeverityScale(tuple(words[grade] for grade in used), tuple(float(cut) for cut in cuts)), row


def _ridge(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, float]:
    """In the dual, since graded X-rays are fewer than features."""
    mean_x, mean_y = x.mean(axis=0), y.mean()
    centred = x - mean_x
    dual = np.linalg.solve(centred @ centred.T + RIDGE * np.eye(len(y)), y - mean_y)
    weights = centred.T @ dual
    return weights, float(mean_y - mean_x @ weights)


def _predict(x: np.ndarray, weights: np.ndarray, intercept: float) -> np.ndarray:
    return x @ weights + intercept
