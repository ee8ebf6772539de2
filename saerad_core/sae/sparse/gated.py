"""Kernels of the gated SAE's step: a slot's value is its gate pi > 0, and the magnitude is made from it.

Two errors belong to a token: rows 0 to B - 1 of what the magnitudes leave over, rows B to 2B - 1 of what the gates do
(through a frozen decoder, so that they pull at no decoder row); the auxiliary loss's follow.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from saerad_core.sae.sparse.select import SUMS
from saerad_core.sae.sparse.update import dot, gauge


@njit(nogil=True, cache=True, fastmath=SUMS)
def remainders(x, weights, first, active, indices, magnitudes, gates, out, gated, squares):  # noqa: ANN001, ANN201
    """out [R, d] and gated [R, d]: x less what magnitudes and gates rebuild; squares float64 [R, 2], their squared lengths."""
    d = x.shape[1]
    for r in range(x.shape[0]):
        row, other = out[r], gated[r]
        row[:] = x[r]
        other[:] = x[r]
        for slot in range(first[r], first[r] + active[r]):
            v, g, weight = magnitudes[slot], gates[slot], weights[indices[slot]]
            for i in range(d):
                row[i] -= v * weight[i]
                other[i] -= g * weight[i]
        total, left = 0.0, 0.0
        for i in range(d):
            total += np.float64(row[i]) * np.float64(row[i])
            left += np.float64(other[i]) * np.float64(other[i])
        squares[r, 0], squares[r, 1] = total, left


@njit(nogil=True, cache=True, fastmath=SUMS)
def measure_gated(  # noqa: ANN201
    b_gate, b_mag, r_mag, weight, lo, hi, features, starts, rows, values, scales, errors, x, enc,  # noqa: ANN001
    dec, pulls, slopes, sums, shift,  # noqa: ANN001
):  # fmt: skip
    """As saerad_core.sae.sparse.update.measure, for gates.

    Args:
        b_gate, b_mag, r_mag: [m].
        weight: of a gate times its decoder row's length in the loss.
        scales: [3], of the magnitudes', the gates' and the auxiliary loss.
        sums: [3, F], gradients of b_gate, b_mag and r_mag.
    """
    batch, d = x.shape
    to_dec, to_enc = np.empty(d, x.dtype), np.empty(d, x.dtype)
    squares = 0.0
    for at in range(lo, hi):
        f, start, stop = features[at], starts[at], starts[at + 1]
        decoder, shut, base, stretch = dec[f], b_gate[f], b_mag[f], np.exp(r_mag[f])
        length = np.sqrt(dot(decoder, decoder))
        for p in range(start, stop):
            r = rows[p]
            if r >= 2 * batch:
                slopes[p] = scales[2] * dot(errors[r], decoder)
                pulls[p] = scales[2] * values[p]
                sums[0, at] += slopes[p]
                continue
            slope = scales[1] * dot(errors[batch + r], decoder) + weight * length
            sums[0, at] += slope
            stretched = (values[p] - shut) * stretch
            pulls[p] = 0
            if stretched + base > 0:
                push = scales[0] * dot(errors[r], decoder)
                pulls[p] = scales[0] * (stretched + base)
                sums[1, at] += push
                sums[2, at] += push * stretched
                slope += push * stretch
            slopes[p] = slope
        squares += gauge(start, stop, rows, pulls, slopes, errors, x, enc[f], to_dec, to_enc, shift)
    return squares
