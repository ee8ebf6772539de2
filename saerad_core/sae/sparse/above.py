"""Every pre-activation above its feature's floor, without the dense pre-activations.

The screen of saerad_core.sae.sparse.select with a fixed bound: what its upper bound leaves above the floor is computed
again in float64.
"""

from __future__ import annotations

import numpy as np
import torch
from numba import njit

from saerad_core.sae.sparse.select import SUMS, widened
from saerad_core.sae.sparse.slots import Slots, by_row
from saerad_core.sae.sparse.threads import spans, team
from saerad_core.sae.sparse.topk import CHUNK, ROWS, Screened, error_bound

SAMPLE = 32
"""Tokens that a batch's share is estimated from."""


def sampled(x: np.ndarray, encoder: Screened) -> np.ndarray:
    """Pre-activations [S, m] of tokens spread over the batch [B, d]: what to expect of it."""
    some = torch.from_numpy(np.ascontiguousarray(x[:: -(-len(x) // SAMPLE)]))
    return torch.addmm(torch.from_numpy(encoder.bias), some, torch.from_numpy(encoder.weights).T).numpy()


def above(x: np.ndarray, encoder: Screened, floor: np.ndarray, threads: int | None = None) -> Slots:
    """All pre-activations x . weight + bias > floor, exactly, a token's features ascending.

    Args:
        x: float [B, d], C order, less the decoder's bias.
        encoder: see saerad_core.sae.sparse.topk.screened.
        floor: float64 [m]; -inf takes every token.
        threads: None: as many as torch uses.
    """
    half = encoder.half is not None
    source = encoder.half if encoder.half is not None else torch.from_numpy(encoder.weights)
    lift = encoder.bias.astype(np.float64) - floor
    high = (lift + np.abs(lift) * 2.0**-21).astype(np.float32)
    eps = np.float32(2**-8 if half else 2**-21)

    def part(lo: int, hi: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        mine = torch.from_numpy(x[lo:hi])
        narrow = mine.to(source.dtype)
        beta = error_bound(mine, narrow, half).numpy()
        most = (hi - lo) * min(CHUNK, len(source))
        room = torch.empty(most, dtype=source.dtype)
        rows, features, values = np.empty(most, np.int32), np.empty(most, np.int32), np.empty(most, x.dtype)
        kept = []
        for first in range(0, len(source), CHUNK):
            chunk = source[first : first + CHUNK]
            products = room[: (hi - lo) * len(chunk)].view(hi - lo, len(chunk))
            torch.mm(narrow, chunk.T, out=products)
            view = (products.view(torch.int16) if half else products).numpy()
            n = _collect(view, first, high, encoder.norm, beta, eps, rows, features)
            n = _settle(x[lo:hi], encoder.weights, encoder.bias, floor, rows, features, n, values)
            kept.append((rows[:n].copy(), features[:n].copy(), values[:n].copy()))
        return by_row(hi - lo, *(np.concatenate(pieces) for pieces in zip(*kept, strict=True)))

    members = team(threads)
    parts = members.run(part, spans(len(x), ROWS, members.size))
    active, indices, values = (np.concatenate(pieces) for pieces in zip(*parts, strict=True))
    return Slots(np.cumsum(active, dtype=np.int64) - active, active, indices, values)


BLOCK = 64
"""Products that are compared at once before looking at each."""


@njit(nogil=True, cache=True)
def _collect(screen, first, high, norm, beta, eps, rows, features):  # noqa: ANN001, ANN202
    """Pairs of row and feature of a chunk [R, c] whose upper bound is above 0, and their number."""
    width, n = screen.shape[1], 0
    # Slices and typed counts, or the loop isn't vectorised.
    highs, norms = high[first : first + width], norm[first : first + width]
    for r in range(screen.shape[0]):
        b, row = beta[r], screen[r]
        for start in range(0, width, BLOCK):
            products, up, lengths = (
                row[start : start + BLOCK],
                highs[start : start + BLOCK],
                norms[start : start + BLOCK],
            )
            hits = np.int32(0)
            for q in range(products.shape[0]):
                s = widened(products[q])
                hits += np.int32(not (s + abs(s) * eps + up[q] + b * lengths[q] <= 0))
            if hits == 0:
                continue
            for q in range(products.shape[0]):
                s = widened(products[q])
                if not (s + abs(s) * eps + up[q] + b * lengths[q] <= 0):
                    rows[n], features[n] = r, first + start + q
                    n += 1
    return n


@njit(nogil=True, cache=True, fastmath=SUMS)
def _pre(x, weight, bias):  # noqa: ANN001, ANN202
    total = 0.0
    for i in range(x.shape[0]):
        total += np.float64(x[i]) * np.float64(weight[i])
    return total + np.float64(bias)


@njit(nogil=True, cache=True)
def _settle(x, weights, bias, floor, rows, features, n, values):  # noqa: ANN001, ANN202
    """Of the first n pairs keep those above the floor, with their values; their number."""
    kept = 0
    for i in range(n):
        r, f = rows[i], features[i]
        value = _pre(x[r], weights[f], bias[f])
        if value > floor[f]:
            rows[kept], features[kept], values[kept] = r, f, value
            kept += 1
    return kept
