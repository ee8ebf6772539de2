"""GPU kernels of the sparse step, a token or a feature a program; what they do is in saerad_core.sae.sparse.update.

Gradients stay in registers: they are measured for clipping, and computed again to be applied.
"""

# A machine without a GPU needn't have triton, and a kernel is called as kernel[grid](...).
# pyright: reportMissingImports=false, reportIndexIssue=false, reportCallIssue=false

from __future__ import annotations

import triton
import triton.language as tl

SLOTS = 4
"""Slots of a feature looked at together."""


@triton.jit
def remainder(x, weights, indices, values, out, squares, d, k, D: tl.constexpr):  # noqa: ANN001, ANN201, N803
    """out [B, d] = x - decoded slots [B, k], and each row's squared length [B]; one program a token."""
    r = tl.program_id(0).to(tl.int64)
    column = tl.arange(0, D)
    inside = column < d
    row = tl.load(x + r * d + column, mask=inside, other=0)
    for slot in range(0, k):
        v = tl.load(values + r * k + slot)
        f = tl.load(indices + r * k + slot)
        row -= v * tl.load(weights + f * d + column, mask=inside, other=0)
    tl.store(out + r * d + column, row, mask=inside)
    tl.store(squares + r, tl.sum(row * row, 0))


@triton.jit
def measure(  # noqa: ANN201
    starts, rows, values, scales, errors, x, dec, slopes, sums, squares, batch, d,  # noqa: ANN001
    SLOTS: tl.constexpr, D: tl.constexpr,  # noqa: N803
):  # fmt: skip
    """Fill slopes [n], sums [m] (gradients of the biases) and squares [m] (of a feature's rows); one program a feature."""
    f = tl.program_id(0).to(tl.int64)
    start, stop = tl.load(starts + f), tl.load(starts + f + 1)
    if start == stop:
        return
    column = tl.arange(0, D)
    inside = column < d
    decoder = tl.load(dec + f * d + column, mask=inside, other=0)
    to_dec, to_enc = decoder * 0, decoder * 0
    total = tl.sum(to_dec, 0)
    for p in range(start, stop, SLOTS):
        at = p + tl.arange(0, SLOTS)
        on = at < stop
        row, value = tl.load(rows + at, mask=on, other=0), tl.load(values + at, mask=on, other=0)
        scale = tl.load(scales + row // batch)
        wanted = on[:, None] & inside[None, :]
        error = tl.load(errors + row[:, None] * d + column[None, :], mask=wanted, other=0)
        token = tl.load(x + (row % batch)[:, None] * d + column[None, :], mask=wanted, other=0)
        slope = scale * tl.sum(error * decoder[None, :], 1)
        tl.store(slopes + at, slope, mask=on)
        to_dec += tl.sum((scale * value)[:, None] * error, 0)
        to_enc += tl.sum(slope[:, None] * token, 0)
        total += tl.sum(slope, 0)
    tl.store(sums + f, total)
    tl.store(squares + f, tl.sum(to_dec * to_dec, 0) + tl.sum(to_enc * to_enc, 0))


@triton.jit
def _adam(weight, gradient, first, second, at, mask, rate, root, B1: tl.constexpr, B2: tl.constexpr, EPS: tl.constexpr):  # noqa: ANN001, ANN202, N803
    """A row's weights after its Adam step; its moments are stored."""
    a = B1 * tl.load(first + at, mask=mask, other=0) + (1 - B1) * gradient
    b = B2 * tl.load(second + at, mask=mask, other=0) + (1 - B2) * gradient * gradient
    tl.store(first + at, a, mask=mask)
    tl.store(second + at, b, mask=mask)
    return weight - rate * a / (tl.sqrt(b) * root + EPS)


@triton.jit
def update(  # noqa: ANN201
    starts, rows, values, slopes, scales, errors, x, clip, rates, roots, enc, dec, enc_first, enc_second,  # noqa: ANN001
    dec_first, dec_second, half, norm, batch, d,  # noqa: ANN001
    B1: tl.constexpr, B2: tl.constexpr, EPS: tl.constexpr, SLOTS: tl.constexpr, D: tl.constexpr,  # noqa: N803
):  # fmt: skip
    """Gradients again, clipped, projected, and what Adam makes of them; decoder rows to unit length; one program a feature.

    clip [1]; rates and roots [m]: lr over the first moment's correction, 1 over the root of the second's. half bfloat16 [m, d] and
    norm float32 [m] are renewed.
    """
    f = tl.program_id(0).to(tl.int64)
    start, stop = tl.load(starts + f), tl.load(starts + f + 1)
    if start == stop:
        return
    column = tl.arange(0, D)
    inside = column < d
    place = f * d + column
    decoder = tl.load(dec + place, mask=inside, other=0)
    to_dec, to_enc = decoder * 0, decoder * 0
    for p in range(start, stop, SLOTS):
        at = p + tl.arange(0, SLOTS)
        on = at < stop
        row, value = tl.load(rows + at, mask=on, other=0), tl.load(values + at, mask=on, other=0)
        pull, slope = tl.load(scales + row // batch) * value, tl.load(slopes + at, mask=on, other=0)
        wanted = on[:, None] & inside[None, :]
        to_dec += tl.sum(pull[:, None] * tl.load(errors + row[:, None] * d + column[None, :], mask=wanted, other=0), 0)
        token = tl.load(x + (row % batch)[:, None] * d + column[None, :], mask=wanted, other=0)
        to_enc += tl.sum(slope[:, None] * token, 0)
    factor, rate, root = tl.load(clip), tl.load(rates + f), tl.load(roots + f)
    to_dec = (to_dec - tl.sum(to_dec * decoder, 0) * decoder) * factor
    decoder = _adam(decoder, to_dec, dec_first, dec_second, place, inside, rate, root, B1, B2, EPS)
    decoder = decoder / tl.maximum(tl.sqrt(tl.sum(tl.where(inside, decoder * decoder, 0), 0)), 1e-8)
    tl.store(dec + place, decoder, mask=inside)
    encoder = tl.load(enc + place, mask=inside, other=0)
    encoder = _adam(encoder, to_enc * factor, enc_first, enc_second, place, inside, rate, root, B1, B2, EPS)
    tl.store(enc + place, encoder, mask=inside)
    tl.store(half + place, encoder.to(tl.float32).to(tl.bfloat16), mask=inside)
    # Rounded up by more than the sum can be off.
    length = tl.sqrt(tl.sum(tl.where(inside, encoder * encoder, 0), 0))
    tl.store(norm + f, (length * (1 + d * 2.0**-22 + 1e-6) + 1e-17).to(tl.float32))
