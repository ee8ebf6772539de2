"""Active features of a batch, in the two orders that a step needs: by token and by feature."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from saerad_core.sae.sparse.topk import Found


class Slots(NamedTuple):
    """Sparse codes of B tokens, any number a token; those of row r start at first[r] and are active[r]."""

    first: np.ndarray
    """int64 [B]."""
    active: np.ndarray
    """int32 [B]."""
    indices: np.ndarray
    """int32 [n], features; between the rows there may be places that don't count."""
    values: np.ndarray
    """[n], of the tokens' type."""


class Sorted(NamedTuple):
    """The slots of a step by feature."""

    features: np.ndarray
    """int32 [F], ascending: features with slots."""
    starts: np.ndarray
    """int64 [F + 1], where each one's begin."""
    rows: np.ndarray
    """int32 [n], rows of the errors that the slots' tokens are rebuilt from: token + B x number of the loss."""
    values: np.ndarray
    """[n]."""


def slots_of(found: Found) -> Slots:
    """Codes of equal width as Slots, without copying."""
    rows, width = found.indices.shape
    return Slots(np.arange(rows, dtype=np.int64) * width, found.active, found.indices.ravel(), found.values.ravel())


def nothing(kind: np.dtype) -> Slots:
    """No slots of no tokens."""
    return Slots(np.empty(0, np.int64), np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0, kind))


@njit(nogil=True, cache=True)
def by_row(count, rows, indices, values):  # noqa: ANN001, ANN201
    """Slots in any order by row, otherwise in the order given: int32 [count] slots a row, [n] indices, [n] values."""
    active = np.zeros(count, np.int32)
    for r in rows:
        active[r] += 1
    place = np.zeros(count, np.int64)
    for r in range(1, count):
        place[r] = place[r - 1] + active[r - 1]
    out, strengths = np.empty_like(indices), np.empty_like(values)
    for i in range(rows.shape[0]):
        at = place[rows[i]]
        out[at], strengths[at] = indices[i], values[i]
        place[rows[i]] += 1
    return active, out, strengths


def by_feature(m: int, slots: Slots, aux: Slots, aux_from: int) -> Sorted:
    """Sort slots by feature, rows ascending; rows of the auxiliary loss are numbered from ``aux_from`` on."""
    return Sorted(*_by_feature(m, *slots, *aux, aux_from))


@njit(nogil=True, cache=True)
def _by_feature(m, first, active, indices, values, aux_first, aux_active, aux_indices, aux_values, aux_from):  # noqa: ANN001, ANN202
    place = np.zeros(m + 1, np.int64)
    for r in range(first.shape[0]):
        for slot in range(first[r], first[r] + active[r]):
            place[indices[slot] + 1] += 1
    for r in range(aux_first.shape[0]):
        for slot in range(aux_first[r], aux_first[r] + aux_active[r]):
            place[aux_indices[slot] + 1] += 1
    touched = 0
    for f in range(m):
        touched += place[f + 1] > 0
    features, starts = np.empty(touched, np.int32), np.zeros(touched + 1, np.int64)
    at = 0
    for f in range(m):
        if place[f + 1] > 0:
            features[at] = f
            starts[at + 1] = starts[at] + place[f + 1]
            at += 1
        place[f + 1] += place[f]
    rows, sorted_values = np.empty(place[m], np.int32), np.empty(place[m], values.dtype)
    for r in range(first.shape[0]):
        for slot in range(first[r], first[r] + active[r]):
            f = indices[slot]
            rows[place[f]], sorted_values[place[f]] = r, values[slot]
            place[f] += 1
    for r in range(aux_first.shape[0]):
        for slot in range(aux_first[r], aux_first[r] + aux_active[r]):
            f = aux_indices[slot]
            rows[place[f]], sorted_values[place[f]] = aux_from + r, aux_values[slot]
            place[f] += 1
    return features, starts, rows, sorted_values
