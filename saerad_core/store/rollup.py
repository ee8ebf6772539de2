"""What is counted once at the build so that a page need not: histograms, features active together, similar directions."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy import sparse

BINS = 24
"""Bars of a feature's histogram, from 0 to its largest activation."""
TOGETHER = 20
"""Features kept for each that are active with it."""
SIMILAR = 12
"""Features kept for each whose decoder direction is near its own."""
FEWEST_PATIENTS = 3
"""Patients in common below which two features are not listed as active together: one shared X-ray of two rare features
would have the highest score there is."""
BLOCK = 1_024
"""Features handled at a time; bounds memory at about 200 MB for 49,152 features."""


def histograms(codes: np.ndarray) -> pd.DataFrame:
    """BINS bars for every feature that fires: feature_id, bin, lo, hi, n (X-rays whose activation is in (lo, hi]).

    Args:
        codes: [N, m] of the training split; zeros are no activation.
    """
    n_features = codes.shape[1]
    frames = []
    for start, stop in _blocks(n_features):
        dense = codes[:, start:stop].astype(np.float32)
        top = dense.max(axis=0, initial=0)
        rows, columns = np.nonzero(dense > 0)
        # (lo, hi], so that the largest activation lies in the last bar.
        bins = np.ceil(dense[rows, columns] / top[columns] * BINS).astype(np.int64).clip(1, BINS) - 1
        counts = np.bincount(columns * BINS + bins, minlength=(stop - start) * BINS).reshape(-1, BINS)
        fires = np.flatnonzero(top > 0)
        edges = top[fires, None] * np.linspace(0, 1, BINS + 1, dtype=np.float32)
        frames.append(
            pd.DataFrame(
                {
                    "feature_id": np.repeat(fires + start, BINS),
                    "bin": np.tile(np.arange(BINS), len(fires)),
                    "lo": edges[:, :-1].ravel(),
                    "hi": edges[:, 1:].ravel(),
                    "n": counts[fires].ravel(),
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def coactivations(active: sparse.csr_matrix, patients: np.ndarray) -> pd.DataFrame:
    """Features that are active on the same X-rays more often than by chance: feature_id, other_id, n, npmi.

    The TOGETHER highest normalised pointwise mutual informations (Bouma 2009) for each feature, over X-rays; n counts
    the patients on whom both are active on one X-ray.

    Args:
        active: [N, m] of the training split, non-zero where active.
        patients: [N] which patient each X-ray is of.
    """
    n, m = len(patients), active.shape[1]  # type: ignore[index]
    shown = sparse.csr_matrix(
        (np.ones(len(active.indices), dtype=np.float32), active.indices, active.indptr), shape=(n, m)
    )
    by_feature = sparse.csc_matrix(shown)
    often = np.diff(by_feature.indptr).astype(np.float64)
    number = pd.factorize(patients)[0].astype(np.int64)
    found: list[pd.DataFrame] = []
    for start, stop in _blocks(m):
        pairs = (by_feature[:, start:stop].T @ shown).tocoo()
        first, second, both = pairs.row.astype(np.int64) + start, pairs.col.astype(np.int64), pairs.data
        # As many patients as X-rays at most: the cheap bound first, the count of patients for the few that are left.
        keep = (first != second) & (both >= FEWEST_PATIENTS)
        first, second, both = first[keep], second[keep], both[keep].astype(np.float64)
        score = _npmi(both / n, often[first] / n, often[second] / n)
        keep = score > 0
        frame = pd.DataFrame({"feature_id": first[keep], "other_id": second[keep], "npmi": score[keep]})
        found.append(
            _with_patients(frame.sort_values(["feature_id", "npmi"], ascending=[True, False]), by_feature, number)
        )
    together = pd.concat(found, ignore_index=True)
    return together.loc[:, ["feature_id", "other_id", "n", "npmi"]]


def _npmi(both: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        score = np.log(both / (first * second)) / -np.log(both)
    # Two features that are active on every X-ray: 0 / 0, and nothing learned from either.
    return np.nan_to_num(score, nan=0.0)


def _with_patients(pairs: pd.DataFrame, by_feature: sparse.csc_matrix, patients: np.ndarray) -> pd.DataFrame:
    """The TOGETHER best pairs of each feature that enough patients share, with the count of patients."""
    kept, counts, taken, current = [], [], 0, -1
    for index, (one, other) in enumerate(zip(pairs["feature_id"], pairs["other_id"], strict=True)):
        taken = 0 if one != current else taken
        current = one
        if taken == TOGETHER:
            continue
        common = np.intersect1d(_rows(by_feature, one), _rows(by_feature, other), assume_unique=True)
        n = len(np.unique(patients[common]))
        if n >= FEWEST_PATIENTS:
            kept.append(index)
            counts.append(n)
            taken += 1
    best = pairs.take(kept)
    best["n"] = np.array(counts, dtype=np.int64)
    return best


def _rows(by_feature: sparse.csc_matrix, feature: int) -> np.ndarray:
    return by_feature.indices[by_feature.indptr[feature] : by_feature.indptr[feature + 1]]


def similar_directions(decoder: np.ndarray, fires: np.ndarray) -> pd.DataFrame:
    """The SIMILAR features with the nearest decoder directions: feature_id, other_id, cosine.

    Args:
        decoder: float32 [m, d].
        fires: bool [m]; a feature that never fires is nobody's neighbour, since its direction was never used.
    """
    length = np.linalg.norm(decoder, axis=1, keepdims=True)
    unit = (decoder / np.maximum(length, 1e-12)).astype(np.float32)
    others = np.flatnonzero(fires)
    kept = min(SIMILAR, max(len(others) - 1, 0))
    frames = []
    for start, stop in _blocks(len(decoder)):
        cosine = unit[start:stop] @ unit[others].T
        cosine[np.arange(start, stop)[:, None] == others[None, :]] = -np.inf
        best = np.argsort(-cosine, axis=1, kind="stable")[:, :kept] if kept else np.zeros((stop - start, 0), np.int64)
        frames.append(
            pd.DataFrame(
                {
                    "feature_id": np.repeat(np.arange(start, stop), kept),
                    "other_id": others[best].ravel(),
                    "cosine": np.take_along_axis(cosine, best, axis=1).ravel(),
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def _blocks(n: int) -> Iterator[tuple[int, int]]:
    """(start, stop) of blocks of at most BLOCK; one empty block for none."""
    for start in range(0, max(n, 1), BLOCK):
        yield start, min(start + BLOCK, n)
