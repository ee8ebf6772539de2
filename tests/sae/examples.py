"""Small dictionaries and tokens that the SAE's tests share."""

from __future__ import annotations

import numpy as np
import torch

from saerad_core.sae.base import Sae
from saerad_core.sae.config import SaeConfig
from saerad_core.sae.registry import make


def random_sae(
    d: int = 8, m: int = 24, k: int = 4, seed: int = 0, tokens: str = "patch", architecture: str = "topk"
) -> Sae:
    """Random weights, unit decoder rows; thresholds above 0."""
    generator = torch.Generator().manual_seed(seed)
    sae = make(SaeConfig(d, m, k=k, tokens=tokens, architecture=architecture))
    with torch.no_grad():
        for parameter in sae.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
        if architecture == "gated":
            sae.r_mag.mul_(0.3)  # type: ignore[operator]
        if hasattr(sae, "threshold"):
            common = torch.rand(1 if architecture != "jumprelu" else m, generator=generator)
            sae.threshold.copy_(common.expand(m))  # type: ignore[operator]
    sae.normalise()
    return sae.eval()


def planted(n: int, seed: int, directions: np.ndarray, active: int = 3) -> np.ndarray:
    """float32 [n, d] tokens, each a sum of ``active`` of the directions [g, d]."""
    rng = np.random.default_rng(seed)
    codes = np.zeros((n, len(directions)), dtype=np.float32)
    for row in codes:
        row[rng.choice(len(directions), active, replace=False)] = rng.uniform(1, 2, active)
    return 5 * (codes @ directions) + 7


def known_directions(g: int = 24, d: int = 16) -> np.ndarray:
    """float32 [g, d] of unit length."""
    directions = np.random.default_rng(0).normal(size=(g, d)).astype(np.float32)
    return directions / np.linalg.norm(directions, axis=1, keepdims=True)
