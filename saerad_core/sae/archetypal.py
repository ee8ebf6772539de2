"""Archetypal decoder (Fel et al. 2025): every row is a mix of data points plus a bounded relaxation.

D = A C + R: the rows of A are shares (>= 0, summing to 1), C holds data points, and no row of R is longer than a limit. Its
directions can't leave what the data show by more than that limit, which makes dictionaries of different seeds agree
better. It is a way to write down W_dec, so any architecture can have it.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.utils import parametrize

from saerad_core.sae.base import Sae

SHARPNESS = 8.0
"""Logit of the point that a row starts from, over 0 for the others."""


class Archetypes(nn.Module):
    """Shares' logits [m, n] -> decoder rows [m, d]."""

    points: torch.Tensor
    """float32 [n, d], centred and scaled as the tokens that the SAE learns from; not learned."""

    def __init__(self, points: torch.Tensor, features: int, limit: float) -> None:
        super().__init__()
        self.register_buffer("points", points)
        self.relax = nn.Parameter(torch.zeros(features, points.shape[1]))
        self.limit = limit

    def forward(self, logits: torch.Tensor) -> torch.Tensor:
        length = self.relax.norm(dim=1, keepdim=True).clamp_min(1e-12)
        return logits.softmax(1) @ self.points + self.relax * (self.limit / length).clamp_max(1.0)


def make_archetypal(sae: Sae, points: torch.Tensor) -> None:
    """Bind ``sae``'s decoder to ``points`` [n, d]; row f starts near point f, modulo n."""
    m, n = sae.config.d_sae, len(points)
    logits = torch.zeros(m, n, device=sae.b_dec.device)
    logits[torch.arange(m), torch.arange(m) % n] = SHARPNESS
    sae.W_dec = nn.Parameter(logits)
    archetypes = Archetypes(points.to(sae.b_dec.device), m, sae.config.relaxation)
    parametrize.register_parametrization(sae, "W_dec", archetypes, unsafe=True)


def set_free(sae: Sae) -> None:
    """Write the mixed rows down as an ordinary decoder, for use and for files."""
    if parametrize.is_parametrized(sae, "W_dec"):
        parametrize.remove_parametrizations(sae, "W_dec", leave_parametrized=True)
