"""JumpReLU SAE (Rajamanoharan et al. 2024b): each feature has a threshold, and the number above it is the penalty."""

from __future__ import annotations

from types import MappingProxyType

import torch
from torch import nn
from torch.nn import functional as F

from saerad_core.sae.base import Context, Loss, Sae
from saerad_core.sae.config import SaeConfig
from saerad_core.sae.losses import auxiliary, error_loss

START = 0.5
"""Thresholds at the start, in units of scaled pre-activations; low enough for every feature to learn first."""

COAX = 1.0
"""Learning rates (a threshold's, see pace) by which a dead feature's threshold falls, a step, until it fires. Only pre-activations near a
threshold teach it, which a dead feature has none of: without, a quarter of the known dictionary's features stayed dead (with: none).
Conerly et al. 2025 have a loss on dead features' pre-activations for it."""


class _Jump(torch.autograd.Function):
    """z H(z - t). To z its own gradient where it is above t; to t the straight-through estimate of the paper's Eq. 11."""

    @staticmethod
    def forward(ctx, z: torch.Tensor, threshold: torch.Tensor, bandwidth: float) -> torch.Tensor:  # noqa: ANN001
        ctx.save_for_backward(z, threshold)
        ctx.bandwidth = bandwidth
        return z * (z > threshold)

    @staticmethod
    def backward(ctx, *grad_outputs: torch.Tensor):  # noqa: ANN001, ANN205
        (grad,) = grad_outputs
        z, threshold = ctx.saved_tensors
        near = (z - threshold).abs() < ctx.bandwidth / 2
        return grad * (z > threshold), -(threshold / ctx.bandwidth) * (near * grad).sum(0), None


class _Step(torch.autograd.Function):
    """H(z - t). No gradient to z; to t the straight-through estimate of the paper's Eq. 12."""

    @staticmethod
    def forward(ctx, z: torch.Tensor, threshold: torch.Tensor, bandwidth: float) -> torch.Tensor:  # noqa: ANN001
        ctx.save_for_backward(z, threshold)
        ctx.bandwidth = bandwidth
        return (z > threshold).to(z.dtype)

    @staticmethod
    def backward(ctx, *grad_outputs: torch.Tensor):  # noqa: ANN001, ANN205
        (grad,) = grad_outputs
        z, threshold = ctx.saved_tensors
        near = (z - threshold).abs() < ctx.bandwidth / 2
        return None, -(near * grad).sum(0) / ctx.bandwidth, None


class JumpReluSae(Sae):
    """code = z H(z - threshold), z = (x - b_dec) W_enc + b_enc; loss = error + penalty * L0 / target.

    The kernel of both estimates is a rectangle of config.bandwidth. Thresholds stay positive by being clamped.
    """

    steered = True
    # In units of tokens as long as sqrt(d) a threshold has farther to go than a weight.
    pace = MappingProxyType({"threshold": 4.0})

    def __init__(self, config: SaeConfig) -> None:
        super().__init__(config)
        self.threshold = nn.Parameter(torch.full((config.d_sae,), START))

    def activate(self, pre: torch.Tensor) -> torch.Tensor:
        return torch.where(pre > self.threshold.clamp_min(0), F.relu(pre), 0.0)

    def loss(self, x: torch.Tensor, context: Context) -> Loss:
        """Squared error over variance + penalty * (mean active features / target) + aux-k."""
        pre = self.pre_activations(x)
        threshold, width = self.threshold.clamp_min(0), self.config.bandwidth
        positive = F.relu(pre)
        code = _Jump.apply(positive, threshold, width)
        count = _Step.apply(positive, threshold, width).sum(1).mean()
        rebuilt = code @ self.W_dec + self.b_dec
        loss, explained = error_loss(x, rebuilt)
        aux, revived = auxiliary(self, pre, x - rebuilt, context.dead)
        target = self.config.target_l0 or self.config.k
        total = loss + context.penalty * count / target + self.config.aux_weight * aux
        fired = (code.detach() > 0).any(0)
        near = ((positive - threshold).abs() < width / 2).any(0)
        return Loss(total, explained, count.detach(), fired, fired | near | revived)

    @torch.no_grad()
    def open(self, floor: torch.Tensor) -> None:
        self.threshold.copy_(floor)

    @torch.no_grad()
    def coax(self, dead: torch.Tensor, lr: float) -> None:
        # Lower, every silent token would be near the threshold.
        old, lowest = self.threshold[dead], self.config.bandwidth / 2
        self.threshold[dead] = torch.minimum(old, (old - COAX * lr * self.pace["threshold"]).clamp_min(lowest))

    @torch.no_grad()
    def unscale(self, scale: float) -> None:
        super().unscale(scale)
        self.threshold.div_(scale)
