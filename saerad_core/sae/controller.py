"""Steers the weight of a sparsity loss until a token has as many active features as was asked for.

A proportional and an integral part, weight = integral + PUSH e with e = L0 / target - 1, as a quadratic loss on L0 has them
(Rajamanoharan et al. 2024b train JumpReLU towards a wanted L0 by (L0 / target - 1)^2, whose gradient is the proportional part
alone and stays off the target by what the error pulls). What keeps it from swinging:

- the integral may only grow as fast as the weights can follow, so it moves with the learning rate: not in the warm-up, and
  ever less in the decay, when L0 hardly answers any more;
- it moves slowly while L0 is far from the target, and e is cut to -1 to 1: what a rising weight has yet to bring about would
  wind it up;
- the whole weight rises over the warm-up (Conerly et al. 2024 raise theirs over the first twentieth).

Below the target the weight may be negative: L0 then comes up again within tens of steps, which less of a penalty doesn't
bring about. The integral hardly may: more active features nearly always explain more, so that few stay on target unpenalised.
"""

from __future__ import annotations

MEMORY = 0.9
"""Of the running mean of L0; a batch's own is noisy."""
PUSH = 4.0
"""Weight for being off the target by all of it."""
GAIN = 0.05
"""Of the integral, a step at the full learning rate."""
NEAR = 0.5
"""Farther from the target than this the integral learns at FAR of its gain."""
FAR = 0.2
LOWEST = -0.5
"""Of the integral."""


class L0Controller:
    """Knows the weight of the next step; an architecture multiplies it with what suits its loss."""

    def __init__(self, target: float, penalty: float, warmup: int) -> None:
        """``penalty``: the integral at the start; ``warmup``: steps over which the weight rises."""
        self.target, self.warmup = target, max(1, warmup)
        self.integral = penalty
        self.mean = 0.0
        """Running mean of L0; 0 before the first batch."""
        self.updates = 0
        self.unseen = 1.0
        """L0 of validation tokens over that of the batches of the time: a few patients' own tokens open fewer gates."""

    @property
    def off(self) -> float:
        """How far L0 is off the target, relative to it, cut to -1 to 1."""
        return min(self.mean * self.unseen / self.target - 1, 1.0) if self.updates else 0.0

    @property
    def penalty(self) -> float:
        """The weight."""
        return (self.integral + PUSH * self.off) * min(1.0, (self.updates + 1) / self.warmup)

    def look(self, l0: float) -> None:
        """Learn the mean active features of a token that training doesn't see."""
        if l0 > 0 and self.mean > 0:
            self.unseen = min(max(l0 / self.mean, 0.5), 2.0)

    def update(self, l0: float, pace: float) -> None:
        """Learn a batch's mean active features a token, at ``pace`` of the full learning rate."""
        self.updates += 1
        self.mean = MEMORY * self.mean + (1 - MEMORY) * l0 if self.updates > 1 else l0
        if self.updates > self.warmup:
            gain = GAIN if abs(self.off) <= NEAR else FAR * GAIN
            self.integral = max(LOWEST, self.integral + gain * pace * self.off)
