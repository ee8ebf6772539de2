"""When a feature counts as active for an X-ray.

A CLS code has k features and all of them speak. The maximum over patches has hundreds, most of them weak: there a
feature speaks where it is unusually strong for itself.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

MOST_FREQUENT = 0.15
"""No feature speaks for more than this share of training X-rays: one that always speaks says nothing."""
FEWEST_FIRING = 5
"""A feature that fires on fewer training X-rays has no threshold of its own and stays silent."""


class ActiveRule(NamedTuple):
    """Thresholds, and the rule in words."""

    thresholds: np.ndarray
    """float32 [m]; a feature speaks where its activation is above; inf where it never does."""
    rule: str


def fit_thresholds(codes: np.ndarray, *, tokens: str, target: float = 20.0, cap: float = MOST_FREQUENT) -> ActiveRule:
    """Each feature's threshold, from the codes of the training X-rays.

    For patches: the feature's mean plus z standard deviations, but never below its (1 - cap) quantile; z is one
    number for all features, solved so that ``target`` features speak for an X-ray on average.

    Args:
        codes: float32 [N, m], before the rule.
        tokens: cls or patch.
        target: active features an X-ray on average.
        cap: largest share of X-rays that one feature may speak for.
    """
    n, m = codes.shape
    if tokens == "cls":
        return ActiveRule(
            np.zeros(m, dtype=np.float32), "A feature is active where it is among the k of the CLS token."
        )
    mean, sd = codes.mean(0), codes.std(0)
    floor = np.quantile(codes, 1 - cap, axis=0)
    fires = (codes > 0).sum(0) >= FEWEST_FIRING

    def at(z: float) -> np.ndarray:
        return np.where(fires, np.maximum(mean + z * sd, floor), np.inf).astype(np.float32)

    low, high = -1.0, 12.0
    for _ in range(30):
        z = (low + high) / 2
        if (codes > at(z)).sum() / n > target:
            low = z
        else:
            high = z
    rule = (
        f"A feature is active where its strongest patch is more than {high:.1f} standard deviations above the feature's "
        f"mean over training X-rays, and within its top {cap:.0%} of them."
    )
    return ActiveRule(at(high), rule)


def active(code: np.ndarray, thresholds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Active features of one X-ray, the furthest above their own thresholds first.

    Args:
        code: float32 [m].
        thresholds: float32 [m].

    Returns:
        int64 [a] feature ids and their float32 [a] activations.
    """
    features = np.flatnonzero(code > thresholds)
    values = code[features]
    # Thresholds are 0 for CLS codes; there the activation itself decides.
    order = np.argsort(-values / np.maximum(thresholds[features], 1e-6), kind="stable")
    if not thresholds[features].any():
        order = np.argsort(-values, kind="stable")
    return features[order], values[order].astype(np.float32)
