"""Kernels of the backward pass and of the update, one pass over the features that have something to learn.

A slot (error row, token row, value v) of feature f with decoder row D and encoder row E, where the loss's gradient at the
rebuilt token is q = scale x error, gives pull x error to D's gradient and slope x token to E's: pull = scale v and
slope = q . D, the gradient of the pre-activation. Architectures that differ have a kernel of their own (gated.py,
jumprelu.py) that finds pulls, slopes and the gradients of a feature's biases; all else is here. Everything takes the type of the
parameters.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from saerad_core.sae.sparse.select import SUMS

PARTS = 64
"""Parts that the features are cut into, whatever the number of threads, so that sums don't depend on it."""


@njit(nogil=True, cache=True, fastmath=SUMS)
def remainder(x, weights, first, active, indices, values, out, squares):  # noqa: ANN001, ANN201
    """out [R, d] = x - decoded slots, and each row's squared length (float64)."""
    d = x.shape[1]
    for r in range(x.shape[0]):
        row = out[r]
        row[:] = x[r]
        for slot in range(first[r], first[r] + active[r]):
            v, weight = values[slot], weights[indices[slot]]
            if v == 0:
                continue
            for i in range(d):
                row[i] -= v * weight[i]
        total = 0.0
        for i in range(d):
            total += np.float64(row[i]) * np.float64(row[i])
        squares[r] = total


@njit(nogil=True, cache=True, fastmath=SUMS)
def dot(a, b):  # noqa: ANN001, ANN201
    """Sum of the products of two rows, in their type."""
    total = a[0] * b[0]
    for i in range(1, a.shape[0]):
        total += a[i] * b[i]
    return total


@njit(nogil=True, cache=True, fastmath=SUMS)
def gradients(start, stop, rows, pulls, slopes, errors, x, to_dec, to_enc):  # noqa: ANN001, ANN201
    """Sum one feature's slots: gradients of its decoder and encoder rows."""
    batch, d = x.shape
    for i in range(d):
        to_dec[i] = 0
        to_enc[i] = 0
    for p in range(start, stop):
        error, token = errors[rows[p]], x[rows[p] % batch]
        pull, slope = pulls[p], slopes[p]
        for i in range(d):
            to_dec[i] += pull * error[i]
            to_enc[i] += slope * token[i]


@njit(nogil=True, cache=True, fastmath=SUMS)
def gauge(start, stop, rows, pulls, slopes, errors, x, encoder, to_dec, to_enc, shift):  # noqa: ANN001, ANN201
    """Squared length (float64) of one feature's gradients; adds to shift float64 [d] what the encoder sends back to b_dec."""
    gradients(start, stop, rows, pulls, slopes, errors, x, to_dec, to_enc)
    total = 0.0
    for p in range(start, stop):
        total += np.float64(slopes[p])
    for i in range(x.shape[1]):
        shift[i] -= total * np.float64(encoder[i])
    return np.float64(dot(to_dec, to_dec)) + np.float64(dot(to_enc, to_enc))


@njit(nogil=True, cache=True, fastmath=SUMS)
def measure(lo, hi, features, starts, rows, values, scales, errors, x, enc, dec, pulls, slopes, sums, shift):  # noqa: ANN001, ANN201
    """Gradients of features[lo:hi], measured and let go; returns the sum of their rows' squares (float64).

    Fills pulls and slopes [n] and sums [1, F], the gradients of the biases.

    Args:
        scales: [L], factor from errors to gradients of rebuilt tokens, of each loss.
        errors: [L B, d], remainders.
        x: [B, d], tokens less the decoder's bias.
    """
    batch, d = x.shape
    to_dec, to_enc = np.empty(d, x.dtype), np.empty(d, x.dtype)
    squares = 0.0
    for at in range(lo, hi):
        f, start, stop = features[at], starts[at], starts[at + 1]
        for p in range(start, stop):
            scale = scales[rows[p] // batch]
            pulls[p] = scale * values[p]
            slopes[p] = scale * dot(errors[rows[p]], dec[f])
            sums[0, at] += slopes[p]
        squares += gauge(start, stop, rows, pulls, slopes, errors, x, enc[f], to_dec, to_enc, shift)
    return squares


# Without numpy's error model every division could raise, and nothing would be vectorised.
@njit(nogil=True, cache=True, fastmath={"contract"}, error_model="numpy")
def _adam(weight, gradient, first, second, keep, clip, rate, root, eps):  # noqa: ANN001, ANN202
    """One row's Adam step; keep: (beta1, 1 - beta1, beta2, 1 - beta2); root: sqrt of the second's correction."""
    b1, c1, b2, c2 = keep[0], keep[1], keep[2], keep[3]
    for i in range(weight.shape[0]):
        g = gradient[i] * clip
        a = b1 * first[i] + c1 * g
        b = b2 * second[i] + c2 * g * g
        first[i] = a
        second[i] = b
        weight[i] -= rate * a / (np.sqrt(b) * root + eps)


@njit(nogil=True, cache=True, fastmath=SUMS, error_model="numpy")
def update(  # noqa: ANN201
    lo, hi, features, starts, rows, pulls, slopes, errors, x, clip, lr, keep, eps, enc, dec,  # noqa: ANN001
    moments, counts, half, norm, unit,  # noqa: ANN001
):  # fmt: skip
    """Gradients of features[lo:hi] again, clipped, projected, and what Adam makes of them; rows to unit length.

    Args:
        clip: factor that all gradients take.
        keep: [4] of the parameters' type, see _adam.
        enc, dec: [m, d]; both updated in place.
        moments: (first, second) of enc and of dec.
        counts: float32 [m], updates so far.
        half: int16 [m, d], the bfloat16 copy for the screen, or [0, d]; norm: float32 [m]; both renewed.
        unit: whether decoder rows have unit length.
    """
    d = x.shape[1]
    to_dec, to_enc = np.empty(d, x.dtype), np.empty(d, x.dtype)
    one = keep[:1]
    for at in range(lo, hi):
        f = features[at]
        decoder, encoder = dec[f], enc[f]
        gradients(starts[at], starts[at + 1], rows, pulls, slopes, errors, x, to_dec, to_enc)
        counts[f] += 1
        rate = one.dtype.type(lr / (1 - np.float64(keep[0]) ** counts[f]))
        root = one.dtype.type(1 / np.sqrt(1 - np.float64(keep[2]) ** counts[f]))
        if unit:
            outward = dot(to_dec, decoder)
            for i in range(d):
                to_dec[i] -= outward * decoder[i]
        _adam(decoder, to_dec, moments[2][f], moments[3][f], keep, clip, rate, root, eps)
        if unit:
            length = max(np.sqrt(np.float64(dot(decoder, decoder))), 1e-8)
            scale = one.dtype.type(1 / length)
            for i in range(d):
                decoder[i] *= scale
        _adam(encoder, to_enc, moments[0][f], moments[1][f], keep, clip, rate, root, eps)
        # Rounded up by more than the sum can be off.
        norm[f] = np.sqrt(np.float64(dot(encoder, encoder))) * (1 + d * 2.0**-22 + 1e-6) + 1e-17
        if half.shape[0]:
            copy = half[f]
            for i in range(d):
                bits = np.float32(encoder[i]).view(np.uint32)
                # Round to the nearest, ties to even.
                odd = (bits >> np.uint32(16)) & np.uint32(1)
                copy[i] = np.int16(np.uint16((bits + np.uint32(0x7FFF) + odd) >> np.uint32(16)))
