"""What is counted once at the build so that a page need not: histograms, features active together, similar directions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numba import njit

from saerad_core.sae.codes import FLOATS, SparseCodes

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
"""Directions compared at a time; bounds memory at about 200 MB for 49,152 features."""


def histograms(codes: SparseCodes, which: np.ndarray) -> pd.DataFrame:
    """BINS bars for every feature that fires: feature_id, bin, lo, hi, n (X-rays whose activation is in (lo, hi]).

    Args:
        codes: [N, m]; zeros are no activation.
        which: bool [N], the X-rays counted.
    """
    top, counts = _bars(codes.indptr, codes.indices, codes.bits, np.flatnonzero(which), codes.shape[1], BINS, FLOATS)
    fires = np.flatnonzero(top > 0)
    edges = top[fires, None] * np.linspace(0, 1, BINS + 1, dtype=np.float32)
    return pd.DataFrame(
        {
            "feature_id": np.repeat(fires, BINS),
            "bin": np.tile(np.arange(BINS), len(fires)),
            "lo": edges[:, :-1].ravel(),
            "hi": edges[:, 1:].ravel(),
            "n": counts[fires].ravel(),
        }
    )


@njit(nogil=True, cache=True)
def _bars(indptr, indices, bits, wanted, m, bins, floats):  # noqa: ANN001, ANN202
    top, counts = np.zeros(m, np.float32), np.zeros((m, bins), np.int64)
    for row in wanted:
        for at in range(indptr[row], indptr[row + 1]):
            top[indices[at]] = max(top[indices[at]], floats[bits[at]])
    for row in wanted:
        for at in range(indptr[row], indptr[row + 1]):
            f = indices[at]
            # (lo, hi], so that the largest activation lies in the last bar.
            place = int(np.ceil(floats[bits[at]] / top[f] * np.float32(bins)))
            counts[f, min(max(place, 1), bins) - 1] += 1
    return top, counts


def coactivations(active: Any, patients: np.ndarray) -> pd.DataFrame:  # noqa: ANN401 - scipy ships no types
    """Features that are active on the same X-rays more often than by chance: feature_id, other_id, n, npmi.

    The TOGETHER highest normalised pointwise mutual informations (Bouma 2009) for each feature, over X-rays; n counts
    the patients on whom both are active on one X-ray.

    Args:
        active: csr_matrix [N, m] of the training split, non-zero where active.
        patients: [N] which patient each X-ray is of.
    """
    number = pd.factorize(patients)[0]
    # A patient's X-rays one after another, so that those of two features in common are counted by patient in one walk.
    order = np.argsort(number, kind="stable")
    shown = active[order]
    shown.sort_indices()
    by_feature = shown.tocsc()
    firsts, others, counts, scores = _company(
        shown.indptr, shown.indices, by_feature.indptr, by_feature.indices, number[order], TOGETHER, FEWEST_PATIENTS
    )
    return pd.DataFrame({"feature_id": firsts, "other_id": others, "n": counts, "npmi": scores})


@njit(nogil=True, cache=True)
def _company(indptr, indices, starts, rows, patients, most, fewest):  # noqa: ANN001, ANN202
    n, m = len(indptr) - 1, len(starts) - 1
    both, touched = np.zeros(m, np.int64), np.empty(m, np.int64)
    others, counts = np.empty((m, most), np.int64), np.empty((m, most), np.int64)
    scores, taken = np.empty((m, most)), np.zeros(m, np.int64)
    for one in range(m):
        found = 0
        for at in range(starts[one], starts[one + 1]):
            for place in range(indptr[rows[at]], indptr[rows[at] + 1]):
                other = indices[place]
                if both[other] == 0:
                    touched[found] = other
                    found += 1
                both[other] += 1
        # As many patients as X-rays at most: the cheap bound first, the count of patients for the best that are left.
        likely, score, kept = np.empty(found, np.int64), np.empty(found), 0
        expected = (starts[one + 1] - starts[one]) / n
        for other in np.sort(touched[:found]):
            # Two features that are active on every X-ray: nothing is learned from either.
            if other != one and fewest <= both[other] < n:
                share = both[other] / n
                npmi = np.log(share / (expected * ((starts[other + 1] - starts[other]) / n))) / -np.log(share)
                if npmi > 0:
                    likely[kept], score[kept] = other, npmi
                    kept += 1
        both[touched[:found]] = 0
        order = np.argsort(-score[:kept], kind="mergesort")
        for i in order:
            if taken[one] == most:
                break
            shared = _patients_of_both(
                rows, patients, starts[one], starts[one + 1], starts[likely[i]], starts[likely[i] + 1]
            )
            if shared >= fewest:
                place = taken[one]
                others[one, place], counts[one, place], scores[one, place] = likely[i], shared, score[i]
                taken[one] += 1
    total = taken.sum()
    firsts, flat_others = np.empty(total, np.int64), np.empty(total, np.int64)
    flat_counts, flat_scores = np.empty(total, np.int64), np.empty(total)
    at = 0
    for one in range(m):
        for place in range(taken[one]):
            firsts[at], flat_others[at] = one, others[one, place]
            flat_counts[at], flat_scores[at] = counts[one, place], scores[one, place]
            at += 1
    return firsts, flat_others, flat_counts, flat_scores


@njit(nogil=True, cache=True)
def _patients_of_both(rows, patients, a, a_end, b, b_end):  # noqa: ANN001, ANN202
    """Patients among the rows that two ascending lists have in common; X-rays of one patient follow one another."""
    count, last = 0, -1
    while a < a_end and b < b_end:
        if rows[a] < rows[b]:
            a += 1
        elif rows[a] > rows[b]:
            b += 1
        else:
            if patients[rows[a]] != last:
                last = patients[rows[a]]
                count += 1
            a += 1
            b += 1
    return count


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
    frames, living = [], np.ascontiguousarray(unit[others].T)
    for start, stop in _blocks(len(decoder)):
        cosine = unit[start:stop] @ living
        own = np.arange(*np.searchsorted(others, [start, stop]))
        cosine[others[own] - start, own] = -np.inf
        best = _largest(cosine, kept)
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


@njit(nogil=True, cache=True)
def _largest(values, most):  # noqa: ANN001, ANN202
    """Places of the ``most`` largest of each row, the largest first and of equal ones the first, int64 [n, most]."""
    n, m = values.shape
    places, best = np.zeros((n, most), np.int64), np.full(most, -np.inf, values.dtype)
    for row in range(n):
        kept = 0
        for column in range(m):
            value = values[row, column]
            if most == 0 or (kept == most and not value > best[most - 1]):
                continue
            kept = min(kept + 1, most)
            at = kept - 1
            while at > 0 and value > best[at - 1]:
                best[at], places[row, at] = best[at - 1], places[row, at - 1]
                at -= 1
            best[at], places[row, at] = value, column
    return places


def _blocks(n: int) -> Iterator[tuple[int, int]]:
    """(start, stop) of blocks of at most BLOCK; one empty block for none."""
    for start in range(0, max(n, 1), BLOCK):
        yield start, min(start + BLOCK, n)
