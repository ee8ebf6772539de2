"""What every architecture is: tokens -> a few features -> tokens, and the loss that teaches it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional as F

from saerad_core.sae.config import SaeConfig


class Codes(NamedTuple):
    """Sparse codes of B tokens; a slot with value 0 is silent.

    Architectures without a fixed number of active features pad every row to the longest of the batch.
    """

    indices: torch.Tensor
    """int64 [B, k]."""
    values: torch.Tensor
    """float32 [B, k], >= 0."""


class Context(NamedTuple):
    """What a loss needs to know of training."""

    dead: torch.Tensor
    """bool [m]: features that hadn't fired for SaeConfig.dead_after tokens before this batch."""
    penalty: float
    """Weight of the sparsity loss, for the architectures that have one."""


class Loss(NamedTuple):
    """One batch's loss."""

    total: torch.Tensor
    """Scalar to go backward from."""
    explained: torch.Tensor
    """Scalar: 1 - squared error / variance of the batch. Detached, as are all below."""
    l0: torch.Tensor
    """Scalar: mean active features a token."""
    fired: torch.Tensor
    """bool [m]: features active on a token of the batch."""
    touched: torch.Tensor
    """bool [m]: features that a gradient reaches, by the code, the auxiliary loss or a threshold; only they are updated."""


class Sae(nn.Module):
    """Parameters have SAELens' names and shapes; an architecture may add some with one entry a feature."""

    steered = False
    """Whether a controller steers the weight of a sparsity loss towards SaeConfig.target_l0."""

    pace: Mapping[str, float] = MappingProxyType({})
    """Parameters that learn faster than the others: times the learning rate."""

    def __init__(self, config: SaeConfig) -> None:
        super().__init__()
        self.config = config
        # Feature by feature in memory, as the decoder: an encoder column is one run of d_in numbers.
        self.W_enc = nn.Parameter(torch.zeros(config.d_sae, config.d_in).T)
        self.b_enc = nn.Parameter(torch.zeros(config.d_sae))
        self.W_dec = nn.Parameter(torch.zeros(config.d_sae, config.d_in))
        self.b_dec = nn.Parameter(torch.zeros(config.d_in))

    def pre_activations(self, x: torch.Tensor) -> torch.Tensor:
        """[B, d] -> [B, m]: (x - b_dec) W_enc + b_enc."""
        return F.linear(x - self.b_dec, self.W_enc.T, self.b_enc)

    def activate(self, pre: torch.Tensor) -> torch.Tensor:
        """Pre-activations [B, m] -> dense code [B, m] at inference; every row by itself."""
        raise NotImplementedError

    def dense(self, x: torch.Tensor) -> torch.Tensor:
        """[B, d] -> dense code [B, m]."""
        return self.activate(self.pre_activations(x))

    def encode(self, x: torch.Tensor) -> Codes:
        """The active features of each token, [B, d] -> Codes [B, k]."""
        return as_codes(self.dense(x))

    def decode(self, codes: Codes) -> torch.Tensor:
        """Codes [B, k] -> [B, d]."""
        summed = F.embedding_bag(codes.indices, self.W_dec, per_sample_weights=codes.values, mode="sum")
        return summed + self.b_dec

    def loss(self, x: torch.Tensor, context: Context) -> Loss:
        """Loss of tokens [B, d], scaled to a mean length of sqrt(d)."""
        raise NotImplementedError

    def feature_gradient(self, x: torch.Tensor, feature_id: int) -> torch.Tensor:
        """Differentiable pre-activation of one feature on tokens [B, d] -> [B]: how strongly it wants to be active."""
        weight = self.W_enc[:, feature_id][None]
        return F.linear(x - self.b_dec, weight, self.b_enc[feature_id : feature_id + 1])[:, 0]

    @property
    def unit_decoder(self) -> bool:
        """Whether training keeps decoder rows at unit length."""
        return not self.config.archetypes

    @torch.no_grad()
    def normalise(self) -> None:
        """Decoder rows to unit length, so that an activation is how much of the embedding a feature explains."""
        self.W_dec.div_(self.W_dec.norm(dim=1, keepdim=True).clamp_min(1e-8))

    @torch.no_grad()
    def tie(self) -> None:
        """Start the encoder as the decoder's transpose."""
        self.W_enc.copy_(self.W_dec.T)

    @torch.no_grad()
    def open(self, floor: torch.Tensor) -> None:
        """Start a steered SAE so that a feature is active where x W_enc exceeds its ``floor`` [m]."""
        raise NotImplementedError

    @torch.no_grad()
    def coax(self, dead: torch.Tensor, lr: float) -> None:
        """After a step at the rate ``lr``: bring the features of the bool [m] ``dead`` nearer to firing. The auxiliary loss alone does
        where this does nothing."""

    @torch.no_grad()
    def unscale(self, scale: float) -> None:
        """From tokens multiplied by ``scale`` back to tokens as they come: codes and rebuilt tokens shrink by it."""
        self.b_enc.div_(scale)
        self.b_dec.div_(scale)


def feature_axis(name: str) -> int | None:
    """Which axis of the parameter ``name`` counts features; None for what all features share."""
    leaf = name.rsplit(".", 1)[-1]
    return None if leaf == "b_dec" else 1 if leaf == "W_enc" else 0


def as_codes(dense: torch.Tensor) -> Codes:
    """Dense codes [B, m] -> Codes as wide as the fullest row (at least 1)."""
    widest = max(1, int((dense > 0).sum(1).max())) if len(dense) else 1
    values, indices = dense.topk(min(widest, dense.shape[1]), dim=-1, sorted=False)
    return Codes(indices, values)


def as_dense(codes: Codes, m: int) -> torch.Tensor:
    """Codes [B, k] -> [B, m]."""
    out = torch.zeros(len(codes.values), m, dtype=codes.values.dtype, device=codes.values.device)
    return out.scatter(1, codes.indices, codes.values)
