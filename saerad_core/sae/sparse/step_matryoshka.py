"""Matryoshka's sparse step: BatchTopK's slots, each learning from the prefixes that its feature takes part in."""

from __future__ import annotations

import numpy as np

from saerad_core.sae.config import SaeConfig
from saerad_core.sae.matryoshka import MatryoshkaSae
from saerad_core.sae.sparse.nested import fold, nested
from saerad_core.sae.sparse.slots import Slots, Sorted
from saerad_core.sae.sparse.step import ROWS
from saerad_core.sae.sparse.step_batch_topk import BatchTopKStepper
from saerad_core.sae.sparse.threads import spans


class MatryoshkaStepper(BatchTopKStepper):
    """For MatryoshkaSae."""

    def __init__(self, sae: MatryoshkaSae, config: SaeConfig, **options: int | bool | None) -> None:
        super().__init__(sae, config, **options)  # type: ignore[arg-type]
        self.ends = np.array(sae.ends(), np.int64)
        self.losses, self.whole = len(self.ends), len(self.ends) - 1

    def rebuild(self, x: np.ndarray, slots: Slots, errors: np.ndarray) -> np.ndarray:
        squares = np.empty((len(x), self.losses))
        self.team.run(
            lambda lo, hi: nested(
                x[lo:hi], self.dec, slots.first[lo:hi], slots.active[lo:hi], slots.indices, slots.values, self.ends,
                errors[:, lo:hi], squares[lo:hi],
            ),
            spans(len(x), ROWS),
        )  # fmt: skip
        return squares.mean(0)

    def loss(self, squares: np.ndarray, spread: float, slots: Slots) -> float:
        return float(squares.mean()) / spread

    def fold(self, errors: np.ndarray) -> None:
        self.team.run(lambda lo, hi: fold(errors[:, lo:hi]), spans(errors.shape[1], ROWS))

    def rows(self, found: Sorted, batch: int) -> np.ndarray:
        prefix = np.searchsorted(self.ends, found.features, side="right").astype(np.int32)
        shifted = found.rows + np.repeat(prefix, np.diff(found.starts)) * np.int32(batch)
        return np.where(found.rows < batch, shifted, found.rows)
