"""Losses that several architectures share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional as F

from saerad_core.sae import parallel

if TYPE_CHECKING:
    from saerad_core.sae.base import Sae


def variance(x: torch.Tensor) -> torch.Tensor:
    """Mean squared distance of tokens [B, d] from their mean: the loss of a model that knows nothing."""
    with torch.no_grad():
        centre = parallel.mean(x.mean(0))
        return parallel.mean((x - centre).square().sum(1).mean()).clamp_min(1e-8)


def error_loss(x: torch.Tensor, rebuilt: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Squared error / variance of the batch, and detached 1 - that over all processes."""
    loss = (x - rebuilt).square().sum(1).mean() / variance(x)
    return loss, 1 - parallel.mean(loss.detach())


def auxiliary(
    sae: Sae, pre: torch.Tensor, residual: torch.Tensor, dead: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """The strongest dead features rebuild what the code leaves over (Gao et al. 2024, appendix A.2).

    Args:
        sae: whose decoder and config.aux_k are taken.
        pre: [B, m] pre-activations.
        residual: [B, d] token minus rebuilt; no gradient flows through it.
        dead: bool [m].

    Returns:
        The loss, relative to the residual's own size (0 where no feature is dead), and bool [m]: features in it.
    """
    revived = torch.zeros_like(dead)
    count = min(sae.config.aux_k, int(dead.sum()))
    if not count:
        return pre.new_zeros(()), revived
    candidates = dead.nonzero()[:, 0]
    values, picks = pre[:, candidates].topk(count, dim=-1, sorted=False)
    values, indices = F.relu(values), candidates[picks]
    guess = F.embedding_bag(indices, sae.W_dec, per_sample_weights=values, mode="sum")
    residual = residual.detach()
    size = parallel.mean(residual.square().sum(1).mean()).clamp_min(1e-8)
    revived[indices[values > 0]] = True
    return (residual - guess).square().sum(1).mean() / size, revived
