"""Where training starts: centre, scale and a dictionary of data points."""

from __future__ import annotations

import numpy as np
import torch

from saerad_core.sae.archetypal import make_archetypal
from saerad_core.sae.base import Sae
from saerad_core.sae.config import SaeConfig
from saerad_core.sae.registry import make

SAMPLE = 20_000
"""Tokens that the start looks at."""
FEW = 2_048
"""Of them, those that a steered SAE's first L0 is set by."""
MANY = 2.0
"""Times the wanted L0 that a steered SAE starts from. With every second gate open, as all biases at 0 have it, hundreds of
features rebuild a token together, and what they learn first is to shrink."""
NOISE = 0.1
"""Added to each data point, relative to the points' spread: two features from one token differ."""


def geometric_median(x: torch.Tensor, rounds: int = 20) -> torch.Tensor:
    """The point with the smallest sum of distances to [N, d] (Weiszfeld 1937), not drawn away by outliers as the mean."""
    centre = x.mean(0)
    for _ in range(rounds):
        weight = 1 / (x - centre).norm(dim=1).clamp_min(1e-6)
        centre = (weight[:, None] * x).sum(0) / weight.sum()
    return centre


@torch.no_grad()
def _open(sae: Sae, points: torch.Tensor, active: float) -> None:
    """Start with ``active`` features on a point, and an encoder as long as rebuilds points [n, d] best."""
    pre = points @ sae.W_enc
    rank = min(max(1, round(active / pre.shape[1] * len(pre))), len(pre) - 1)
    floor = pre.kthvalue(len(pre) - rank, dim=0).values.clamp_min(0)
    rebuilt = torch.where(pre > floor, pre, 0.0) @ sae.W_dec
    length = float((points * rebuilt).sum() / rebuilt.square().sum().clamp_min(1e-8))
    sae.W_enc.mul_(length)
    sae.open(floor * length)


def initial(tokens: np.ndarray, config: SaeConfig, device: torch.device) -> tuple[Sae, float]:
    """An SAE whose decoder rows are data points, encoder tied, b_dec the centre; and the scale that brings tokens, less
    their centre, to a mean length of sqrt(d)."""
    generator = np.random.default_rng(config.seed)
    rows = np.sort(generator.choice(len(tokens), min(len(tokens), SAMPLE), replace=False))
    sample = torch.from_numpy(tokens[rows].astype(np.float32))
    centre = geometric_median(sample) if config.centre == "median" else sample.mean(0)
    scale = float(config.d_in**0.5 / (sample - centre).norm(dim=1).mean().clamp_min(1e-8))
    picks = torch.from_numpy(generator.choice(len(sample), config.d_sae, replace=len(sample) < config.d_sae))
    points = (sample - centre) * scale
    directions = points[picks]
    noise = torch.randn(directions.shape, generator=torch.Generator().manual_seed(config.seed))
    directions = directions + NOISE * directions.std() * noise
    sae = make(config)
    with torch.no_grad():
        sae.W_dec.copy_(directions)
        sae.normalise()
        sae.tie()
        sae.b_dec.copy_(centre * scale)
    if sae.steered:
        _open(sae, points[:FEW], MANY * (config.target_l0 or config.k))
    if config.archetypes:
        make_archetypal(sae, points[torch.from_numpy(generator.permutation(len(points))[: config.archetypes])])
    return sae.to(device), scale
