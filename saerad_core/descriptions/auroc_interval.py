"""How sure an area under the ROC curve is. Apart from auroc.py, whose numba and scipy.stats take pages half a second to load."""

from __future__ import annotations

import numpy as np


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
