"""How well a dictionary rebuilds embeddings, beside PCA with as many components."""

from __future__ import annotations

import torch


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
    mean = train.mean(0)
    centred = (train - mean).double()
    _, vectors = torch.linalg.eigh(centred.T @ centred / len(train))
    basis = vectors[:, -k:].to(train.dtype)
    return explained_variance(test, (test - mean) @ basis @ basis.T + mean, mean)


def l0(values: torch.Tensor) -> float:
    """Mean number of firing features a token; values float [N, k]."""
    return float((values > 0).sum(1).double().mean())


def dead_share(codes: torch.Tensor) -> float:
    """Share of features that fire for none of the codes float [N, m]."""
    return float(1 - (codes > 0).any(0).double().mean())
