"""Codes by feature, each feature's in ascending order: what thresholds, quantiles and ranks are read from."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numba import njit

from saerad_core.sae.codes import FLOATS, SparseCodes, counted


class Columns(NamedTuple):
    """Codes > 0 of some X-rays by feature; all other codes are 0."""

    n: int
    """X-rays, numbered from 0 in the order in which they were chosen."""
    starts: np.ndarray
    """int64 [m + 1]."""
    rows: np.ndarray
    """int32 [n], X-rays."""
    values: np.ndarray
    """float16 [n], > 0, ascending within a feature."""

    @property
    def bits(self) -> np.ndarray:
        """uint16 [n], for kernels."""
        return self.values.view(np.uint16)

    def quantile(self, q: float) -> np.ndarray:
        """float64 [m]: each feature's q-quantile over all X-rays, zeros among them, as numpy's linear method."""
        at = (self.n - 1) * q
        return _quantiles(self.starts, self.bits, self.n, int(at), at - int(at), FLOATS)

    def moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation over all X-rays, float64 [m] each."""
        total, squares = _sums(self.starts, self.bits, FLOATS)
        mean = total / max(self.n, 1)
        return mean, np.sqrt(np.maximum(squares / max(self.n, 1) - mean**2, 0))

    def above(self, thresholds: np.ndarray) -> np.ndarray:
        """int64 [m]: X-rays whose code is > thresholds, float32 [m], >= 0."""
        return _above(self.starts, self.bits, thresholds, FLOATS)


def by_feature(codes: SparseCodes, which: np.ndarray | None = None, folder: Path | None = None) -> Columns:
    """Turn codes from X-rays to features, in one pass that counts and one that fills.

    Args:
        codes: N X-rays.
        which: bool [N], the X-rays taken; None for all.
        folder: where the arrays are memory-mapped, 6 bytes a code; None for in memory.
    """
    wanted = np.arange(len(codes)) if which is None else np.flatnonzero(which)
    counts = counted(codes.indptr, codes.indices, wanted, codes.shape[1])
    starts = np.concatenate([[0], np.cumsum(counts)])
    total = int(starts[-1])
    if folder is None or not total:
        rows, values = np.empty(total, np.int32), np.empty(total, np.float16)
    else:
        rows = np.asarray(np.lib.format.open_memmap(folder / "rows.npy", "w+", np.int32, (total,)))
        values = np.asarray(np.lib.format.open_memmap(folder / "values.npy", "w+", np.float16, (total,)))
    bits = values.view(np.uint16)
    _fill(codes.indptr, codes.indices, codes.bits, wanted, starts[:-1].copy(), rows, bits)
    _sort(starts, rows, bits)
    return Columns(len(wanted), starts, rows, values)


@njit(nogil=True, cache=True)
def _fill(indptr, indices, bits, wanted, places, rows, out):  # noqa: ANN001, ANN202
    for number, row in enumerate(wanted):
        for at in range(indptr[row], indptr[row + 1]):
            place = places[indices[at]]
            rows[place] = number
            out[place] = bits[at]
            places[indices[at]] += 1


@njit(nogil=True, cache=True)
def _sort(starts, rows, bits):  # noqa: ANN001, ANN202
    """Each column by value, equal ones by row: counting where values lie close, merging where they are few."""
    for f in range(len(starts) - 1):
        first, last = starts[f], starts[f + 1]
        n = last - first
        if n < 2:
            continue
        values, numbers = bits[first:last].copy(), rows[first:last].copy()
        low, high = values.min(), values.max()
        if int(high) - int(low) > 4 * n:
            order = np.argsort(values, kind="mergesort")
            for i in range(n):
                bits[first + i], rows[first + i] = values[order[i]], numbers[order[i]]
            continue
        places = np.zeros(int(high) - int(low) + 2, np.int64)
        for value in values:
            places[int(value) - int(low) + 1] += 1
        places = np.cumsum(places)
        for i in range(n):
            place = places[int(values[i]) - int(low)]
            places[int(values[i]) - int(low)] += 1
            bits[first + place], rows[first + place] = values[i], numbers[i]


@njit(nogil=True, cache=True)
def _sums(starts, bits, floats):  # noqa: ANN001, ANN202
    m = len(starts) - 1
    total, squares = np.zeros(m), np.zeros(m)
    for f in range(m):
        for at in range(starts[f], starts[f + 1]):
            value = np.float64(floats[bits[at]])
            total[f] += value
            squares[f] += value * value
    return total, squares


@njit(nogil=True, cache=True)
def _quantiles(starts, bits, n, whole, part, floats):  # noqa: ANN001, ANN202
    m = len(starts) - 1
    found = np.zeros(m)
    for f in range(m):
        zeros = n - (starts[f + 1] - starts[f])
        low = np.float64(floats[bits[starts[f] + whole - zeros]]) if whole >= zeros else 0.0
        high = low
        if part > 0 and whole + 1 >= zeros:
            high = np.float64(floats[bits[starts[f] + whole + 1 - zeros]])
        found[f] = low + (high - low) * part
    return found


@njit(nogil=True, cache=True)
def _above(starts, bits, thresholds, floats):  # noqa: ANN001, ANN202
    m = len(starts) - 1
    found = np.zeros(m, np.int64)
    for f in range(m):
        low, high = starts[f], starts[f + 1]
        while low < high:
            middle = (low + high) // 2
            if floats[bits[middle]] > thresholds[f]:
                high = middle
            else:
                low = middle + 1
        found[f] = starts[f + 1] - low
    return found
