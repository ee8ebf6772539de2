"""The TopK sparse autoencoder (Gao et al. 2024): the k largest features of a token rebuild it."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from saerad_core.sae.base import Codes, Context, Loss, Sae, as_dense
from saerad_core.sae.losses import auxiliary, error_loss


class TopKSae(Sae):
    """code = ReLU(TopK((x - b_dec) W_enc + b_enc)); rebuilt = code W_dec + b_dec (Gao et al. 2024, Eq. 2)."""

    def select(self, pre: torch.Tensor) -> Codes:
        """The k largest pre-activations [B, m] of each row, where positive."""
        values, indices = pre.topk(min(self.config.k, pre.shape[1]), dim=-1, sorted=False)
        return Codes(indices, F.relu(values))

    def activate(self, pre: torch.Tensor) -> torch.Tensor:
        return as_dense(self.select(pre), self.config.d_sae)

    def encode(self, x: torch.Tensor) -> Codes:
        """The k largest positive features of each token, [B, d] -> Codes [B, k]."""
        return self.select(self.pre_activations(x))

    def loss(self, x: torch.Tensor, context: Context) -> Loss:
        """Squared error over variance, plus aux-k (Gao et al. 2024, section 2.4 and appendix A.2)."""
        pre = self.pre_activations(x)
        codes = self.select(pre)
        rebuilt = self.decode(codes)
        loss, explained = error_loss(x, rebuilt)
        fired = torch.zeros(self.config.d_sae, dtype=torch.bool, device=x.device)
        fired[codes.indices[codes.values > 0]] = True
        aux, revived = auxiliary(self, pre, x - rebuilt, context.dead)
        l0 = (codes.values > 0).sum(1).float().mean()
        return Loss(loss + self.config.aux_weight * aux, explained, l0, fired, fired | revived)
