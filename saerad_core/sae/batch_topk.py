"""BatchTopK (Bussmann et al. 2024): k active features a token on average, some tokens more and some fewer.

One cut for all features leaves those silent for good whose activations are small: no token ever has them among the batch's
largest, and what the auxiliary loss teaches them doesn't change that. So a dead feature's bias rises until it fires, and training
takes over (the bias's part of the loss on dead features' pre-activations of Conerly et al. 2025).
"""

from __future__ import annotations

import torch
from torch.nn import functional as F

from saerad_core.sae import parallel
from saerad_core.sae.base import Context, Loss, Sae
from saerad_core.sae.config import SaeConfig
from saerad_core.sae.losses import auxiliary, error_loss

COAX = 0.5
"""Learning rates by which a dead feature's bias rises, a step. Chosen on seed 10 of the known dictionary of benchmarks.sae_quality, which
reports others: .2 leaves a fifth of the features dead (MCC .961), .5 none (.959), 1 none (.955)."""
MEMORY = 0.99
"""Of the running mean of the smallest code that a batch keeps."""


class BatchTopKSae(Sae):
    """In training a batch of B tokens keeps its k B largest codes; at inference a token keeps those above a threshold."""

    threshold: torch.Tensor
    """float32 [m]: one number for all features, the mean over training batches of the smallest code that was kept."""

    def __init__(self, config: SaeConfig) -> None:
        super().__init__(config)
        self.register_buffer("threshold", torch.zeros(config.d_sae))
        self.register_buffer("batches", torch.zeros((), dtype=torch.int64), persistent=True)

    def activate(self, pre: torch.Tensor) -> torch.Tensor:
        return torch.where(pre > self.threshold, F.relu(pre), 0.0)

    def keep(self, pre: torch.Tensor) -> torch.Tensor:
        """Dense code [B, m] of a training batch: its k B largest positive pre-activations, over all processes."""
        values = F.relu(pre)
        flat = values.detach().flatten()
        count = min(self.config.k * len(pre), flat.numel()) * parallel.world()
        # One process may hold more than its share of the largest, so each offers as many as all keep.
        largest = parallel.gathered(flat.topk(min(count, flat.numel()), sorted=False).values)
        cut = largest.topk(count).values[-1].clamp_min(torch.finfo(pre.dtype).tiny)
        self.remember(float(cut))
        return torch.where(values >= cut, values, 0.0)

    @torch.no_grad()
    def remember(self, cut: float) -> None:
        self.batches += 1
        # A plain mean at first, so that the start is not drawn to 0.
        share = max(1 - MEMORY, 1 / int(self.batches))
        self.threshold.lerp_(torch.full_like(self.threshold, cut), share)

    def reconstruction(self, x: torch.Tensor, code: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Loss, explained variance and rebuilt tokens of a batch's dense code."""
        rebuilt = code @ self.W_dec + self.b_dec
        return *error_loss(x, rebuilt), rebuilt

    def loss(self, x: torch.Tensor, context: Context) -> Loss:
        """Squared error over variance, plus aux-k."""
        pre = self.pre_activations(x)
        code = self.keep(pre)
        loss, explained, rebuilt = self.reconstruction(x, code)
        aux, revived = auxiliary(self, pre, x - rebuilt, context.dead)
        active = code.detach() > 0
        fired = active.any(0)
        l0 = active.sum(1).float().mean()
        return Loss(loss + self.config.aux_weight * aux, explained, l0, fired, fired | revived)

    @torch.no_grad()
    def coax(self, dead: torch.Tensor, lr: float) -> None:
        self.b_enc[dead] += COAX * lr

    @torch.no_grad()
    def unscale(self, scale: float) -> None:
        super().unscale(scale)
        self.threshold.div_(scale)
