"""Areas under the ROC curve of many scores against many labels at once."""

from __future__ import annotations

import numpy as np
from scipy import stats

BLOCK = 1_024
"""Columns of scores ranked at a time."""


def auroc(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """AUROC of every score with every label, float64 [m, L]; nan where a label has no positive or no negative.

    Args:
        scores: [N, m]; ties count half.
        labels: bool [N, L].
    """
    positive = labels.astype(np.float64)
    n1 = positive.sum(axis=0)
    n0 = len(positive) - n1
    with np.errstate(invalid="ignore", divide="ignore"):
        parts = []
        for start in range(0, scores.shape[1], BLOCK):
            ranks = stats.rankdata(scores[:, start : start + BLOCK].astype(np.float32), axis=0)
            parts.append((ranks.T @ positive - n1 * (n1 + 1) / 2) / (n1 * n0))
    return np.concatenate(parts) if parts else np.zeros((0, labels.shape[1]))


def interval(area: np.ndarray, positives: np.ndarray, negatives: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """95% interval of an AUROC by Hanley and McNeil (Radiology 143:29, 1982).

    Args:
        area: AUROCs.
        positives: patients with the label, so that a patient's many X-rays don't narrow it.
        negatives: patients without.
    """
    q1, q2 = area / (2 - area), 2 * area**2 / (1 + area)
    with np.errstate(invalid="ignore", divide="ignore"):
        variance = (area * (1 - area) + (positives - 1) * (q1 - area**2) + (negatives - 1) * (q2 - area**2)) / (
            positives * negatives
        )
    half = 1.96 * np.sqrt(np.maximum(variance, 0))
    return np.clip(area - half, 0, 1), np.clip(area + half, 0, 1)
