"""Steers the weight of a sparsity loss until a token has as many active features as was asked for."""

from __future__ import annotations

import math

MEMORY = 0.9
"""Of the running mean of L0; a batch's own is noisy."""
GAIN = 0.02
"""Of the error's logarithm, a step: twice as many features as asked for raise the weight by 1.4%."""
LEAD = 0.5
"""Of the error's change, so that the weight stops rising before L0 has come down."""


class L0Controller:
    """Raises the weight while L0 is above ``target``, lowers it below; proportional to the logarithm of their ratio."""

    def __init__(self, target: float, penalty: float) -> None:
        self.target = target
        self.penalty = penalty
        self.mean = 0.0
        """Running mean of L0; 0 before the first batch."""
        self.before = 0.0

    def update(self, l0: float) -> None:
        """Learn a batch's mean active features a token."""
        l0 = max(l0, 1e-3)
        self.mean = l0 if not self.mean else MEMORY * self.mean + (1 - MEMORY) * l0
        error = math.log(self.mean / self.target)
        change = error - self.before if self.before else 0.0
        self.before = error
        self.penalty = min(max(self.penalty * math.exp(GAIN * error + LEAD * change), 1e-6), 1e3)
