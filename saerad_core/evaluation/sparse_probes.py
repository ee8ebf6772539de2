"""What a few features tell of each label, beside the whole embedding (docs/metrics.md).

Features are chosen and probes fitted on training patients, penalties chosen on validation patients; the scored split is
only looked at to score.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from saerad_core.descriptions.auroc import sparse_auroc
from saerad_core.evaluation.bootstrap import check_patients, interval, resample, weighted_auroc
from saerad_core.evaluation.probes import PENALTIES, choose_penalty, fit_probes
from saerad_core.sae.codes import SparseCodes
from saerad_core.sae.columns import by_feature

KS = (1, 5, 15)
"""Features that a sparse probe may use."""
FEWEST = 5
"""Patients with a label, and without it, that training and scored split each need."""
DENSE = "dense"
SINGLE = "single"


def select(codes: Any, shown: np.ndarray, most: int) -> np.ndarray:  # noqa: ANN401 - scipy ships no types
    """The features that tell a label most, int64 [most, L], the best first.

    By the absolute difference of a feature's means with and without the label over its standard deviation (the maximum mean
    difference of Gurnee et al. 2023, "Finding Neurons in a Haystack", in units of the feature's own spread).

    Args:
        codes: [N, m] of training X-rays, dense or sparse.
        shown: bool [N, L].
        most: features a label, at most m.
    """
    codes = sparse.csc_matrix(codes, dtype=np.float64)
    n = codes.shape[0]
    positive = shown.astype(np.float64)
    count = positive.sum(axis=0)
    total = np.asarray(codes.sum(axis=0)).ravel()
    squares = np.asarray(codes.multiply(codes).sum(axis=0)).ravel()
    spread = np.sqrt(np.maximum(squares / n - (total / n) ** 2, 0))
    among = np.asarray(codes.T @ positive)
    apart = np.abs(among / np.maximum(count, 1) - (total[:, None] - among) / np.maximum(n - count, 1))
    strength = np.where(spread[:, None] > 1e-9, apart / np.maximum(spread[:, None], 1e-9), 0.0)
    return np.argsort(-strength, axis=0, kind="stable")[:most]


def single_features(codes: Any, shown: np.ndarray) -> tuple[np.ndarray, np.ndarray]:  # noqa: ANN401
    """The feature with the highest AUROC for each label, int64 [L], and that AUROC float64 [L]; codes [N, m], shown bool [N, L]."""
    areas = np.nan_to_num(sparse_auroc(by_feature(SparseCodes.of(codes)), shown), nan=0.0)
    best = areas.argmax(axis=0)
    return best, areas[best, np.arange(shown.shape[1])]


def probe(
    codes: Any,  # noqa: ANN401
    embeddings: np.ndarray,
    names: list[str],
    shown: np.ndarray,
    split: np.ndarray,
    patients: np.ndarray,
    scored: str = "test",
    ks: tuple[int, ...] = KS,
) -> dict[str, Any]:
    """AUROC of the best single feature, of sparse probes and of the dense probe for each label, with 95% intervals by patient.

    Args:
        codes: [N, m] before the active rule, dense or sparse.
        embeddings: [N, d], for the dense probe.
        names: L labels.
        shown: bool [N, L].
        split: [N] of train, validate, test.
        patients: [N] patient of each X-ray.
        scored: the split that nothing is chosen on.
        ks: features of the sparse probes.

    Returns:
        ``labels``: an entry a label with enough patients; ``mean``: over these labels, for each way of telling; ``less_than_dense``: the
        mean AUROC less the dense probe's, paired by patient; ``left_out``: labels with too few patients.

    Raises:
        WorkspaceError: a patient is in two splits.
    """
    check_patients(split, patients)
    codes = sparse.csr_matrix(codes, dtype=np.float32)
    fit, here = np.flatnonzero(split == "train"), np.flatnonzero(split == scored)
    # Where the validation patients are scored, they choose no penalty: the probes then take the middle one.
    check = np.flatnonzero((split == "validate") & (split != scored))
    kept = [
        i for i in range(len(names)) if _enough(shown[:, i], patients, fit) and _enough(shown[:, i], patients, here)
    ]
    left_out = [name for i, name in enumerate(names) if i not in kept]
    if not kept:
        return {"labels": [], "mean": {}, "less_than_dense": {}, "left_out": left_out}
    y = shown[:, kept]
    train, validate, test = (sparse.csc_matrix(codes[rows]) for rows in (fit, check, here))
    order = select(train, y[fit], max(ks))
    single, chosen_area = single_features(train, y[fit])

    known = np.ones_like(y, dtype=np.float32)
    scores = {
        DENSE: _dense(embeddings[fit], y[fit], embeddings[check], y[check], embeddings[here]),
        SINGLE: test[:, single].toarray(),
    }
    for k in ks:
        told = np.zeros((len(here), len(kept)))
        for column in range(len(kept)):
            one = order[:k, column]
            inputs = [part[:, one].toarray() for part in (train, validate, test)]
            at = slice(column, column + 1)
            fitted = choose_penalty(inputs[0], y[fit, at], known[fit, at], inputs[1], y[check, at], known[check, at])
            told[:, column] = fitted.logits(inputs[2])[:, 0]
        scores[f"k{k}"] = told
    return _scored(scores, [names[i] for i in kept], y[here], patients[here], order, single, chosen_area) | {
        "left_out": left_out
    }


def _dense(x: np.ndarray, y: np.ndarray, check_x: np.ndarray, check_y: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Logits [N, L] of ``asked``, each label with the penalty that suits it on the validation split, as sparse probes have."""
    fitted = [fit_probes(x, y, np.ones_like(y, dtype=np.float32), penalty) for penalty in PENALTIES]
    told = np.stack([probes.logits(asked) for probes in fitted])
    if not len(check_x):
        return told[len(PENALTIES) // 2]
    losses = []
    for probes in fitted:
        logits = probes.logits(check_x)
        losses.append((np.logaddexp(0, logits) - check_y * logits).sum(axis=0))
    return np.take_along_axis(told, np.argmin(losses, axis=0)[None, None, :], axis=0)[0]


def _scored(
    scores: dict[str, np.ndarray],
    names: list[str],
    y: np.ndarray,
    patients: np.ndarray,
    order: np.ndarray,
    single: np.ndarray,
    chosen_area: np.ndarray,
) -> dict[str, Any]:
    weights = resample(patients)
    areas = {
        way: np.stack([weighted_auroc(told[:, i], y[:, i], weights) for i in range(len(names))])
        for way, told in scores.items()
    }  # [L, 1 + samples]
    labels = []
    for i, name in enumerate(names):
        entry: dict[str, Any] = {
            "label": name,
            "n_positive_patients": len(np.unique(patients[y[:, i]])),
            "feature_id": int(single[i]),
            "auroc_where_chosen": float(chosen_area[i]),
            "features": [int(f) for f in order[:, i]],
        }
        for way in scores:
            entry[way] = _figure(areas[way][i])
        labels.append(entry)
    mean = {way: some.mean(axis=0) for way, some in areas.items()}
    return {
        "labels": labels,
        "mean": {way: _figure(some) for way, some in mean.items()},
        "less_than_dense": {way: _figure(some - mean[DENSE]) for way, some in mean.items() if way != DENSE},
    }


def _figure(samples: np.ndarray) -> dict[str, float]:
    low, high = interval(samples[1:])
    return {"auroc": float(samples[0]), "lo": low, "hi": high}


def _enough(shown: np.ndarray, patients: np.ndarray, rows: np.ndarray) -> bool:
    have, lack = (len(np.unique(patients[rows[shown[rows] == one]])) for one in (True, False))
    return have >= FEWEST and lack >= FEWEST
