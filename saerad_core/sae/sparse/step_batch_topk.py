"""BatchTopK's sparse step: the true k B largest of the batch."""

from __future__ import annotations

import numpy as np

from saerad_core.sae.batch_topk import BatchTopKSae
from saerad_core.sae.sparse.above import above, sampled
from saerad_core.sae.sparse.slots import Slots
from saerad_core.sae.sparse.step import SparseStepper

MARGIN = 1.3
"""Times as many as are kept that a guessed floor is to let through."""


class BatchTopKStepper(SparseStepper):
    """For BatchTopKSae."""

    def choose(self, x: np.ndarray) -> Slots | None:
        sae, m = self.sae, self.config.d_sae
        assert isinstance(sae, BatchTopKSae)
        if self.config.k > m * self.crowded:
            return None
        found, wanted = self._at_least(x), self.config.k * len(x)
        cut = np.partition(found.values, -wanted)[-wanted] if len(found.values) >= wanted else x.dtype.type(0)
        cut = max(cut, np.finfo(x.dtype).tiny)
        sae.remember(float(cut))
        kept = found.values >= cut
        rows = np.repeat(np.arange(len(x)), found.active)[kept]
        active = np.bincount(rows, minlength=len(x)).astype(np.int32)
        first = np.cumsum(active, dtype=np.int64) - active
        return Slots(first, active, found.indices[kept], found.values[kept])

    def _at_least(self, x: np.ndarray) -> Slots:
        """All pre-activations above a floor, those that are kept among them: a guess of the floor, lowered until it holds."""
        some = sampled(x, self.encoder)
        strongest = -np.sort(-some, axis=None)
        wanted = self.config.k * len(x)
        for margin in (MARGIN, 4 * MARGIN):
            place = int(margin * self.config.k * len(some)) + 1
            if place >= len(strongest) or not strongest[place] > 0:
                break
            floor = np.full(self.config.d_sae, np.float64(strongest[place]))
            found = above(x, self.encoder, floor, self.team.size)
            if len(found.values) >= wanted:
                return found
        return above(x, self.encoder, np.zeros(self.config.d_sae), self.team.size)
