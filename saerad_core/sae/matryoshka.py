"""Matryoshka SAE (Bussmann et al. 2025): the first features must rebuild tokens without the later ones."""

from __future__ import annotations

import torch

from saerad_core.sae.batch_topk import BatchTopKSae
from saerad_core.sae.losses import error_loss


class MatryoshkaSae(BatchTopKSae):
    """BatchTopK over the whole dictionary, its loss averaged over nested prefixes (config.prefixes), the last one whole.

    Averaged where the paper sums: the same up to a factor, and the auxiliary loss keeps its weight.
    """

    def ends(self) -> list[int]:
        """Where the prefixes end, ascending; the last is d_sae."""
        m = self.config.d_sae
        return sorted({min(m, max(1, round(share * m))) for share in self.config.prefixes} | {m})

    def reconstruction(self, x: torch.Tensor, code: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        losses, rebuilt, begin = [], self.b_dec.expand_as(x), 0
        explained = x.new_zeros(())
        for end in self.ends():
            rebuilt = rebuilt + code[:, begin:end] @ self.W_dec[begin:end]
            loss, explained = error_loss(x, rebuilt)
            losses.append(loss)
            begin = end
        return torch.stack(losses).mean(), explained, rebuilt
