"""Tokens to sparse codes, a chunk at a time: nothing of N x m is ever held, nor of tokens x m."""

from __future__ import annotations

import numpy as np
import torch
from numba import njit

from saerad_core.sae.base import Codes, Sae
from saerad_core.sae.codes import SparseCodes
from saerad_core.sae.sparse.select import SUMS
from saerad_core.sae.sparse.threads import spans, team
from saerad_core.sae.sparse.topk import Found, screened, top_k
from saerad_core.sae.topk import TopKSae

TOKENS = 4_096
"""Tokens rebuilt at a time."""
PRODUCTS = {"cpu": 8_000_000, "cuda": 500_000_000}
"""Pre-activations held at once where the active features are not found by screening: 32 MB, and 2 GB on a GPU."""


class TokenEncoder:
    """A dictionary made ready to encode many tokens, on the device where it lies."""

    def __init__(self, sae: Sae) -> None:
        self.sae = sae
        self.device = sae.b_dec.device
        self._screened = None
        if isinstance(sae, TopKSae) and self.device.type == "cpu":
            weights = np.ascontiguousarray(sae.W_enc.detach().T.numpy())
            self._screened = screened(weights, sae.b_enc.detach().numpy())

    @torch.no_grad()
    def find(self, tokens: torch.Tensor) -> Found:
        """The active features of tokens float [n, d], of any device."""
        x = tokens.to(self.device, torch.float32)
        if self._screened is not None:
            return top_k((x - self.sae.b_dec).numpy(), self._screened, self.sae.config.k)
        most = max(1, PRODUCTS.get(self.device.type, PRODUCTS["cpu"]) // self.sae.config.d_sae)
        parts = [self.sae.encode(x[lo:hi]) for lo, hi in spans(len(x), most)] if len(x) else []
        return _gathered(parts, len(x))

    @torch.no_grad()
    def rebuild(self, found: Found) -> torch.Tensor:
        """Tokens float32 [n, d] from their codes, on the dictionary's device."""
        counts = np.arange(found.values.shape[1]) < found.active[:, None]
        values = torch.from_numpy(np.where(counts, found.values, 0).astype(np.float32)).to(self.device)
        return self.sae.decode(Codes(torch.from_numpy(found.indices).to(self.device, torch.int64), values))

    @torch.no_grad()
    def error(self, tokens: torch.Tensor, found: Found) -> np.ndarray:
        """float32 [n, 2]: of each token |x - rebuilt x|^2 and |x - b_dec|^2."""
        errors = np.zeros((len(tokens), 2), np.float32)
        if self.device.type == "cpu":
            # Added up where a token's rest lies in the first-level cache, rather than rebuilt in memory.
            x = np.ascontiguousarray(tokens.to(self.device, torch.float32).numpy())
            centre, decoder = self.sae.b_dec.detach().numpy(), self.sae.W_dec.detach().contiguous().numpy()
            members = team()
            edges = spans(len(x), TOKENS, members.size) if len(x) else []
            members.run(
                _left,
                [(x[lo:hi], centre, decoder, *(part[lo:hi] for part in found), errors[lo:hi]) for lo, hi in edges],
            )
            return errors
        for lo, hi in spans(len(tokens), TOKENS) if len(tokens) else ():
            x = tokens[lo:hi].to(self.device, torch.float32)
            rebuilt = self.rebuild(Found(*(part[lo:hi] for part in found)))
            both = torch.stack([(x - rebuilt).square().sum(1), (x - self.sae.b_dec).square().sum(1)], dim=1)
            errors[lo:hi] = both.cpu().numpy()
        return errors


def strongest(found: Found, group: int, m: int) -> SparseCodes:
    """Each feature's maximum over groups of tokens that follow one another (1: the tokens' own codes), as float16."""
    return SparseCodes.rounded(*_pack(found.indices, found.values, found.active, group, m, False), m)


def averaged(found: Found, group: int, m: int) -> SparseCodes:
    """Each feature's mean over groups of tokens that follow one another, as float16."""
    return SparseCodes.rounded(*_pack(found.indices, found.values, found.active, group, m, True), m)


def _gathered(parts: list[Codes], n: int) -> Found:
    width = max((part.values.shape[1] for part in parts), default=1)
    indices, values = np.zeros((n, width), np.int32), np.zeros((n, width), np.float32)
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
def _pack(indices, values, active, group, m, mean):  # noqa: ANN001, ANN202
    """Maxima, or means, over groups of rows (1: the rows themselves), as compressed sparse rows with ascending features."""
    groups = indices.shape[0] // group
    starts = np.zeros(groups + 1, np.int64)
    total = active.sum()
    features, maxima = np.empty(total, np.int32), np.empty(total, np.float32)
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
                best[f] = best[f] + v / np.float32(group) if mean else max(best[f], v)
        features[begin:n].sort()
        for i in range(begin, n):
            maxima[i] = best[features[i]]
            best[features[i]] = 0
        starts[g + 1] = n
    return starts, features[:n].copy(), maxima[:n].copy()


@njit(nogil=True, cache=True, fastmath=SUMS)
def _left(x, centre, decoder, indices, values, active, errors):  # noqa: ANN001, ANN202
    """What codes leave of each token, and what there was: |x - rebuilt x|^2 and |x - centre|^2."""
    d = x.shape[1]
    rest = np.empty(d, np.float32)
    for r in range(x.shape[0]):
        whole = np.float32(0)
        for i in range(d):
            rest[i] = x[r, i] - centre[i]
            whole += rest[i] * rest[i]
        for slot in range(active[r]):
            value, row = np.float32(values[r, slot]), decoder[indices[r, slot]]
            for i in range(d):
                rest[i] -= value * row[i]
        left = np.float32(0)
        for i in range(d):
            left += rest[i] * rest[i]
        errors[r, 0], errors[r, 1] = left, whole
