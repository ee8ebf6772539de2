"""BatchTopK (Bussmann et al. 2024): k active features a token on average, some tokens more and some fewer.

One cut for all features leaves those silent for good whose activations are small: no token ever has them among the batch's
largest, and what the auxiliary loss teaches them doesn't change that. So a feature that fires on fewer tokens than
config.seldom gets a lower cut, until it does, on the tokens where it is strongest: in the spirit of Ayonrinde 2024, whose
"feature choice" gives every feature its share of tokens where BatchTopK's is "mutual choice". The common cut rises a little
for it, and k stays the mean over the batch.
"""

from __future__ import annotations

import torch
from torch.nn import functional as F

from saerad_core.sae import parallel
from saerad_core.sae.base import Context, Loss, Sae
from saerad_core.sae.config import SaeConfig
from saerad_core.sae.losses import auxiliary, error_loss

EASE = 0.01
"""By which a rare feature's cut falls relative to the common one, a step; it comes up again as fast as the feature fires more
often than it has to, at most BACK times as fast."""
BACK = 4.0
LEAST = 0.6
"""Of the common cut: as low as a feature's may fall. On the known dictionary of benchmarks.sae_quality .02 and .3 leave no feature
dead, .6 one in 200; the recovery (MCC) is .952, .955 and .956, without any lowering .962 with a fifth of the features dead."""
MEMORY = 0.99
"""Of the running mean of the smallest code that a batch keeps."""


class BatchTopKSae(Sae):
    """In training a batch of B tokens keeps its k B largest codes, rare features' raised; at inference a token keeps those
    above its features' thresholds."""

    threshold: torch.Tensor
    """float32 [m]: the mean over training batches of the smallest code of each feature that would have been kept."""
    ease: torch.Tensor
    """float32 [m], at most 1: a feature's cut relative to the common one; needed in training alone."""

    def __init__(self, config: SaeConfig) -> None:
        super().__init__(config)
        self.register_buffer("threshold", torch.zeros(config.d_sae))
        self.register_buffer("ease", torch.ones(config.d_sae))
        self.register_buffer("batches", torch.zeros((), dtype=torch.int64), persistent=True)

    def activate(self, pre: torch.Tensor) -> torch.Tensor:
        return torch.where(pre > self.threshold, F.relu(pre), 0.0)

    def keep(self, pre: torch.Tensor) -> torch.Tensor:
        """Dense code [B, m] of a training batch: its k B positive pre-activations that are largest relative to their features'
        ease, over all processes."""
        values = F.relu(pre)
        scores = values.detach() / self.ease
        flat = scores.flatten()
        count = min(self.config.k * len(pre), flat.numel()) * parallel.world()
        # One process may hold more than its share of the largest, so each offers as many as all keep.
        largest = parallel.gathered(flat.topk(min(count, flat.numel()), sorted=False).values)
        cut = largest.topk(count).values[-1].clamp_min(torch.finfo(pre.dtype).tiny)
        kept = scores >= cut
        fires = parallel.mean(kept.sum(0).float()) * parallel.world()
        self.remember(float(cut), fires, len(pre) * parallel.world())
        return torch.where(kept, values, 0.0)

    @torch.no_grad()
    def remember(self, cut: float, fires: torch.Tensor, tokens: int) -> None:
        """Learn a batch's common cut, and of ``tokens`` those on which each feature fires, float [m]."""
        self.batches += 1
        # A plain mean at first, so that the start is not drawn to 0.
        share = max(1 - MEMORY, 1 / int(self.batches))
        self.threshold.lerp_(cut * self.ease, share)
        if self.config.seldom:
            enough = (fires / (self.config.seldom * tokens) - 1).clamp(-1, BACK)
            self.ease.mul_((EASE * enough).exp()).clamp_(LEAST, 1)

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
    def unscale(self, scale: float) -> None:
        super().unscale(scale)
        self.threshold.div_(scale)
