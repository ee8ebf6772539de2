"""Whether the images that a feature fires on look alike."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

LEAST = 1e-9
"""Weight of all pairs together from which a feature has a score."""


def monosemanticity(codes: Any, embeddings: np.ndarray, patients: np.ndarray) -> np.ndarray:  # noqa: ANN401 - scipy ships no types
    """Monosemanticity score of every feature, float64 [m] in [-1, 1]; nan where fewer than two patients show it.

    Pach et al. 2025, "Sparse Autoencoders Learn Monosemantic Features in Vision-Language Models" (arXiv 2504.02821): each
    feature's activations are scaled to [0, 1] over the images; the score is the mean cosine similarity of all pairs of
    images, each pair weighted by the product of its two activations. Pairs of one patient's X-rays are left out here:
    they look alike whatever the feature. Takes time linear in the number of images, since
    the sum over pairs of a_i a_j <e_i, e_j> is the squared length of the sum of a_i e_i.

    Args:
        codes: [N, m], dense or scipy sparse, >= 0.
        embeddings: float [N, d] of the images; lengths don't matter.
        patients: int [N], patient number of each image; all different where images are unrelated.
    """
    return _weighted(_scaled(codes), embeddings, patients)


def mean_similarity(embeddings: np.ndarray, patients: np.ndarray) -> float:
    """Mean cosine of all pairs of images of different patients: what a feature with the same activation on all would score."""
    return float(_weighted(sparse.csc_matrix(np.ones((len(embeddings), 1))), embeddings, patients)[0])


def _weighted(weights: Any, embeddings: np.ndarray, patients: np.ndarray) -> np.ndarray:  # noqa: ANN401
    e = embeddings.astype(np.float64)
    e /= np.maximum(np.linalg.norm(e, axis=1, keepdims=True), 1e-12)
    alike, ones = _same_patient(e, patients)
    total = np.asarray(weights.sum(axis=0)).ravel() ** 2
    above = (np.asarray(weights.T @ e) ** 2).sum(axis=1) - _within(weights, alike)
    below = total - _within(weights, ones)
    with np.errstate(invalid="ignore", divide="ignore"):
        scores = np.where(below > LEAST * np.maximum(total, LEAST), above / below, np.nan)
    return np.clip(scores, -1.0, 1.0)


def _scaled(codes: Any) -> Any:  # noqa: ANN401
    """csc of the codes with each column's least moved to 0 and its greatest to 1; a column that never varies is all 0."""
    weights: Any = sparse.csc_matrix(codes, dtype=np.float64, copy=True)
    weights.sum_duplicates()
    low, high = (np.asarray(part.todense()).ravel() for part in (weights.min(axis=0), weights.max(axis=0)))
    column = np.repeat(np.arange(weights.shape[1]), np.diff(weights.indptr))
    # A column whose least is above 0 has an entry in every row, so that nothing else needs to be moved.
    weights.data = (weights.data - low[column]) / np.where(high > low, high - low, np.inf)[column]
    return weights


def _same_patient(e: np.ndarray, patients: np.ndarray) -> tuple[Any, Any]:
    """Sparse [N, N]: cosines of the pairs of one patient's images (an image with itself among them), and 1 for each."""
    number = np.unique(patients, return_inverse=True)[1]
    n = len(number)
    member = sparse.csr_matrix((np.ones(n), (np.arange(n), number)), shape=(n, int(number.max(initial=-1)) + 1))
    ones = sparse.coo_matrix(member @ member.T)
    cosines = np.einsum("ij,ij->i", e[ones.row], e[ones.col])
    return sparse.csr_matrix((cosines, (ones.row, ones.col)), shape=(n, n)), sparse.csr_matrix(ones)


def _within(weights: Any, pairs: Any) -> np.ndarray:  # noqa: ANN401
    """Sum over i, j of w_i w_j pairs_ij for each column of ``weights``."""
    return np.asarray(weights.multiply(pairs @ weights).sum(axis=0)).ravel()
