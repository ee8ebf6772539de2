"""Tokens to sparse codes, a chunk at a time: nothing of N x m is ever held."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from numba import njit
from scipy.sparse import csr_matrix

from saerad_core.sae.base import Sae
from saerad_core.sae.sparse.threads import spans
from saerad_core.sae.sparse.topk import Found, screened, top_k
from saerad_core.sae.topk import TopKSae

TOKENS = 4_096
"""Tokens a chunk."""
PRODUCTS = 8_000_000
"""Pre-activations held at once for architectures whose active features are not a top k."""


class Piece(NamedTuple):
    """Codes of consecutive rows, as compressed sparse rows with ascending features."""

    first: int
    """Number of the piece's first row."""
    starts: np.ndarray
    """int64 [R + 1]."""
    features: np.ndarray
    """int32 [n]."""
    values: np.ndarray
    """float32 [n], > 0."""


def encode_tokens(sae: Sae, tokens: np.ndarray, chunk: int = TOKENS) -> Iterator[Piece]:
    """Codes of tokens float [N, d] (may be memory-mapped), ``chunk`` rows at a time."""
    for first, found in _found(sae, tokens, chunk):
        yield Piece(first, *_pack(found.indices, found.values, found.active, 1, sae.config.d_sae))


def encode_images(sae: Sae, patches: np.ndarray, chunk: int = TOKENS) -> Iterator[Piece]:
    """Codes of X-rays, each feature's maximum over the patches; float [N, P, d] (may be memory-mapped), a row an X-ray."""
    n, per_image, d = patches.shape
    images = max(1, chunk // per_image)
    for first, found in _found(sae, patches.reshape(n * per_image, d), images * per_image):
        yield Piece(first // per_image, *_pack(found.indices, found.values, found.active, per_image, sae.config.d_sae))


def joined(pieces: Iterator[Piece], m: int) -> csr_matrix:
    """All pieces, in order, as one float32 matrix [N, m]."""
    starts, features, values, total = [np.zeros(1, np.int64)], [], [], 0
    for piece in pieces:
        starts.append(piece.starts[1:] + total)
        features.append(piece.features)
        values.append(piece.values)
        total += len(piece.values)
    indptr = np.concatenate(starts)
    if not features:
        return csr_matrix((0, m), dtype=np.float32)
    return csr_matrix((np.concatenate(values), np.concatenate(features), indptr), shape=(len(indptr) - 1, m))


def _found(sae: Sae, tokens: np.ndarray, chunk: int) -> Iterator[tuple[int, Found]]:
    if not len(tokens):
        return
    if not isinstance(sae, TopKSae) or sae.b_dec.device.type != "cpu":
        for lo in range(0, len(tokens), chunk):
            yield lo, _dense(sae, np.array(tokens[lo : lo + chunk], np.float32))
        return
    weights = np.ascontiguousarray(sae.W_enc.detach().T.numpy())
    encoder, centre = screened(weights, sae.b_enc.detach().numpy()), sae.b_dec.detach().numpy()
    for lo in range(0, len(tokens), chunk):
        yield lo, top_k(np.array(tokens[lo : lo + chunk], np.float32) - centre, encoder, sae.config.k)


@torch.no_grad()
def _dense(sae: Sae, tokens: np.ndarray) -> Found:
    """For the other architectures and devices: rows in groups whose dense codes fit."""
    parts = []
    for lo, hi in spans(len(tokens), max(1, PRODUCTS // sae.config.d_sae)):
        parts.append(sae.encode(torch.from_numpy(tokens[lo:hi]).to(sae.b_dec.device)))
    width = max(part.values.shape[1] for part in parts)
    indices, values = np.zeros((len(tokens), width), np.int32), np.zeros((len(tokens), width), np.float32)
    at = 0
    for part in parts:
        # Silent slots last.
        strengths, order = part.values.sort(dim=1, descending=True)
        rows, slots = strengths.shape
        values[at : at + rows, :slots] = strengths.cpu().numpy()
        indices[at : at + rows, :slots] = part.indices.gather(1, order).cpu().numpy()
        at += rows
    return Found(indices, values, (values > 0).sum(1).astype(np.int32))


@njit(nogil=True, cache=True)
def _pack(indices, values, active, group, m):  # noqa: ANN001, ANN202
    """Maxima over groups of rows (1: the rows themselves), as compressed sparse rows with ascending features."""
    groups = indices.shape[0] // group
    starts = np.zeros(groups + 1, np.int64)
    total = active.sum()
    features, strongest = np.empty(total, np.int32), np.empty(total, np.float32)
    best = np.zeros(m, np.float32)
    n = 0
    for g in range(groups):
        begin = n
        for r in range(g * group, (g + 1) * group):
            for slot in range(active[r]):
                f, v = indices[r, slot], np.float32(values[r, slot])
                if not v > 0:
                    continue
                if best[f] == 0:
                    features[n] = f
                    n += 1
                best[f] = max(best[f], v)
        features[begin:n].sort()
        for i in range(begin, n):
            strongest[i] = best[features[i]]
            best[features[i]] = 0
        starts[g + 1] = n
    return starts, features[:n].copy(), strongest[:n].copy()
