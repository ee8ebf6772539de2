"""The gated SAE's sparse step: only an open gate gets a gradient from any of the losses."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from saerad_core.sae.gated import PENALTY
from saerad_core.sae.sparse.above import above, sampled
from saerad_core.sae.sparse.gated import measure_gated, remainders
from saerad_core.sae.sparse.slots import Slots
from saerad_core.sae.sparse.step import ROWS, SparseStepper
from saerad_core.sae.sparse.threads import spans


class GatedStepper(SparseStepper):
    """For GatedSae; a slot's value is its gate."""

    bias = "b_gate"
    scalars = ("b_gate", "b_mag", "r_mag")
    losses = 2

    def choose(self, x: np.ndarray) -> Slots | None:
        if (sampled(x, self.encoder) > 0).mean() > self.crowded:
            return None
        return above(x, self.encoder, np.zeros(self.config.d_sae), self.team.size)

    def code(self, slots: Slots) -> np.ndarray:
        shut, base, stretch = (self.parameter(name)[slots.indices] for name in self.scalars)
        return np.maximum((slots.values - shut) * np.exp(stretch) + base, 0)

    def rebuild(self, x: np.ndarray, slots: Slots, errors: np.ndarray) -> np.ndarray:
        squares, code = np.empty((len(x), 2)), self.code(slots)
        self.team.run(
            lambda lo, hi: remainders(
                x[lo:hi], self.dec, slots.first[lo:hi], slots.active[lo:hi], slots.indices, code, slots.values,
                errors[0, lo:hi], errors[1, lo:hi], squares[lo:hi],
            ),
            spans(len(x), ROWS),
        )  # fmt: skip
        return squares.mean(0)

    def _weight(self, batch: int) -> float:
        """Of a gate times its decoder row's length in the loss."""
        return PENALTY * self.controller.penalty / (batch * self.config.d_in**0.5)

    def loss(self, squares: np.ndarray, spread: float, slots: Slots) -> float:
        lengths = np.sqrt(np.einsum("md,md->m", self.dec, self.dec))
        sparsity = float((slots.values * lengths[slots.indices]).sum(dtype=np.float64))
        return float(squares.sum()) / spread + self._weight(len(slots.first)) * sparsity

    def gradients(self, batch: int) -> Callable[..., float]:
        scalars = tuple(self.parameter(name) for name in self.scalars)
        return partial(measure_gated, *scalars, scalars[0].dtype.type(self._weight(batch)))
