"""One training step: the seam between the trainer and what computes gradients.

Every stepper does the same thing to a batch of scaled tokens:

1. The architecture's loss (for topk: squared error / variance of the batch, plus ``aux_weight`` times the auxiliary loss
   in which the ``aux_k`` strongest of the dead features rebuild the residual, Gao et al. 2024), averaged over the batch.
2. All gradients are clipped together to a global norm of ``clip``.
3. Where decoder rows have unit length, the part of each row's gradient along the row is taken out.
4. Adam (Kingma & Ba 2015; betas .9 and .999, eps 1e-8), lazily: a feature that no gradient reaches in this step (it did
   not fire, nor was it picked by the auxiliary loss with a positive pre-activation) keeps its weights, its moments and
   its own count of updates, from which its bias correction is computed. b_dec counts every step.
5. Decoder rows are brought back to unit length.

A feature's silence is counted in tokens: after each step it is set to 0 where the feature fired and raised by the
batch's size elsewhere. A step's auxiliary loss takes the features whose silence before the step is at least
``dead_after``.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import torch

from saerad_core.sae.base import Sae


class StepStats(NamedTuple):
    """What one step did, before its update."""

    loss: float
    """Total; not finite where training has run away."""
    explained_variance: float
    """1 - squared error / variance of the batch."""
    l0: float
    """Mean active features a token."""
    dead: int
    """Features that were silent for dead_after tokens before this step."""
    penalty: float = 0.0
    """Weight of the sparsity loss, for architectures that have one."""


class Stepper(Protocol):
    """Trains one SAE, step by step. Made by SomeStepper(sae, config) from an SAE that is already initialised."""

    @property
    def sae(self) -> Sae:
        """The SAE; its parameters are current after sync()."""
        ...

    def step(self, x: torch.Tensor, lr: float) -> StepStats:
        """Learn from scaled tokens float32 [B, d] on the SAE's device, at learning rate ``lr``."""
        ...

    def sync(self) -> None:
        """Bring .sae's parameters up to date."""
        ...

    def state_dict(self) -> dict[str, torch.Tensor]:
        """Everything that going on needs: parameters, moments, counts; flat, so that it fits into safetensors."""
        ...

    def load_state_dict(self, state: dict[str, torch.Tensor]) -> None:
        """Go on exactly where state_dict() was taken."""
        ...
