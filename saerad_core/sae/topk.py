"""The TopK sparse autoencoder (Gao et al. 2024): the k largest features of a token rebuild it."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional as F

from saerad_core.sae.config import SaeConfig


class Codes(NamedTuple):
    """Sparse codes of B tokens; a slot with value 0 is silent."""

    indices: torch.Tensor
    """int64 [B, k]."""
    values: torch.Tensor
    """float32 [B, k], >= 0."""


class TopKSae(nn.Module):
    """Parameters have SAELens' names and shapes."""

    def __init__(self, config: SaeConfig) -> None:
        super().__init__()
        self.config = config
        self.W_enc = nn.Parameter(torch.zeros(config.d_in, config.d_sae))
        self.b_enc = nn.Parameter(torch.zeros(config.d_sae))
        self.W_dec = nn.Parameter(torch.zeros(config.d_sae, config.d_in))
        self.b_dec = nn.Parameter(torch.zeros(config.d_in))

    def pre_activations(self, x: torch.Tensor) -> torch.Tensor:
        """[B, d] -> [B, m], before ReLU and top-k."""
        return F.linear(x - self.b_dec, self.W_enc.T, self.b_enc)

    def encode(self, x: torch.Tensor) -> Codes:
        """The k largest positive features of each token, [B, d] -> Codes [B, k]."""
        values, indices = self.pre_activations(x).topk(self.config.k, dim=-1, sorted=False)
        return Codes(indices, F.relu(values))

    def decode(self, codes: Codes) -> torch.Tensor:
        """Codes [B, k] -> [B, d]."""
        summed = F.embedding_bag(codes.indices, self.W_dec, per_sample_weights=codes.values, mode="sum")
        return summed + self.b_dec

    def dense(self, x: torch.Tensor) -> torch.Tensor:
        """The same codes as a dense [B, m]."""
        codes = self.encode(x)
        return torch.zeros(len(x), self.config.d_sae, dtype=x.dtype, device=x.device).scatter_(
            1, codes.indices, codes.values
        )

    @torch.no_grad()
    def normalise(self) -> None:
        """Decoder rows to unit length, so that an activation is how much of the embedding a feature explains."""
        self.W_dec.div_(self.W_dec.norm(dim=1, keepdim=True).clamp_min(1e-8))
