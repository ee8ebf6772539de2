"""Areas under the ROC curve of many scores against many labels at once."""

from __future__ import annotations

import numpy as np
from numba import njit
from scipy import sparse, stats

from saerad_core.sae.columns import Columns

BLOCK = 1_024
"""Columns of scores ranked at a time."""


def auroc(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """AUROC of every score with every label, float64 [m, L]; nan where a label has no positive or no negative.

    Args:
        scores: [N, m]; ties count half.
        labels: bool [N, L].
    """
    positive = labels.astype(np.float64)
    n1 = positive.sum(axis=0)
    n0 = len(positive) - n1
    with np.errstate(invalid="ignore", divide="ignore"):
        parts = []
        for start in range(0, scores.shape[1], BLOCK):
            ranks = stats.rankdata(scores[:, start : start + BLOCK].astype(np.float32), axis=0)
            parts.append((ranks.T @ positive - n1 * (n1 + 1) / 2) / (n1 * n0))
    return np.concatenate(parts) if parts else np.zeros((0, labels.shape[1]))


def sparse_auroc(scores: Columns, labels: np.ndarray) -> np.ndarray:
    """The same of sparse scores >= 0, float64 [m, L]: scores that aren't listed are 0 and tie with one another.

    Args:
        scores: of N X-rays by feature.
        labels: bool [N, L].
    """
    n1 = labels.sum(axis=0).astype(np.float64)
    n0 = len(labels) - n1
    listed = sparse.csr_matrix(labels)
    sums = _rank_sums(
        scores.n, scores.starts, scores.rows, scores.bits, listed.indptr, listed.indices, labels.sum(axis=0)
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        return (sums - n1 * (n1 + 1) / 2) / (n1 * n0)


@njit(nogil=True, cache=True)
def _rank_sums(n, starts, rows, bits, label_starts, label_ids, positives):  # noqa: ANN001, ANN202
    """Sum of the ranks of each label's positives, float64 [m, L]; ties have their middle rank."""
    m, n_labels = len(starts) - 1, len(positives)
    sums = np.zeros((m, n_labels))
    for f in range(m):
        first, last = starts[f], starts[f + 1]
        zeros = n - (last - first)
        silent = positives.astype(np.float64)
        at = first
        while at < last:
            end = at + 1
            while end < last and bits[end] == bits[at]:
                end += 1
            rank = zeros + (at - first + 1 + end - first) / 2
            for tied in range(at, end):
                for place in range(label_starts[rows[tied]], label_starts[rows[tied] + 1]):
                    sums[f, label_ids[place]] += rank
                    silent[label_ids[place]] -= 1
            at = end
        for label in range(n_labels):
            sums[f, label] += silent[label] * (zeros + 1) / 2
    return sums
