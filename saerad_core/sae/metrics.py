"""How well a dictionary rebuilds embeddings, beside PCA with as many components, and how often its features fire.

docs/metrics.md defines every figure once.
"""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional as F

DENSE = 0.1
"""A feature that fires on more than this share counts as dense (Rajamanoharan et al. 2024, "Jumping Ahead", section 5.2)."""
DECADE = 4
"""Bins of the frequency histogram for every factor of ten."""


def explained_variance(x: torch.Tensor, rebuilt: torch.Tensor, mean: torch.Tensor) -> float:
    """1 - squared error / squared distance from ``mean``, over all tokens and dimensions.

    Args:
        x: float [N, d].
        rebuilt: float [N, d].
        mean: float [d], of the training tokens: what a model that knows nothing would answer.
    """
    total = (x - mean).double().square().sum()
    return float(1 - (x - rebuilt).double().square().sum() / total.clamp_min(1e-12))


def pca_explained_variance(train: torch.Tensor, test: torch.Tensor, k: int) -> float:
    """Explained variance on ``test`` of the first ``k`` principal components of ``train``; both float [N, d]."""
    return float(pca_curve(train, test)[min(k, train.shape[1]) - 1])


def pca_curve(train: torch.Tensor, test: torch.Tensor) -> np.ndarray:
    """Explained variance on ``test`` of the first 1, 2, ... d principal components of ``train``, float64 [d]; both float [N, d]."""
    mean = train.mean(0)
    centred = (train - mean).double()
    _, vectors = torch.linalg.eigh(centred.T @ centred / len(train))
    unseen = (test - mean).double()
    # Components are orthonormal, so that what each explains adds up.
    explained = (unseen @ vectors.flip(1)).square().sum(0)
    return (explained.cumsum(0) / unseen.square().sum().clamp_min(1e-12)).numpy()


def cosine(x: torch.Tensor, rebuilt: torch.Tensor) -> float:
    """Mean over tokens of the cosine between a token and itself rebuilt; both float [N, d]."""
    return float(F.cosine_similarity(x.double(), rebuilt.double(), dim=1).mean())


def l0(values: torch.Tensor) -> float:
    """Mean number of firing features a token; values float [N, k]."""
    return float((values > 0).sum(1).double().mean())


def dead_share(codes: torch.Tensor) -> float:
    """Share of features that fire for none of the codes float [N, m]."""
    return float(1 - (codes > 0).any(0).double().mean())


def dense_share(frequencies: np.ndarray, above: float = DENSE) -> float:
    """Share of features whose frequency, float [m] in [0, 1], is greater than ``above``."""
    return float((frequencies > above).mean()) if len(frequencies) else 0.0


def frequency_histogram(frequencies: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """How many features fire how often, on a logarithmic axis.

    Args:
        frequencies: float [m], shares of ``n`` that each feature fires on; those of 0 are left out (they are dead).
        n: what the shares are of, at least 1.

    Returns:
        Edges float64 [b + 1], the last of them 1 and neighbours a factor of 10^(1/DECADE) apart, the first at or below 1/n; and counts
        int64 [b] of features with a frequency in (edge, next edge].
    """
    bins = int(np.floor(np.log10(n) * DECADE + 1e-9)) + 1  # The rarest feature, 1/n, lies above the first edge.
    edges = 10.0 ** (np.arange(-bins, 1) / DECADE)
    alive = frequencies[frequencies > 0]
    places = np.searchsorted(edges * (1 + 1e-9), alive, side="left") - 1
    return edges, np.bincount(np.clip(places, 0, bins - 1), minlength=bins).astype(np.int64)
