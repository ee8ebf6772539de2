"""Kernels of the backward pass and of the update, one pass over the features that have something to learn.

A slot (token row, value v) of feature f with decoder row D and encoder row E, where the loss's gradient at the rebuilt
token is q, gives v q to D's gradient, g = q . D to the pre-activation's, and so g x to E's and g to the bias's.
Everything takes the type of the parameters.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from saerad_core.sae.sparse.select import SUMS

PARTS = 64
"""Parts that the features are cut into, whatever the number of threads, so that sums don't depend on it."""


@njit(nogil=True, cache=True, fastmath=SUMS)
def remainder(x, weights, bias, indices, values, active, out, squares):  # noqa: ANN001, ANN201
    """out [R, d] = x - bias - decoded codes, and each row's squared length (float64); ``bias`` may be zeros."""
    d = x.shape[1]
    for r in range(x.shape[0]):
        row = out[r]
        for i in range(d):
            row[i] = x[r, i] - bias[i]
        for slot in range(active[r]):
            v, weight = values[r, slot], weights[indices[r, slot]]
            for i in range(d):
                row[i] -= v * weight[i]
        total = 0.0
        for i in range(d):
            total += np.float64(row[i]) * np.float64(row[i])
        squares[r] = total


@njit(nogil=True, cache=True)
def by_feature(m, indices, values, active, aux_indices, aux_values, aux_active):  # noqa: ANN001, ANN201
    """Sort slots by feature, rows ascending; rows of the auxiliary loss are numbered from B on.

    Returns:
        int32 [F] features with slots, int64 [F + 1] where each one's begin, int32 [n] rows, [n] values.
    """
    batch = indices.shape[0]
    place = np.zeros(m + 1, np.int64)
    for r in range(batch):
        for slot in range(active[r]):
            place[indices[r, slot] + 1] += 1
        for slot in range(aux_active[r] if aux_active.shape[0] else 0):
            place[aux_indices[r, slot] + 1] += 1
    touched = 0
    for f in range(m):
        touched += place[f + 1] > 0
    features, starts = np.empty(touched, np.int32), np.zeros(touched + 1, np.int64)
    at = 0
    for f in range(m):
        if place[f + 1] > 0:
            features[at] = f
            starts[at + 1] = starts[at] + place[f + 1]
            at += 1
        place[f + 1] += place[f]
    rows, sorted_values = np.empty(place[m], np.int32), np.empty(place[m], values.dtype)
    for r in range(batch):
        for slot in range(active[r]):
            f = indices[r, slot]
            rows[place[f]], sorted_values[place[f]] = r, values[r, slot]
            place[f] += 1
    for r in range(batch if aux_active.shape[0] else 0):
        for slot in range(aux_active[r]):
            f = aux_indices[r, slot]
            rows[place[f]], sorted_values[place[f]] = batch + r, aux_values[r, slot]
            place[f] += 1
    return features, starts, rows, sorted_values


@njit(nogil=True, cache=True, fastmath=SUMS)
def _dot(a, b):  # noqa: ANN001, ANN202
    total = a[0] * b[0]
    for i in range(1, a.shape[0]):
        total += a[i] * b[i]
    return total


@njit(nogil=True, cache=True, fastmath=SUMS)
def _gradients(start, stop, rows, values, slopes, scales, errors, x, to_dec, to_enc):  # noqa: ANN001, ANN202
    """Sum one feature's slots: gradients of its decoder and encoder rows."""
    batch, d = x.shape
    to_dec[:] = 0
    to_enc[:] = 0
    for p in range(start, stop):
        r = rows[p]
        aux = r >= batch
        error, token = errors[r], x[r - batch if aux else r]
        weight, slope = values[p] * scales[1 if aux else 0], slopes[p]
        for i in range(d):
            to_dec[i] += weight * error[i]
            to_enc[i] += slope * token[i]


