"""The JumpReLU SAE's sparse step: a threshold learns from the pre-activations near it, all else from those above it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from saerad_core.sae.sparse.above import above, sampled
from saerad_core.sae.sparse.jumprelu import measure_jumprelu
from saerad_core.sae.sparse.slots import Slots
from saerad_core.sae.sparse.step import SparseStepper


class JumpReluStepper(SparseStepper):
    """For JumpReluSae; a slot's value is its pre-activation."""

    scalars = ("b_enc", "threshold")

    def choose(self, x: np.ndarray) -> Slots | None:
        limit, width = np.maximum(self.parameter("threshold").astype(np.float64), 0), self.config.bandwidth
        # Silent pre-activations count as 0, which is near a threshold as low as this.
        floor = np.where(limit < width / 2, -np.inf, limit - width / 2)
        if (sampled(x, self.encoder) > floor).mean() > self.crowded:
            return None
        return above(x, self.encoder, floor, self.team.size)

    def code(self, slots: Slots) -> np.ndarray:
        limit = np.maximum(self.parameter("threshold"), 0)[slots.indices]
        return np.where(slots.values > limit, slots.values, 0)

    def loss(self, squares: np.ndarray, spread: float, slots: Slots) -> float:
        active = np.count_nonzero(self.code(slots)) / len(slots.first)
        return float(squares[0]) / spread + self.controller.penalty * active / self.controller.target

    def gradients(self, batch: int) -> Callable[..., float]:
        threshold = self.parameter("threshold")
        kind = threshold.dtype.type
        width = kind(self.config.bandwidth)
        weight = kind(self.controller.penalty / (self.controller.target * batch))
        return partial(measure_jumprelu, threshold, width, weight)
