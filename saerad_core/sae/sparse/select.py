"""Kernels that find the k largest pre-activations of a token among products that are only nearly right.

A product s of numbers rounded to bfloat16 lies within an error bound of the true pre-activation p:
|s - p| <= beta |w| + eps |s|, by Cauchy and Schwarz, where beta collects what rounding the token, rounding the weights
and summing in float32 can do. A feature can be among the k largest only where its upper bound is above the k-th largest
lower bound. Those few are computed again in float64; a token with too many of them is left to a finer screen.
"""

from __future__ import annotations

import numpy as np
from numba import njit, types
from numba.extending import overload

BLOCK = 64
"""Products that are compared at once before looking at each."""
SUMS = {"reassoc", "contract"}
"""Liberties of sums: any order (the same in each run), fused multiply-add."""


def widened(value):  # noqa: ANN001, ANN201
    raise NotImplementedError


@overload(widened, inline="always")
def _widened(value):  # noqa: ANN001, ANN202
    if isinstance(value, types.Integer):
        # bfloat16 is the upper half of a float32.
        return lambda value: np.uint32(np.uint32(np.uint16(value)) << np.uint32(16)).view(np.float32)
    return lambda value: np.float32(value)


@njit(nogil=True, cache=True)
def _compact(cand, high, low, n, k):  # noqa: ANN001, ANN202
    """Drop what can't be among the k largest; the new number of candidates and the k-th largest lower bound."""
    bound = np.partition(low[:n], n - k)[n - k]
    kept = 0
    for i in range(n):
        if not high[i] < bound:
            cand[kept], high[kept], low[kept] = cand[i], high[i], low[i]
            kept += 1
    return kept, bound


@njit(nogil=True, cache=True)
def scan(screen, first, bias_high, bias_low, norm, beta, eps, bound, cand, high, low, count, k):  # noqa: ANN001, ANN201
    """Add one chunk of features to the candidates of each token.

    Args:
        screen: [R, c] products, float32 or bfloat16 as int16.
        first: index of the chunk's first feature.
        bias_high, bias_low: float32 [m], bounds of the biases.
        norm: float32 [m], lengths of the weights, rounded up.
        beta: float32 [R]; eps: float32; see the module.
        bound: float32 [R], k-th largest lower bound so far; 0 at first, since what isn't positive is silent.
        cand, high, low: [R, C] candidates with their bounds; count: int32 [R], -1 where they didn't fit.
        k: features wanted.
    """
    capacity = cand.shape[1]
    width = screen.shape[1]
    # Slices and typed counts, or the loop isn't vectorised.
    highs, lows, norms = bias_high[first : first + width], bias_low[first : first + width], norm[first : first + width]
    for r in range(screen.shape[0]):
        n = count[r]
        if n < 0:
            continue
        t, b = bound[r], beta[r]
        row = screen[r]
        for start in range(0, width, BLOCK):
            products, up, lengths = (
                row[start : start + BLOCK],
                highs[start : start + BLOCK],
                norms[start : start + BLOCK],
            )
            hits = np.int32(0)
            for q in range(products.shape[0]):
                s = widened(products[q])
                hits += np.int32(not (s + abs(s) * eps + up[q] + b * lengths[q] <= t))
            if hits == 0:
                continue
            for q in range(products.shape[0]):
                s = widened(products[q])
                upper = s + abs(s) * eps + up[q] + b * lengths[q]
                if upper <= t:
                    continue
                if n == capacity:
                    n, least = _compact(cand[r], high[r], low[r], n, k)
                    t = max(t, least)
                    if n > capacity - capacity // 4:
                        n = -1
                        break
                    if upper <= t:
                        continue
                lower = s - abs(s) * eps + lows[start + q] - b * lengths[q]
                cand[r, n] = first + start + q
                # Products that overflowed say nothing.
                high[r, n] = upper if np.isfinite(upper) else np.float32(np.inf)
                low[r, n] = lower if np.isfinite(lower) else np.float32(-np.inf)
                n += 1
            if n < 0:
                break
        count[r] = n
        bound[r] = t


@njit(nogil=True, cache=True, fastmath=SUMS)
def _pre(x, weight, bias):  # noqa: ANN001, ANN202
    """x (float64) . weight + bias, in float64."""
    total = 0.0
    for i in range(x.shape[0]):
        total += x[i] * np.float64(weight[i])
    return total + np.float64(bias)


@njit(nogil=True, cache=True)
def _offer(feature, value, indices, values, n):  # noqa: ANN001, ANN202
    """Insert into the strongest so far, descending; of equal ones the first offered stays first."""
    k = values.shape[0]
    if n == k and value <= values[n - 1]:
        return n
    place = n if n < k else k - 1
    while place > 0 and values[place - 1] < value:
        values[place] = values[place - 1]
        indices[place] = indices[place - 1]
        place -= 1
    values[place] = value
    indices[place] = feature
    return min(n + 1, k)


@njit(nogil=True, cache=True)
def settle(x, weights, bias, ids, cand, high, low, count, indices, values, active):  # noqa: ANN001, ANN201
    """The k largest candidates of each token [R, d], computed again; tokens whose count is -1 are left as they are.

    ``ids`` maps candidates to rows of ``weights`` [m, d] and ``bias`` [m] (empty: they are the rows). Fills indices int32 [R, k],
    values [R, k] (strongest first) and active int32 [R], the positive ones.
    """
    k = indices.shape[1]
    exact = np.empty(k, np.float64)
    wide = np.empty(x.shape[1], np.float64)
    for r in range(x.shape[0]):
        n = count[r]
        if n < 0:
            continue
        if n > k:
            n, _ = _compact(cand[r], high[r], low[r], n, k)
        wide[:] = x[r]
        found = 0
        for i in range(n):
            j = cand[r, i]
            if ids.shape[0]:
                j = ids[j]
            value = _pre(wide, weights[j], bias[j])
            if value > 0:
                found = _offer(j, value, indices[r], exact, found)
        for i in range(found):
            values[r, i] = exact[i]
        active[r] = found


@njit(nogil=True, cache=True)
def exhaustive(x, weights, bias, ids, rows, indices, values, active):  # noqa: ANN001, ANN201
    """As settle, for the tokens ``rows``, from every feature."""
    k = indices.shape[1]
    exact = np.empty(k, np.float64)
    wide = np.empty(x.shape[1], np.float64)
    features = ids.shape[0] if ids.shape[0] else weights.shape[0]
    for r in rows:
        wide[:] = x[r]
        found = 0
        for i in range(features):
            j = ids[i] if ids.shape[0] else i
            value = _pre(wide, weights[j], bias[j])
            if value > 0:
                found = _offer(j, value, indices[r], exact, found)
        for i in range(found):
            values[r, i] = exact[i]
        active[r] = found
