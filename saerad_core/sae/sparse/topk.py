"""The true top k of every token, without the dense pre-activations."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from saerad_core.sae.sparse.select import exhaustive, scan, settle
from saerad_core.sae.sparse.threads import spans, team

CHUNK = 1_024
"""Features screened at once: with ROWS, products that stay in a core's second-level cache."""
ROWS = 512
"""Tokens a part."""
TINY = 1e-17
"""Added to lengths and errors, so that numbers flushed to zero by the product (below 2^-126) stay within the bounds."""
NOBODY = np.empty(0, np.int32)


class Found(NamedTuple):
    """Sparse codes: of row i the first active[i] slots count, strongest first."""

    indices: np.ndarray
    """int32 [B, k]."""
    values: np.ndarray
    """[B, k], of the tokens' type."""
    active: np.ndarray
    """int32 [B]."""


class Screened(NamedTuple):
    """An encoder, with what screening it takes."""

    weights: np.ndarray
    """[m, d], a feature a row."""
    bias: np.ndarray
    """[m]."""
    half: torch.Tensor | None
    """bfloat16 [m, d]; None where the processor doesn't multiply it faster."""
    norm: np.ndarray
    """float32 [m], lengths of the rows, rounded up."""


def fast_half() -> bool:
    """Whether this processor multiplies bfloat16 in hardware."""
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


def screened(weights: np.ndarray, bias: np.ndarray, half: bool | None = None) -> Screened:
    """Prepare an encoder [m, d], bias [m]; ``half``: screen in bfloat16 (None: where it is fast)."""
    use = fast_half() if half is None else half
    norm = np.sqrt(np.einsum("md,md->m", weights, weights, dtype=np.float64))
    return Screened(weights, bias, torch.from_numpy(weights).bfloat16() if use else None, lengths_up(norm))


def lengths_up(norm: np.ndarray) -> np.ndarray:
    """Lengths as float32, rounded up; 0 stays 0."""
    return np.where(norm > 0, norm * (1 + 1e-6) + TINY, 0.0).astype(np.float32)


def top_k(x: np.ndarray, encoder: Screened, k: int, ids: np.ndarray = NOBODY, threads: int | None = None) -> Found:
    """The k largest positive pre-activations x . weight + bias of each token, exactly.

    Which features are largest is decided in float64 on the numbers given, whatever screened them.

    Args:
        x: float [B, d], C order, less the decoder's bias.
        encoder: see screened.
        k: slots.
        ids: int32, the features to choose among; empty: all.
        threads: None: as many as torch uses.
    """
    total = len(ids) or len(encoder.weights)
    k = min(k, total)
    found = Found(np.zeros((len(x), k), np.int32), np.zeros((len(x), k), x.dtype), np.zeros(len(x), np.int32))
    rows = np.arange(len(x))
    for half in (encoder.half, None) if encoder.half is not None else (None,):
        rows = _screen(x, encoder, half, k, ids, rows, found, threads)
        if not len(rows):
            return found
    members = team(threads)
    parts = [(x, encoder.weights, encoder.bias, ids, rows[lo:hi], *found) for lo, hi in spans(len(rows), 16)]
    members.run(exhaustive, parts)
    return found


def _screen(
    x: np.ndarray,
    encoder: Screened,
    half: torch.Tensor | None,
    k: int,
    ids: np.ndarray,
    rows: np.ndarray,
    found: Found,
    threads: int | None,
) -> np.ndarray:
    """Find the top k of ``rows``; those for which this precision can't tell are returned."""
    every = len(rows) == len(x)
    tokens = x if every else np.ascontiguousarray(x[rows])
    out = found if every else Found(*(part[rows] for part in found))
    source = torch.from_numpy(encoder.weights) if half is None else half
    norm, bias = encoder.norm, encoder.bias
    if len(ids):
        source, norm, bias = source[torch.from_numpy(ids).long()], norm[ids], bias[ids]
    slack = np.abs(bias).astype(np.float32) * np.float32(2**-21)
    bias_high, bias_low = bias.astype(np.float32) + slack, bias.astype(np.float32) - slack
    eps = np.float32(2**-8 if half is not None else 2**-21)
    total = len(norm)
    capacity = min(total, max(8 * k, 128))
    undecided = np.zeros(len(tokens), bool)

    def part(lo: int, hi: int) -> None:
        mine = torch.from_numpy(tokens[lo:hi])
        narrow = mine.to(source.dtype)
        beta = error_bound(mine, narrow, half is not None).numpy()
        count, bound = np.zeros(hi - lo, np.int32), np.zeros(hi - lo, np.float32)
        cand = np.empty((hi - lo, capacity), np.int32)
        high, low = np.empty((hi - lo, capacity), np.float32), np.empty((hi - lo, capacity), np.float32)
        room = torch.empty((hi - lo) * min(CHUNK, total), dtype=source.dtype)
        for first in range(0, total, CHUNK):
            chunk = source[first : first + CHUNK]
            products = room[: (hi - lo) * len(chunk)].view(hi - lo, len(chunk))
            torch.mm(narrow, chunk.T, out=products)
            view = products.view(torch.int16) if half is not None else products
            scan(view.numpy(), first, bias_high, bias_low, norm, beta, eps, bound, cand, high, low, count, k)
        settle(
            tokens[lo:hi], encoder.weights, encoder.bias, ids, cand, high, low, count, *(array[lo:hi] for array in out)
        )
        undecided[lo:hi] = count < 0

    members = team(threads)
    # As many parts for each thread: of three parts, two would wait for one.
    rounds = -(-len(tokens) // (ROWS * members.size))
    members.run(part, spans(len(tokens), ROWS, rounds * members.size))
    if not every:
        for whole, piece in zip(found, out, strict=True):
            whole[rows] = piece
    return rows[undecided]


def error_bound(x: torch.Tensor, narrow: torch.Tensor, half: bool) -> torch.Tensor:
    """What the error of a product can be for weights of length 1, float32 [R]."""
    d = x.shape[1]
    wide = x.double()
    length = wide.norm(dim=1)
    # Sums of d products in float32, in any order, and twice that for fused steps that round twice.
    beta = length * (2 * d * 2.0**-24)
    # torch may be told to multiply float32 in bfloat16 (set_float32_matmul_precision).
    if half or torch.get_float32_matmul_precision() != "highest":
        rounding = (wide - (narrow.double() if half else x.bfloat16().double())).norm(dim=1)
        beta = beta + rounding * 1.01 + length * (2.0**-9 * 1.001)
    return torch.where(length > 0, beta * (1 + 1e-4) + TINY, 0.0).float()
