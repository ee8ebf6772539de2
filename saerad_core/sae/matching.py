"""How alike two dictionaries are, whatever the order, sign and length of their directions."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment

MOST = 16_384
"""Directions that can be matched one to one; the time grows with the cube, the memory with the square."""


class Matching(NamedTuple):
    """One-to-one pairs of two dictionaries; n is the size of the smaller."""

    first: np.ndarray
    """int64 [n]: rows of the first."""
    second: np.ndarray
    """int64 [n]: the rows of the second that they are paired with."""
    cosines: np.ndarray
    """float64 [n]: |cosine| of each pair."""


class Consistency(NamedTuple):
    """PW-MCC of several dictionaries."""

    mean: float
    """Over all pairs of dictionaries."""
    pairs: list[tuple[int, int, float]]
    """(i, j, MCC) with i < j, numbers of the dictionaries."""


def match(first: np.ndarray, second: np.ndarray, alike: np.ndarray | None = None) -> Matching:
    """The pairing with the greatest sum of |cosine| (Hungarian algorithm).

    A direction of length 0 has the cosine 0 with every other.

    Args:
        first: float [a, d].
        second: float [b, d].
        alike: float [a, b] in [0, 1], what to sum in place of |cosine|.

    Raises:
        ValueError: another d, nothing to match, or more than MOST directions.
    """
    if first.ndim != 2 or second.ndim != 2 or first.shape[1] != second.shape[1]:
        raise ValueError(
            f"Dictionaries of shapes {first.shape} and {second.shape} can't be matched; give [m, d] of one encoder."
        )
    if not len(first) or not len(second):
        raise ValueError("A dictionary without directions can't be matched; give at least one.")
    if max(len(first), len(second)) > MOST:
        raise ValueError(f"At most {MOST} directions can be matched one to one; leave out those of dead features.")
    if alike is None:
        alike = np.abs(_unit(first) @ _unit(second).T)
    rows, columns = linear_sum_assignment(alike, maximize=True)
    return Matching(rows, columns, np.minimum(alike[rows, columns], 1.0))


def mcc(learned: np.ndarray, known: np.ndarray) -> float:
    """Mean correlation coefficient: mean |cosine| over the pairs of ``match``, in [0, 1].

    Song et al. 2025, "Mechanistic Interpretability Should Prioritize Feature Consistency in SAEs" (arXiv 2505.20254).

    Args:
        learned: float [m, d], decoder rows.
        known: float [g, d], the true directions.
    """
    return float(match(learned, known).cosines.mean())


def pw_mcc(dictionaries: Sequence[np.ndarray]) -> Consistency:
    """Pairwise dictionary MCC: ``mcc`` of every two of the dictionaries, e.g. of seeds, and its mean.

    Raises:
        ValueError: fewer than two.
    """
    if len(dictionaries) < 2:
        raise ValueError("PW-MCC compares dictionaries; give at least two.")
    pairs = [(i, j, mcc(dictionaries[i], dictionaries[j])) for i, j in combinations(range(len(dictionaries)), 2)]
    return Consistency(float(np.mean([value for _, _, value in pairs])), pairs)


def _unit(rows: np.ndarray) -> np.ndarray:
    rows = rows.astype(np.float64)
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