@njit(nogil=True, cache=True, fastmath=SUMS)
def measure(lo, hi, features, starts, rows, values, scales, errors, x, enc, dec, slopes, sums, shift):  # noqa: ANN001, ANN201
    """Gradients of features[lo:hi], measured and let go; returns the sum of their squares (float64).

    Fills slopes [n], gradients of pre-activations, and sums [F], of the biases; adds to shift float64 [d] what the
    encoder sends back to the decoder's bias.

    Args:
        scales: [2], factor from errors to gradients of rebuilt tokens, of the loss and of the auxiliary loss.
        errors: [B or 2B, d], remainders.
        x: [B, d], tokens less the decoder's bias.
    """
    batch, d = x.shape
    to_dec, to_enc = np.empty(d, x.dtype), np.empty(d, x.dtype)
    squares = 0.0
    for at in range(lo, hi):
        f, start, stop = features[at], starts[at], starts[at + 1]
        total = slopes[start] * 0
        for p in range(start, stop):
            slopes[p] = scales[1 if rows[p] >= batch else 0] * _dot(errors[rows[p]], dec[f])
            total += slopes[p]
        sums[at] = total
        _gradients(start, stop, rows, values, slopes, scales, errors, x, to_dec, to_enc)
        part = np.float64(_dot(to_dec, to_dec)) + np.float64(_dot(to_enc, to_enc))
        squares += part + np.float64(total) * np.float64(total)
        for i in range(d):
            shift[i] -= np.float64(total) * np.float64(enc[f, i])
    return squares


@njit(nogil=True, cache=True, fastmath={"contract"})
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


@njit(nogil=True, cache=True, fastmath=SUMS)
def update(  # noqa: ANN201
    lo, hi, features, starts, rows, values, scales, errors, x, slopes, sums, clip, lr, keep, eps,  # noqa: ANN001
    enc, dec, bias, moments, counts, half, norm, unit,  # noqa: ANN001
):  # fmt: skip
    """Gradients of features[lo:hi] again, clipped, projected, and what Adam makes of them; rows to unit length.

    Args:
        clip: factor that all gradients take.
        keep: [4] of the parameters' type, see _adam.
        enc, dec: [m, d]; bias: [m]; all updated in place.
        moments: (first, second) of enc, of dec and of bias.
        counts: float32 [m], updates so far.
        half: int16 [m, d], the bfloat16 copy for the screen, or [0, d]; norm: float32 [m]; both renewed.
        unit: whether decoder rows have unit length.
    """
    d = x.shape[1]
    to_dec, to_enc = np.empty(d, x.dtype), np.empty(d, x.dtype)
    one = keep[:1]
    for at in range(lo, hi):
        f = features[at]
        _gradients(starts[at], starts[at + 1], rows, values, slopes, scales, errors, x, to_dec, to_enc)
        counts[f] += 1
        rate = one.dtype.type(lr / (1 - np.float64(keep[0]) ** counts[f]))
        root = one.dtype.type(1 / np.sqrt(1 - np.float64(keep[2]) ** counts[f]))
        decoder, encoder = dec[f], enc[f]
        if unit:
            along = _dot(to_dec, decoder)
            for i in range(d):
                to_dec[i] -= along * decoder[i]
        _adam(decoder, to_dec, moments[2][f], moments[3][f], keep, clip, rate, root, eps)
        if unit:
            length = max(np.sqrt(np.float64(_dot(decoder, decoder))), 1e-8)
            scale = one.dtype.type(1 / length)
            for i in range(d):
                decoder[i] *= scale
        _adam(encoder, to_enc, moments[0][f], moments[1][f], keep, clip, rate, root, eps)
        _adam(
            bias[f : f + 1],
            sums[at : at + 1],
            moments[4][f : f + 1],
            moments[5][f : f + 1],
            keep,
            clip,
            rate,
            root,
            eps,
        )
        # Rounded up by more than the sum can be off.
        norm[f] = np.sqrt(np.float64(_dot(encoder, encoder))) * (1 + d * 2.0**-22 + 1e-6) + 1e-17
        if half.shape[0]:
            copy = half[f]
            for i in range(d):
                bits = np.float32(encoder[i]).view(np.uint32)
                # Round to the nearest, ties to even.
                odd = (bits >> np.uint32(16)) & np.uint32(1)
                copy[i] = np.int16(np.uint16((bits + np.uint32(0x7FFF) + odd) >> np.uint32(16)))
