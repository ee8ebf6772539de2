"""Batches of tokens: from the device's memory where all of them fit, else from the mapped file in shuffled chunks.

Which tokens a step sees depends on the seed and the step's number alone, so that a resumed training goes on with the
same ones.
"""

from __future__ import annotations

import os

import numpy as np
import torch

SHARE = 0.5
"""Of the device's free memory that tokens may take."""
WINDOW = 64
"""Steps whose tokens are read together when they don't fit."""
CHUNK = 1_024
"""Neighbouring tokens read together then; a window mixes many such chunks."""


def fits(tokens: np.ndarray, device: torch.device) -> bool:
    """Whether all tokens may lie in the device's memory."""
    if device.type == "cuda":
        free = torch.cuda.mem_get_info(device)[0]
    else:
        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return tokens.nbytes <= SHARE * free


class Batches:
    """Tokens [N, d] (may be memory-mapped), ``size`` a step."""

    def __init__(
        self, tokens: np.ndarray, size: int, seed: int, device: torch.device, *, resident: bool | None = None
    ) -> None:
        self.tokens, self.size, self.seed, self.device = tokens, size, seed, device
        self.resident = fits(tokens, device) if resident is None else resident
        self._all = torch.from_numpy(np.array(tokens)).to(device) if self.resident else None
        self._number, self._window = -1, np.empty((0, 0))

    def at(self, step: int, part: slice | None = None) -> torch.Tensor:
        """float32 [size, d] of step number ``step``; ``part`` of it where several processes share a batch."""
        part = part or slice(None)
        if self._all is not None:
            rows = np.random.default_rng([self.seed, step]).integers(0, len(self.tokens), self.size)
            return self._all[torch.from_numpy(rows[part]).to(self.device)].float()
        number, place = divmod(step, WINDOW)
        if number != self._number:
            self._number, self._window = number, self._read(number)
        rows = slice(place * self.size, (place + 1) * self.size)
        return torch.from_numpy(self._window[rows][part].astype(np.float32)).to(self.device)

    def _read(self, number: int) -> np.ndarray:
        rng = np.random.default_rng([self.seed, number])
        want, chunk = WINDOW * self.size, min(CHUNK, len(self.tokens))
        starts = rng.integers(0, len(self.tokens) - chunk + 1, -(-want // chunk))
        window = np.concatenate([self.tokens[start : start + chunk] for start in np.sort(starts)])
        return window[rng.permutation(len(window))[:want]]
