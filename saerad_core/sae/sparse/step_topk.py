"""TopK's sparse step: the true k largest of each token."""

from __future__ import annotations

import numpy as np

from saerad_core.sae.sparse.slots import Slots, slots_of
from saerad_core.sae.sparse.step import SparseStepper
from saerad_core.sae.sparse.topk import top_k


class TopKStepper(SparseStepper):
    """For TopKSae."""

    def choose(self, x: np.ndarray) -> Slots | None:
        return slots_of(top_k(x, self.encoder, self.config.k, threads=self.team.size))
