"""AUROC with intervals over resampled patients; the same resamples for everything that is compared."""

from __future__ import annotations

import numpy as np

from saerad_core.errors import WorkspaceError

SAMPLES = 1_000
"""Bootstrap samples of patients."""


def check_patients(split: np.ndarray, patients: np.ndarray) -> None:
    """Refuse splits that share a patient.

    Args:
        split: [N] of train, validate, test.
        patients: [N] patient of each X-ray.

    Raises:
        WorkspaceError: X-rays of one patient are in two splits.
    """
    number = np.unique(patients, return_inverse=True)[1]
    if (
        len(np.unique(np.stack([number, np.unique(split, return_inverse=True)[1]]), axis=1).T)
        > number.max(initial=-1) + 1
    ):
        raise WorkspaceError(
            "X-rays of one patient are in two splits, so that scores would be of patients already seen; split by patient and build again."
        )


def resample(patients: np.ndarray, samples: int = SAMPLES, seed: int = 0) -> np.ndarray:
    """How often each X-ray is in each bootstrap sample of patients, float64 [N, 1 + samples]; the first is the data itself."""
    number = np.unique(patients, return_inverse=True)[1]
    n = int(number.max(initial=-1)) + 1
    drawn = (
        np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=samples).T if n else np.zeros((0, samples))
    )
    return np.concatenate([np.ones((len(number), 1)), drawn[number]], axis=1)


def weighted_auroc(scores: np.ndarray, label: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """AUROC under each column of weights, float64 [B]; nan where a column has no positive or no negative.

    Args:
        scores: [N]; ties count half.
        label: bool [N].
        weights: [N, B] >= 0, as from ``resample``.
    """
    order = np.argsort(scores, kind="stable")
    ordered, label, weights = scores[order], label[order], weights[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    positive = np.add.reduceat(weights * label[:, None], starts, axis=0)
    negative = np.add.reduceat(weights * ~label[:, None], starts, axis=0)
    below = np.cumsum(negative, axis=0) - negative
    with np.errstate(invalid="ignore", divide="ignore"):
        return (positive * (below + negative / 2)).sum(axis=0) / (positive.sum(axis=0) * negative.sum(axis=0))


def interval(samples: np.ndarray) -> tuple[float, float]:
    """95% percentile interval of bootstrap figures [B], those that couldn't be computed left out."""
    known = samples[~np.isnan(samples)]
    if not len(known):
        return float("nan"), float("nan")
    low, high = np.quantile(known, [0.025, 0.975])
    return float(low), float(high)
