"""TopK's sparse step: the true k largest of each token."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np

from saerad_core.sae import parallel
from saerad_core.sae.base import Sae
from saerad_core.sae.config import SaeConfig
from saerad_core.sae.sparse.slots import Slots, slots_of
from saerad_core.sae.sparse.step import SparseStepper
from saerad_core.sae.sparse.topk import top_k
from saerad_core.sae.step import Stepper


class TopKStepper(SparseStepper):
    """For TopKSae on the CPU."""

    def choose(self, x: np.ndarray) -> Slots | None:
        return slots_of(top_k(x, self.encoder, self.config.k, threads=self.team.size))


def topk_stepper(sae: Sae, config: SaeConfig) -> Stepper | None:
    """The sparse stepper of the SAE's device, or None: triton's on a GPU, where it is installed."""
    if sae.b_dec.device.type != "cuda":
        return TopKStepper.where_it_fits(sae, config)
    if parallel.world() > 1 or config.archetypes or find_spec("triton") is None:
        return None
    # It can't be imported without triton.
    from saerad_core.sae.sparse.triton_step import TritonStepper

    return TritonStepper(sae, config)
