"""What the reports of patients that no description was made from state, as columns: `said.parquet`.

Descriptions are scored against it, when a workspace is built and whenever a person rewords one; parsing 70,000 reports takes
minutes, reading what they state takes a fraction of a second.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from saerad_core.errors import WorkspaceError
from saerad_core.vocabulary import Statement

FORMAT = "saerad-said-1"
_TEXTS = ("finding", "side", "place", "severity", "certainty")


@dataclass(frozen=True)
class Said:
    """Statements of U X-rays, one a row of the columns."""

    images: np.ndarray
    """int32 [U], ascending: row of each X-ray in table images that has a report or labels."""
    by_labels: np.ndarray
    """bool [U]: whether it has no report and its labels were read instead."""
    at: np.ndarray
    """int32 [S], place in ``images`` of each statement's X-ray, ascending."""
    columns: Mapping[str, tuple[np.ndarray, list[str]]]
    """finding, side, place, severity, certainty: codes int16 [S] and what they stand for."""
    present: np.ndarray
    """bool [S]."""

    @classmethod
    def of(cls, read: Iterable[tuple[int, bool, Iterable[Statement]]]) -> Said:
        """From (row, whether by labels, statements) of each X-ray, by ascending row."""
        images, by_labels, at, statements = [], [], [], []
        for place, (row, labels, said) in enumerate(read):
            images.append(row)
            by_labels.append(labels)
            for one in said:
                at.append(place)
                statements.append(one)
        columns = {name: _coded([getattr(one, name) for one in statements]) for name in _TEXTS}
        return cls(
            np.array(images, dtype=np.int32),
            np.array(by_labels, dtype=bool),
            np.array(at, dtype=np.int32),
            columns,
            np.array([one.present for one in statements], dtype=bool),
        )

    def __len__(self) -> int:
        return len(self.images)

    def where(self, column: str, value: str) -> np.ndarray:
        """bool [S]: statements whose column says ``value``."""
        codes, names = self.columns[column]
        return codes == names.index(value) if value in names else np.zeros(len(codes), dtype=bool)

    def statements(self, place: int) -> list[Statement]:
        """Those of the X-ray at ``place``."""
        first, end = np.searchsorted(self.at, [place, place + 1])
        return [
            Statement(
                *(
                    self.columns[name][1][self.columns[name][0][one]]
                    for name in ("finding", "side", "place", "severity")
                ),
                present=bool(self.present[one]),
                certainty=self.columns["certainty"][1][self.columns["certainty"][0][one]],
            )
            for one in range(int(first), int(end))
        ]

    def save(self, path: Path) -> None:
        """Write it in one step: a row a statement, and of X-rays that state nothing one with an empty finding."""
        silent = np.setdiff1d(np.arange(len(self)), self.at)
        at = np.concatenate([self.at, silent]).astype(np.int32)
        order = np.argsort(at, kind="stable")
        table = {
            "image_row": self.images[at],
            **{
                name: pa.DictionaryArray.from_arrays(
                    np.concatenate([codes, np.full(len(silent), _place(names, ""), codes.dtype)]).astype(np.int16),
                    names,
                )
                for name, (codes, names) in self.columns.items()
            },
            "present": np.concatenate([self.present, np.zeros(len(silent), dtype=bool)]),
            "by_labels": self.by_labels[at],
        }
        part = path.with_suffix(".part")
        found = pa.table(table).take(pa.array(order)).replace_schema_metadata({"format": FORMAT})
        pq.write_table(found, part, compression="zstd")
        part.replace(path)

    @classmethod
    def load(cls, path: Path) -> Said:
        """What ``save`` wrote.

        Raises:
            WorkspaceError: it is missing, damaged or of another version.
        """
        try:
            table = pq.read_table(path, memory_map=False).combine_chunks()
            if (table.schema.metadata or {}).get(b"format") != FORMAT.encode():
                raise ValueError("another format")
            rows = table["image_row"].to_numpy()
            images, place = np.unique(rows, return_inverse=True)
            by_labels = np.zeros(len(images), dtype=bool)
            by_labels[place] = table["by_labels"].to_numpy()
            columns = {name: _decoded(table[name]) for name in _TEXTS}
            present = table["present"].to_numpy()
        except (OSError, ValueError, KeyError, pa.ArrowException) as error:
            raise WorkspaceError(
                f"{path.name} can't be read; run `python -m saerad_core score` on this workspace again."
            ) from error
        codes, names = columns["finding"]
        real = codes != names.index("") if "" in names else np.ones(len(codes), dtype=bool)
        return cls(
            images.astype(np.int32),
            by_labels,
            place[real].astype(np.int32),
            {name: (codes[real], names) for name, (codes, names) in columns.items()},
            present[real],
        )


def _coded(values: list[str]) -> tuple[np.ndarray, list[str]]:
    names = sorted({"", *values})
    number = {name: code for code, name in enumerate(names)}
    return np.array([number[one] for one in values], dtype=np.int16), names


def _place(names: list[str], name: str) -> int:
    return names.index(name)


def _decoded(column: pa.ChunkedArray) -> tuple[np.ndarray, list[str]]:
    coded = column.combine_chunks()
    coded = coded.chunk(0) if isinstance(coded, pa.ChunkedArray) else coded
    coded = coded if isinstance(coded, pa.DictionaryArray) else coded.dictionary_encode()
    return coded.indices.to_numpy(zero_copy_only=False).astype(np.int16), coded.dictionary.to_pylist()
