"""The X-rays' codes before the active rule, as compressed sparse rows on disk: nothing of N x m is ever held."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import numpy as np
from numba import njit
from scipy import sparse

from saerad_core.errors import WorkspaceError

FLOATS = np.arange(2**16, dtype=np.uint16).view(np.float16).astype(np.float32)
"""float32 of every float16, by its bits: numba has no float16 of its own. Positive ones are in the order of their bits."""
ENTRIES = 4_000_000
"""Codes > 0 read at a time."""
NAMES = ("indptr", "indices", "values")


class SparseCodes:
    """float16 [N, m], only what is > 0: as compressed sparse rows whose features ascend, in memory or memory-mapped.

    scipy has no float16, hence a class of our own; ``rows`` and ``blocks`` give scipy's float32 matrices.
    """

    def __init__(self, indptr: np.ndarray, indices: np.ndarray, values: np.ndarray, width: int) -> None:
        """Take the arrays as they are.

        Args:
            indptr: int64 [N + 1], where each X-ray's codes begin.
            indices: int32 [n], features, ascending within an X-ray.
            values: float16 [n], > 0.
            width: m.
        """
        assert values.dtype == np.float16 and len(indices) == len(values), "codes are float16, one a feature id"
        self.indptr, self.indices, self.values = np.asarray(indptr), np.asarray(indices), np.asarray(values)
        self.shape = (len(indptr) - 1, width)

    @classmethod
    def of(cls, matrix: Any) -> SparseCodes:  # noqa: ANN401 - scipy ships no types
        """Of a dense [N, m] or any scipy sparse matrix; codes are rounded to float16, and those that become 0 left out."""
        rows: Any = sparse.csr_matrix(np.asarray(matrix, np.float32) if isinstance(matrix, np.ndarray) else matrix)
        rows.sum_duplicates()
        return cls.rounded(rows.indptr, rows.indices, rows.data, rows.shape[1])

    @classmethod
    def rounded(cls, indptr: np.ndarray, indices: np.ndarray, values: np.ndarray, width: int) -> SparseCodes:
        """Of compressed sparse rows with ascending features and float values; what isn't > 0 as float16 is left out."""
        half = np.asarray(values).astype(np.float16)
        keep = half > 0
        if not keep.all():
            indptr = np.concatenate([[0], np.cumsum(keep)])[indptr]
            indices, half = np.asarray(indices)[keep], half[keep]
        return cls(np.asarray(indptr, np.int64), np.asarray(indices, np.int32), half, width)

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def bits(self) -> np.ndarray:
        """uint16 [n], the values' bits, for kernels (see FLOATS)."""
        return self.values.view(np.uint16)

    def rows(self, which: np.ndarray | slice) -> Any:  # noqa: ANN401
        """csr_matrix float32 of some X-rays: a slice, a mask or their numbers."""
        if isinstance(which, slice):
            first, last, step = which.indices(len(self))
            if step == 1:
                return self._span(first, max(first, last))
            which = np.arange(first, last, step)
        which = np.asarray(which)
        wanted = np.flatnonzero(which) if which.dtype == bool else which.astype(np.int64)
        indptr, indices, data = _taken(self.indptr, self.indices, self.bits, wanted, FLOATS)
        return sparse.csr_matrix((data, indices, indptr), shape=(len(wanted), self.shape[1]))

    def row(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Feature ids int32 [a], ascending, and codes float32 [a] of one X-ray."""
        at = slice(int(self.indptr[number]), int(self.indptr[number + 1]))
        return self.indices[at], self.values[at].astype(np.float32)

    def blocks(self, entries: int = ENTRIES) -> Iterator[tuple[int, Any]]:
        """The whole in order: the number of a block's first X-ray, and csr_matrix float32 of about ``entries`` codes."""
        first = 0
        while first < len(self):
            last = int(np.searchsorted(self.indptr, self.indptr[first] + entries, side="right")) - 1
            last = min(max(last, first + 1), len(self))
            yield first, self._span(first, last)
            first = last

    def frequencies(self, which: np.ndarray) -> np.ndarray:
        """int64 [m]: on how many of the X-rays (bool [N]) each feature's code is > 0."""
        return counted(self.indptr, self.indices, np.flatnonzero(which), self.shape[1])

    def _span(self, first: int, last: int) -> Any:  # noqa: ANN401
        starts = self.indptr[first : last + 1]
        at = slice(int(starts[0]), int(starts[-1]))
        parts = (self.values[at].astype(np.float32), self.indices[at], starts - starts[0])
        return sparse.csr_matrix(parts, shape=(last - first, self.shape[1]))

    def save(self, folder: Path) -> None:
        """Write it; see CodesWriter."""
        with CodesWriter(folder, self.shape[1]) as writer:
            writer.append(self)


class CodesWriter:
    """Writes codes X-ray after X-ray into a folder that takes its name when it is whole; an older one is replaced."""

    def __init__(self, folder: Path, width: int) -> None:
        self._folder, self._width = folder, width
        self._part = folder.with_name(f"{folder.name}.part")
        shutil.rmtree(self._part, ignore_errors=True)
        self._part.mkdir(parents=True)
        self._files = {
            name: _Growing(self._part / f"{name}.npy", kind)
            for name, kind in zip(NAMES, (np.int64, np.int32, np.float16), strict=True)
        }
        self._files["indptr"].append(np.zeros(1, np.int64))
        self._total = 0

    def append(self, codes: SparseCodes) -> None:
        """The next X-rays."""
        assert codes.shape[1] == self._width, "codes of another dictionary"
        self._files["indptr"].append(codes.indptr[1:] - codes.indptr[0] + self._total)
        self._files["indices"].append(codes.indices)
        self._files["values"].append(codes.values)
        self._total += len(codes.values)

    def __enter__(self) -> CodesWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for file in self._files.values():
            file.close()
        if error is None:
            np.save(self._part / "width.npy", np.int64(self._width))
            shutil.rmtree(self._folder, ignore_errors=True)
            self._part.replace(self._folder)


def open_codes(folder: Path) -> SparseCodes:
    """Memory-mapped codes of a workspace.

    Raises:
        WorkspaceError: they are missing, or not whole.
    """
    try:
        width = int(np.load(folder / "width.npy"))
        indptr, indices, values = (np.load(folder / f"{name}.npy", mmap_mode="r") for name in NAMES)
        whole = len(indptr) and int(indptr[-1]) == len(indices) == len(values)
    except (OSError, ValueError) as error:
        old = folder.with_name("codes.npy").exists()
        why = "was built by a version that kept codes differently" if old else "holds no codes"
        raise WorkspaceError(f"{folder.parent} {why}; run its build again.") from error
    if not whole:
        raise WorkspaceError(f"{folder} is damaged; run the build of {folder.parent} again.")
    return SparseCodes(indptr, indices, values, width)


class _Growing:
    """A .npy file of one dimension whose length is known at the end; its header has room for that."""

    def __init__(self, path: Path, kind: type) -> None:
        self._file: BinaryIO = path.open("wb")
        self._kind, self._n = np.dtype(kind), 0
        self._header()

    def _header(self) -> None:
        about = {"descr": np.lib.format.dtype_to_descr(self._kind), "fortran_order": False, "shape": (self._n,)}
        np.lib.format.write_array_header_1_0(self._file, about)

    def append(self, array: np.ndarray) -> None:
        self._file.write(np.ascontiguousarray(array, self._kind).data)
        self._n += len(array)

    def close(self) -> None:
        end = self._file.tell()
        self._file.seek(0)
        self._header()
        assert end == self._file.tell() + self._n * self._kind.itemsize, "the header outgrew its room"
        self._file.close()


@njit(nogil=True, cache=True)
def counted(indptr, indices, wanted, m):  # noqa: ANN001, ANN201
    """int64 [m]: entries of each column in the ``wanted`` rows."""
    counts = np.zeros(m, np.int64)
    for row in wanted:
        for at in range(indptr[row], indptr[row + 1]):
            counts[indices[at]] += 1
    return counts


@njit(nogil=True, cache=True)
def _taken(indptr, indices, bits, wanted, floats):  # noqa: ANN001, ANN202
    starts = np.zeros(len(wanted) + 1, np.int64)
    for i, row in enumerate(wanted):
        starts[i + 1] = starts[i] + indptr[row + 1] - indptr[row]
    features, values = np.empty(starts[-1], np.int32), np.empty(starts[-1], np.float32)
    for i, row in enumerate(wanted):
        first = indptr[row]
        for at in range(starts[i + 1] - starts[i]):
            features[starts[i] + at] = indices[first + at]
            values[starts[i] + at] = floats[bits[first + at]]
    return starts, features, values
