"""What is short of every X-ray, in memory: who, which view, which labels. Report texts stay on the disk.

A page that shows 24 X-rays of a feature needs each one's patient before it knows which 24; asking the database for scattered
rows decodes a block of texts for each. The roster takes about 30 bytes an X-ray beside the names.
"""

from __future__ import annotations

import threading
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pandas.util as _util
import pyarrow as pa
import pyarrow.compute as _compute
from cachetools import LRUCache

pc: Any = _compute
hash_array: Any = _util.hash_array
"""Arrow's functions and pandas' re-exports are out of a checker's sight."""

ROSTER = "SELECT image_id, study_id, patient_id, split, view, sex, age, labels FROM store.images ORDER BY row"


KEPT = 10_000
"""X-rays whose row is remembered: a page names fifty, and each of its pictures asks once more."""


class Column(NamedTuple):
    """A text column as numbers."""

    codes: np.ndarray
    """int32 [N], place in names."""
    names: list[str]

    def where(self, name: str, rows: np.ndarray | slice = slice(None)) -> np.ndarray:
        """bool: which of the rows, [N] without a choice of rows, say ``name``."""
        codes = self.codes[rows]
        return codes == self.names.index(name) if name in self.names else np.zeros(len(codes), dtype=bool)


class Roster:
    """Columns of table images, by row."""

    def __init__(self, table: pa.Table) -> None:
        """From the answer to ROSTER."""
        table = table.combine_chunks()
        self.image_id: pa.Array = _array(table, "image_id")
        self.study_id: pa.Array = _array(table, "study_id")
        self.patient = _column(_array(table, "patient_id"))
        self.split = _column(_array(table, "split"))
        self.view = _column(_array(table, "view"))
        self.sex = _column(_array(table, "sex"))
        self.age = _array(table, "age").fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int16)
        """Years, -1 where it isn't known."""
        labels = _array(table, "labels")
        said = _column(labels.flatten())
        self.label_names: list[str] = said.names
        self._label_codes = said.codes.astype(np.int16)
        self._label_start = np.concatenate([[0], np.cumsum(labels.value_lengths().to_numpy(zero_copy_only=False))])
        self.train = self.split.where("train")
        self._found: LRUCache[str, int] = LRUCache(KEPT)
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self.patient.codes)

    @cached_property
    def _by_hash(self) -> tuple[np.ndarray, np.ndarray]:
        hashes = hash_array(self.image_id.to_numpy(zero_copy_only=False), categorize=False)
        order = np.argsort(hashes, kind="stable")
        return hashes[order], order

    def row_of(self, image_id: str) -> int | None:
        """The X-ray's row; None where there is no such one."""
        with self._lock:
            row = self._found.get(image_id)
        if row is None and (row := self._look_up(image_id)) is not None:
            with self._lock:
                self._found[image_id] = row
        return row

    def name_of(self, row: int) -> str:
        """The X-ray's name; a page that shows it will ask for its row next, with each picture."""
        image_id = self.image_id[row].as_py()
        with self._lock:
            self._found[image_id] = row
        return image_id

    def _look_up(self, image_id: str) -> int | None:
        hashes, order = self._by_hash
        wanted = hash_array(np.array([image_id], dtype=object), categorize=False)[0]
        first = int(np.searchsorted(hashes, wanted))
        for place in range(first, len(hashes)):
            if hashes[place] != wanted:
                return None
            if self.image_id[int(order[place])].as_py() == image_id:
                return int(order[place])
        return None

    def labels_of(self, row: int) -> tuple[str, ...]:
        """Labels of one X-ray."""
        span = slice(self._label_start[row], self._label_start[row + 1])
        return tuple(self.label_names[code] for code in self._label_codes[span])

    def labelled(self, label: str) -> np.ndarray:
        """bool [N]: X-rays with the label."""
        found = np.zeros(len(self), dtype=bool)
        if label in self.label_names:
            entries = np.flatnonzero(self._label_codes == self.label_names.index(label))
            found[np.searchsorted(self._label_start, entries, side="right") - 1] = True
        return found

    @cached_property
    def label_counts(self) -> np.ndarray:
        """int64 [N]: labels of each X-ray."""
        return np.diff(self._label_start)

    @cached_property
    def follow_up(self) -> np.ndarray:
        """int32 [N]: 0 for a patient's first study, as far as the listing tells.

        From the number that studies end with where all do (NIH's 00000211_013), else the place in the listing.
        """
        ends = pc.extract_regex(self.study_id, pattern=r"[-_](?P<number>\d{1,4})$")
        if len(self) and ends.null_count == 0:
            number = pc.cast(pc.struct_field(ends, "number"), pa.int32()).to_numpy(zero_copy_only=False)
            return (number - number.min()).astype(np.int32)
        study = _column(self.study_id).codes
        first = ~pd.Series(study).duplicated().to_numpy()
        return pd.Series(first).groupby(self.patient.codes).cumsum().to_numpy().astype(np.int32) - 1

    def first_of_patients(self, rows: np.ndarray) -> np.ndarray:
        """Places of the first row of each patient among ``rows``, in the order given."""
        return np.sort(np.unique(self.patient.codes[rows], return_index=True)[1])


def _array(table: pa.Table, name: str) -> pa.Array:
    column = table.column(name)
    return column.chunk(0) if column.num_chunks else pa.array([], column.type)


def _column(values: pa.Array) -> Column:
    coded = values.dictionary_encode()
    return Column(coded.indices.to_numpy(zero_copy_only=False).astype(np.int32), coded.dictionary.to_pylist())
