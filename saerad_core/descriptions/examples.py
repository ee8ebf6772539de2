"""Training X-rays that show what a feature's evidence rests on: where it is active and the report states, or denies, a fact."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from saerad_core.descriptions.matching import numbered
from saerad_core.descriptions.matrices import Csc, Csr
from saerad_core.descriptions.reported import Reported
from saerad_core.vocabulary import Fact

DEEPEST = 256
"""Training X-rays kept a feature, the strongest-firing first."""


@dataclass(frozen=True)
class Examples:
    """Inverted lists of the training split; a few bytes an activation."""

    image_ids: tuple[str, ...]
    patients: np.ndarray
    """int32 [N]: patient number of each X-ray."""
    start: np.ndarray
    """int64 [m + 1]: where each feature's rows begin in ``rows``."""
    rows: np.ndarray
    """int32: X-rays on which the feature is active, the strongest first."""
    stated: Csc
    """[N, K]."""
    denied: Csc
    """[N, K]."""

    @classmethod
    def of(cls, active: Csr, images: pd.DataFrame, reported: Reported, facts: tuple[Fact, ...]) -> Examples:
        """From the training split: activations [N, m], metadata and facts of its reports.

        Args:
            active: float32 [N, m].
            images: N rows with image_id and patient_id.
            reported: facts of the N reports.
            facts: those that examples can be asked for, in the order of the evidence tables.
        """
        by_feature = active.tocsc()
        lists = []
        for feature in range(active.shape[1]):
            span = slice(by_feature.indptr[feature], by_feature.indptr[feature + 1])
            firing, strength = by_feature.indices[span], by_feature.data[span]
            lists.append(firing[np.lexsort((firing, -strength))][:DEEPEST].astype(np.int32))
        columns = [reported.column(fact) for fact in facts]
        return cls(
            image_ids=tuple(str(image) for image in images["image_id"]),
            patients=numbered(images["patient_id"]).astype(np.int32),
            start=np.concatenate([[0], np.cumsum([len(rows) for rows in lists])]).astype(np.int64),
            rows=np.concatenate(lists) if lists else np.zeros(0, np.int32),
            stated=reported.stated[:, columns].tocsc(),
            denied=reported.denied[:, columns].tocsc(),
        )

    def find(self, feature: int, fact: int, most: int, *, denies: bool = False) -> list[str]:
        """image_ids of the strongest-firing X-rays whose report states fact number ``fact``, one a patient.

        With ``denies``, those whose report denies it, or where none does, those whose report doesn't state it.
        """
        rows = self.rows[self.start[feature] : self.start[feature + 1]]
        states = _among(rows, _column(self.stated, fact))
        if denies:
            says = _among(rows, _column(self.denied, fact))
            rows = rows[says] if says.any() else rows[~states]
        else:
            rows = rows[states]
        _, first = np.unique(self.patients[rows], return_index=True)
        return [self.image_ids[row] for row in rows[np.sort(first)[:most]]]

    def arrays(self) -> dict[str, np.ndarray]:
        """As tensors; the ids are one run of UTF-8 bytes, since a header is no place for 200,000 of them."""
        assert not any("\n" in image for image in self.image_ids)
        return {
            "example_ids": np.frombuffer("\n".join(self.image_ids).encode(), dtype=np.uint8),
            "example_patients": self.patients,
            "example_start": self.start,
            "example_rows": self.rows,
            "example_stated_rows": self.stated.indices.astype(np.int32),
            "example_stated_start": self.stated.indptr.astype(np.int64),
            "example_denied_rows": self.denied.indices.astype(np.int32),
            "example_denied_start": self.denied.indptr.astype(np.int64),
        }

    @classmethod
    def of_arrays(cls, arrays: dict[str, np.ndarray]) -> Examples:
        """The inverse of ``arrays``."""
        text = arrays["example_ids"].tobytes().decode()
        ids = tuple(text.split("\n")) if text else ()

        def matrix(name: str) -> Csc:
            rows, start = arrays[f"example_{name}_rows"], arrays[f"example_{name}_start"]
            return sparse.csc_matrix((np.ones(len(rows), np.float32), rows, start), shape=(len(ids), len(start) - 1))

        return cls(
            image_ids=ids,
            patients=arrays["example_patients"],
            start=arrays["example_start"],
            rows=arrays["example_rows"],
            stated=matrix("stated"),
            denied=matrix("denied"),
        )


def _column(matrix: Csc, column: int) -> np.ndarray:
    """Rows of the column's non-zero entries, ascending."""
    matrix.sort_indices()
    return matrix.indices[matrix.indptr[column] : matrix.indptr[column + 1]]


def _among(rows: np.ndarray, column: np.ndarray) -> np.ndarray:
    """Which of a few rows stand in an ascending column, however long it is."""
    if not len(column):
        return np.zeros(len(rows), bool)
    return column[np.minimum(np.searchsorted(column, rows), len(column) - 1)] == rows
