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
    fit, _, here = _rows(split, scored)
    kept = [
        i
        for i in range(len(names))
        if enough_patients(shown[:, i], patients, fit) and enough_patients(shown[:, i], patients, here)
    ]
    left_out = [name for i, name in enumerate(names) if i not in kept]
    if not kept:
        return {"labels": [], "mean": {}, "less_than_dense": {}, "left_out": left_out}
    y = shown[:, kept]
    order, single, chosen_area = chosen(codes, y, split, max(ks))
    scores = {DENSE: dense_scores(embeddings, y, split, scored)} | sparse_scores(codes, y, split, scored, ks)
    return _scored(scores, [names[i] for i in kept], y[here], patients[here], order, single, chosen_area) | {
        "left_out": left_out
    }


def chosen(codes: Any, shown: np.ndarray, split: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # noqa: ANN401
    """``select`` and ``single_features`` on the training X-rays; codes [N, m], shown bool [N, L]."""
    fit = np.flatnonzero(split == "train")
    train = sparse.csc_matrix(sparse.csr_matrix(codes, dtype=np.float32)[fit])
    return select(train, shown[fit], most), *single_features(train, shown[fit])


def sparse_scores(
    codes: Any,  # noqa: ANN401
    shown: np.ndarray,
    split: np.ndarray,
    scored: str,
    ks: tuple[int, ...] = KS,
) -> dict[str, np.ndarray]:
    """What the best single feature and sparse probes say of the scored X-rays: way of telling -> scores [n, L].

    Args:
        codes: [N, m] before the active rule, dense or sparse.
        shown: bool [N, L].
        split: [N] of train, validate, test.
        scored: the split that nothing is chosen on.
        ks: features of the sparse probes.
    """
    codes = sparse.csr_matrix(codes, dtype=np.float32)
    fit, check, here = _rows(split, scored)
    train, validate, test = (sparse.csc_matrix(codes[rows]) for rows in (fit, check, here))
    order, single, _ = chosen(codes, shown, split, max(ks))
    known = np.ones_like(shown, dtype=np.float32)
    scores = {SINGLE: test[:, single].toarray()}
    for k in ks:
        told = np.zeros((len(here), shown.shape[1]))
        for column in range(shown.shape[1]):
            one = order[:k, column]
            inputs = [part[:, one].toarray() for part in (train, validate, test)]
            at = slice(column, column + 1)
            fitted = choose_penalty(
                inputs[0], shown[fit, at], known[fit, at], inputs[1], shown[check, at], known[check, at]
            )
            told[:, column] = fitted.logits(inputs[2])[:, 0]
        scores[f"k{k}"] = told
    return scores


def dense_scores(x: np.ndarray, shown: np.ndarray, split: np.ndarray, scored: str) -> np.ndarray:
    """Logits [n, L] of the scored X-rays by probes on all of ``x`` float [N, d], each label with the penalty that suits it
    on the validation split, as sparse probes have."""
    fit, check, here = _rows(split, scored)
    fitted = [fit_probes(x[fit], shown[fit], np.ones_like(shown[fit], dtype=np.float32), one) for one in PENALTIES]
    told = np.stack([probes.logits(x[here]) for probes in fitted])
    if not len(check):
        return told[len(PENALTIES) // 2]
    losses = []
    for probes in fitted:
        logits = probes.logits(x[check])
        losses.append((np.logaddexp(0, logits) - shown[check] * logits).sum(axis=0))
    return np.take_along_axis(told, np.argmin(losses, axis=0)[None, None, :], axis=0)[0]


def _rows(split: np.ndarray, scored: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """X-rays that probes are fitted on, that choose their penalty, and that are scored."""
    # Where the validation patients are scored, they choose no penalty: the probes then take the middle one.
    check = (split == "validate") & (split != scored)
    return np.flatnonzero(split == "train"), np.flatnonzero(check), np.flatnonzero(split == scored)


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


def enough_patients(shown: np.ndarray, patients: np.ndarray, rows: np.ndarray) -> bool:
    """Whether FEWEST patients of the X-rays ``rows`` show a label, bool [N], and as many don't."""
    have, lack = (len(np.unique(patients[rows[shown[rows] == one]])) for one in (True, False))
    return have >= FEWEST and lack >= FEWEST
