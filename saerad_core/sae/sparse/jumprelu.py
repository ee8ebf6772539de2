"""Kernel of the JumpReLU SAE's step: slots are the pre-activations above a threshold or just below it."""

from __future__ import annotations

import numpy as np
from numba import njit

from saerad_core.sae.sparse.select import SUMS
from saerad_core.sae.sparse.update import dot, gauge


@njit(nogil=True, cache=True, fastmath=SUMS)
def measure_jumprelu(  # noqa: ANN201
    threshold, width, weight, lo, hi, features, starts, rows, values, scales, errors, x, enc, dec,  # noqa: ANN001
    pulls, slopes, sums, shift,  # noqa: ANN001
):  # fmt: skip
    """As saerad_core.sae.sparse.update.measure, with the straight-through estimates of saerad_core.sae.jumprelu.

    Args:
        threshold: [m], as learned; below 0 it counts as 0 and learns nothing.
        width: of the kernel around a threshold.
        weight: of one active feature of one token in the loss.
        scales: [2], of the loss and of the auxiliary loss.
        sums: [2, F], gradients of b_enc and of the threshold.
    """
    batch, d = x.shape
    to_dec, to_enc = np.empty(d, x.dtype), np.empty(d, x.dtype)
    squares = 0.0
    for at in range(lo, hi):
        f, start, stop = features[at], starts[at], starts[at + 1]
        learned, limit = threshold[f] >= 0, max(threshold[f], threshold[f] * 0)
        for p in range(start, stop):
            r = rows[p]
            push = scales[r // batch] * dot(errors[r], dec[f])
            value = max(values[p], values[p] * 0)
            slopes[p] = 0
            pulls[p] = 0
            if r >= batch or value > limit:
                slopes[p] = push
                pulls[p] = scales[r // batch] * value
                sums[0, at] += push
            if r < batch and learned and abs(value - limit) < width / 2:
                sums[1, at] -= (limit * push + weight) / width
        squares += gauge(start, stop, rows, pulls, slopes, errors, x, enc[f], to_dec, to_enc, shift)
    return squares
