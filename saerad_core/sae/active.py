"""When a feature counts as active for an X-ray.

A CLS code has k features and all of them speak. The maximum over patches has hundreds, most of them weak: there a
feature speaks where it is unusually strong for itself.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from scipy import sparse

from saerad_core.sae.codes import FLOATS, SparseCodes
from saerad_core.sae.columns import Columns

MOST_FREQUENT = 0.15
"""No feature speaks for more than this share of training X-rays: one that always speaks says nothing."""
FEWEST_FIRING = 5
"""A feature that fires on fewer training X-rays has no threshold of its own and stays silent."""
MOST_DEVIATIONS = 1_000
"""No feature lies further above its mean: of N X-rays, one is sqrt(N) deviations above at most."""


class ActiveRule(NamedTuple):
    """Thresholds, and the rule in words."""

    thresholds: np.ndarray
    """float32 [m]; a feature speaks where its activation is above; inf where it never does."""
    rule: str


def fit_thresholds(
    codes: Columns, *, tokens: str, pool: str = "max", target: float = 20.0, cap: float = MOST_FREQUENT
) -> ActiveRule:
    """Each feature's threshold, from the codes of the training X-rays.

    For patches: the feature's mean plus z standard deviations, but never below its (1 - cap) quantile; z is one
    number for all features, solved so that ``target`` features speak for an X-ray on average.

    Args:
        codes: of the training X-rays by feature, before the rule.
        tokens: cls or patch.
        pool: max or mean: what the codes are of the patches', for the rule in words.
        target: active features an X-ray on average.
        cap: largest share of X-rays that one feature may speak for.
    """
    m = len(codes.starts) - 1
    if tokens == "cls":
        return ActiveRule(
            np.zeros(m, dtype=np.float32), "A feature is active where it is among the k of the CLS token."
        )
    mean, sd = codes.moments()
    floor = codes.quantile(1 - cap)
    fires = np.diff(codes.starts) >= FEWEST_FIRING

    def at(z: float) -> np.ndarray:
        return np.where(fires, np.maximum(mean + z * sd, floor), np.inf).astype(np.float32)

    low, high = -1.0, 12.0
    # Features of a wide dictionary are rare: one that fires on 1 in 1,000 X-rays lies 30 deviations above its mean there.
    while high < MOST_DEVIATIONS and codes.above(at(high)).sum() / codes.n > target:
        low, high = high, 2 * high
    for _ in range(30):
        z = (low + high) / 2
        if codes.above(at(z)).sum() / codes.n > target:
            low = z
        else:
            high = z
    pooled = "its mean over patches" if pool == "mean" else "its strongest patch"
    rule = (
        f"A feature is active where {pooled} is more than {high:.1f} standard deviations above the feature's "
        f"mean over training X-rays, and within its top {cap:.0%} of them."
    )
    return ActiveRule(at(high), rule)


def active_rows(codes: SparseCodes, thresholds: np.ndarray) -> Any:  # noqa: ANN401 - scipy ships no types
    """csr_matrix float32 [N, m] of the codes above their thresholds, float32 [m], >= 0."""
    parts = _above(codes.indptr, codes.indices, codes.bits, thresholds.astype(np.float32), FLOATS)
    return sparse.csr_matrix(parts, shape=codes.shape)


@njit(nogil=True, cache=True)
def _above(indptr, indices, bits, thresholds, floats):  # noqa: ANN001, ANN202
    n = len(indptr) - 1
    starts = np.zeros(n + 1, np.int64)
    for row in range(n):
        count = 0
        for at in range(indptr[row], indptr[row + 1]):
            count += floats[bits[at]] > thresholds[indices[at]]
        starts[row + 1] = starts[row] + count
    features, values = np.empty(starts[-1], np.int32), np.empty(starts[-1], np.float32)
    n = 0
    for at in range(indptr[0], indptr[-1]):
        value = floats[bits[at]]
        if value > thresholds[indices[at]]:
            features[n], values[n] = indices[at], value
            n += 1
    return values, features, starts


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
