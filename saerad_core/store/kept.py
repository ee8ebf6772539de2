"""What a store keeps in memory once it is asked often: report texts, and what was counted of each feature.

A question to the database takes a millisecond or two, most of it for making sense of the statement and for decoding a block of rows
of which one is wanted; a page asks a dozen. Whoever opens a workspace for a question or two needn't read all of it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar

import numpy as np
import pyarrow as pa

T = TypeVar("T")


class Often(Generic[T]):
    """Something large that is read once it has been asked for often."""

    def __init__(self, read: Callable[[], T], after: int) -> None:
        """``read`` gets it; None is the answer to the first ``after`` askings."""
        self._read, self._left = read, after
        self._reading = threading.Lock()
        self._got: T | None = None

    def get(self) -> T | None:
        """It, or None: not asked for often yet, or somebody else reads it at this moment."""
        if self._got is None:
            self._left -= 1
            if self._left < 0 and self._reading.acquire(blocking=False):
                try:
                    if self._got is None:
                        self._got = self._read()
                finally:
                    self._reading.release()
        return self._got


class ByFeature:
    """A table in memory whose rows belong to features."""

    def __init__(self, feature_id: np.ndarray, columns: Sequence[np.ndarray | pa.Array]) -> None:
        """``feature_id`` int [n], ascending; ``columns`` of n values each."""
        self._columns = tuple(columns)
        self._starts = np.searchsorted(feature_id, np.arange(int(feature_id[-1]) + 2 if len(feature_id) else 1))

    def rows(self, feature_id: int) -> list[tuple]:
        """A feature's rows, in their order; none of one that there isn't."""
        if not 0 <= feature_id < len(self._starts) - 1:
            return []
        first, end = int(self._starts[feature_id]), int(self._starts[feature_id + 1])
        return list(zip(*(column[first:end].tolist() for column in self._columns), strict=True))


class Reports:
    """The report texts of all X-rays, by row."""

    def __init__(self, table: pa.Table) -> None:
        """``table``: row, indication, findings, impression, facts; every row from 0 on, in any order."""
        rows = table.column("row").to_numpy()
        # They lie in their order; having the database sort them takes longer than reading them.
        if (np.diff(rows) < 0).any():
            table = table.take(np.argsort(rows))
        texts = [table.column(name).combine_chunks() for name in ("indication", "findings", "impression", "facts")]
        # Few facts are different, and they are long.
        self._columns = (*texts[:3], texts[3].dictionary_encode())

    def __len__(self) -> int:
        return len(self._columns[0])

    def of(self, rows: Sequence[int]) -> Iterator[tuple[int, tuple[str, str, str, str | None]]]:
        """Row and texts, of those rows that there are."""
        for row in rows:
            if 0 <= row < len(self):
                a, b, c, facts = (column[row].as_py() for column in self._columns)
                yield row, (a, b, c, facts)
