"""The read-only store of one workspace: X-rays, features, activations and what was counted of them."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa

from saerad_core.errors import WorkspaceError
from saerad_core.store import queries
from saerad_core.store.kept import ByFeature, Often, Reports
from saerad_core.store.roster import ROSTER, Roster

__all__ = ["BANDS", "ActivationStore", "Firing", "Texts"]

BANDS = ("strongest", "middle", "weakest")
"""Parts of a feature's active X-rays: the highest activations, those around the median, those nearest the threshold."""
NO_LIMIT = 2**31 - 1
WINDOW = 8
"""Rows read for each X-ray wanted of the strongest: patients come several times, and splits take their share."""
OFTEN = 32
"""Questions of one kind from which on all answers are kept in memory: about eight pages' worth."""
MOST_REPORTS = 500_000
"""X-rays whose report texts are kept, some 350 bytes each; those of a larger workspace stay on the disk."""


class Firing(NamedTuple):
    """X-rays on which a feature is active, strongest first."""

    rows: np.ndarray
    """int32 [n], rows of table images."""
    activations: np.ndarray
    """float32 [n]."""

    def take(self, places: np.ndarray | slice) -> Firing:
        """Those at ``places`` (or where a mask says so)."""
        return Firing(self.rows[places], self.activations[places])


class Texts(NamedTuple):
    """What one X-ray's report says."""

    indication: str
    findings: str
    impression: str
    facts: str | None
    """JSON; None where the truth isn't known."""


class ActivationStore:
    """Reads activations.duckdb; safe to share between threads."""

    def __init__(self, path: Path, often: int = OFTEN) -> None:
        """Open a store; what is asked for more than ``often`` times is kept in memory (see kept.py).

        Raises:
            WorkspaceError: there is none, or it is damaged.
        """
        if not path.is_file():
            raise WorkspaceError("This workspace has no activations yet; finish its build.")
        # One thread: questions take a millisecond, and handing work to another thread takes longer where the machine is busy.
        # Attached to a database of its own: DuckDB keeps one instance a path and process, so that a plain connect would
        # go on reading the old file after a build has replaced it.
        self._connection = duckdb.connect(":memory:", config={"threads": 1})
        self._opening = threading.Lock()
        self._kept_tables = {sql: Often(partial(self._table, sql), often) for sql in _WHOLE.values()}
        self._reports = Often(self._all_reports, often)
        try:
            self._connection.execute("ATTACH $path AS store (READ_ONLY)", {"path": str(path)})
            self._run(queries.FEATURE, feature=0).fetchall()
        except duckdb.Error as error:
            self._connection.close()
            raise WorkspaceError(f"{path.name} of this workspace can't be read; build the workspace again.") from error

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def _run(self, sql: str, **values: Any) -> duckdb.DuckDBPyConnection:  # noqa: ANN401
        # A cursor a call: threads that share one connection get each other's results.
        return self._connection.cursor().execute(sql, values)

    # -- features

    def features(self) -> pd.DataFrame:
        """Table features, by feature_id."""
        return self._run(queries.FEATURES).df()

    def descriptions(self) -> pd.DataFrame:
        """Table descriptions, by feature_id."""
        return self._run(queries.DESCRIPTIONS).df()

    def feature(self, feature_id: int) -> dict[str, Any] | None:
        """Columns of features and descriptions, the latter None where it isn't described; None where there is no such feature."""
        result = self._run(queries.FEATURE, feature=feature_id)
        names = [column[0] for column in result.description or ()]
        row = result.fetchone()
        return None if row is None else dict(zip(names, row, strict=True))

    def histogram(self, feature_id: int) -> list[tuple[float, float, int]]:
        """(lo, hi, X-rays with an activation in (lo, hi]) of each bar; none for a feature that never fires."""
        return self._rows_of(queries.HISTOGRAM, feature_id)

    def neighbours(self, feature_id: int) -> list[tuple[int, float]]:
        """(feature_id, cosine) of the nearest decoder directions."""
        return self._rows_of(queries.NEIGHBOURS, feature_id)

    def coactive(self, feature_id: int) -> list[tuple[int, int, float]]:
        """(feature_id, patients in common, npmi) of the features most often active together with it."""
        return self._rows_of(queries.COACTIVE, feature_id)

    def label_scores(self, feature_id: int) -> list[tuple[str, float, int]]:
        """(label, AUROC of the activation, patients with the label), the best told first."""
        return self._rows_of(queries.LABELS, feature_id)

    def _rows_of(self, sql: str, feature_id: int) -> list[tuple]:
        kept = self._kept_tables[_WHOLE[sql]].get()
        return self._run(sql, feature=feature_id).fetchall() if kept is None else kept.rows(feature_id)

    def _table(self, sql: str) -> ByFeature:
        table = self._connection.cursor().sql(sql).to_arrow_table().combine_chunks()
        columns = [column.combine_chunks() for column in table.columns]
        texts = [isinstance(column, pa.StringArray) for column in columns]
        kept = [c.dictionary_encode() if text else c.to_numpy() for c, text in zip(columns, texts, strict=True)]
        return ByFeature(kept[0], kept[1:])

    def best_labels(self, among: Sequence[str]) -> pd.DataFrame:
        """feature_id, label, auroc, n_patients: of some labels the one that each feature tells best."""
        return self._run(queries.BEST_LABELS, labels=list(among)).df()

    def likeness(self, cosine: float, npmi: float) -> pd.DataFrame:
        """feature_id, other_id, cosine, npmi of pairs at least so alike in either, nan where a pair isn't listed in one."""
        return self._run(queries.LIKENESS, cosine=cosine, npmi=npmi).df()

    def active(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(image_row, feature_id, activation) of everything that is active."""
        found = self._run(queries.ACTIVE).fetchnumpy()
        return tuple(np.asarray(found[name]) for name in ("image_row", "feature_id", "activation"))  # type: ignore[return-value]

    @property
    def width(self) -> int:
        """Features, whether or not they fire."""
        return int(self._run(queries.WIDTH).fetchall()[0][0])

    # -- a feature's X-rays

    def firing(self, feature_id: int) -> Firing:
        """All X-rays of every split on which a feature is active."""
        return self._stretch(feature_id)

    @cached_property
    def _starts(self) -> np.ndarray:
        """int64 [m + 1]: the row of activations_by_feature at which each feature begins."""
        found = self._run(queries.FIRING_COUNTS).fetchnumpy()
        counts = np.zeros(self._run(queries.WIDTH).fetchall()[0][0], dtype=np.int64)
        counts[np.asarray(found["feature_id"])] = np.asarray(found["n"])
        return np.concatenate([[0], np.cumsum(counts)])

    def _stretch(self, feature_id: int, most: int = NO_LIMIT) -> Firing:
        """The ``most`` strongest rows of a feature; none of one that there isn't."""
        with self._opening:
            starts = self._starts
        if not 0 <= feature_id < len(starts) - 1:
            return Firing(np.zeros(0, np.int32), np.zeros(0, np.float32))
        first, end = int(starts[feature_id]), int(starts[feature_id + 1])
        return _firing(self._run(queries.FIRING, first=first, last=min(end, first + most) - 1))

    def top_images(
        self,
        feature_id: int,
        n: int = 24,
        *,
        one_per_patient: bool = True,
        split: str = "",
        band: str = "strongest",
        interval: tuple[float, float] | None = None,
        firing: Firing | None = None,
    ) -> Firing:
        """Some of the X-rays on which a feature is active, strongest first.

        Args:
            feature_id: which feature.
            n: at most so many.
            one_per_patient: only each patient's strongest.
            split: "" for all.
            band: one of BANDS.
            interval: only activations from the one to the other, both included; a patient's strongest among them.
            firing: all X-rays on which it is active, where they are at hand; they aren't asked for again then.
        """
        assert band in BANDS, f"no band {band!r}"
        if band == "strongest" and interval is None:
            for window in (WINDOW * n, 8 * WINDOW * n):
                found = self._stretch(feature_id, window) if firing is None else firing.take(slice(window))
                kept = self._kept(found, one_per_patient, split)
                if len(kept.rows) >= n or len(found.rows) < window:
                    return kept.take(np.arange(min(n, len(kept.rows))))
        found = self.firing(feature_id) if firing is None else firing
        if interval is not None:
            # The rows' activations are float32, the bounds may be floats that lie between two of them.
            lo, hi = np.float32(interval[0]), np.float32(interval[1])
            found = found.take((found.activations >= lo) & (found.activations <= hi))
        kept = self._kept(found, one_per_patient, split)
        return kept.take(_band(len(kept.rows), n, band))

    def _kept(self, found: Firing, one_per_patient: bool, split: str) -> Firing:
        if split:
            found = found.take(self.roster.split.where(split, found.rows))
        return found.take(self.roster.first_of_patients(found.rows)) if one_per_patient else found

    def top_images_of(self, feature_ids: Sequence[int], n: int = 3, *, split: str = "") -> dict[int, Firing]:
        """The strongest X-rays of several features, one a patient: in one query unless a feature needs a longer look."""
        wanted = [int(one) for one in feature_ids]
        window = WINDOW * n
        result = self._run(queries.FIRST_FIRING_OF, features=wanted, n=window).fetchnumpy()
        found: dict[int, Firing] = {}
        for feature_id in wanted:
            mine = np.asarray(result["feature_id"]) == feature_id
            firing = Firing(np.asarray(result["image_row"])[mine], np.asarray(result["activation"])[mine])
            kept = self._kept(firing, True, split)
            if len(kept.rows) < n and len(firing.rows) == window:
                kept = self.top_images(feature_id, n, split=split)
            found[feature_id] = kept.take(np.arange(min(n, len(kept.rows))))
        return found

    # -- X-rays

    @cached_property
    def _roster(self) -> Roster:
        return Roster(self._connection.cursor().sql(ROSTER).to_arrow_table())

    @property
    def roster(self) -> Roster:
        """Who and what every X-ray is, in memory; read when first asked for."""
        with self._opening:
            return self._roster

    def texts(self, rows: Iterable[int]) -> dict[int, Texts]:
        """Row -> report, of those rows that there are."""
        wanted = [int(row) for row in rows]
        kept = self._reports.get()
        if kept is not None:
            return {row: Texts(*texts) for row, texts in kept.of(wanted)}
        if len(wanted) == 1:
            result = self._run(queries.TEXT, row=wanted[0])
        else:
            result = self._run(queries.TEXTS, rows=wanted)
        return {row: Texts(*rest) for row, *rest in result.fetchall()}

    def _all_reports(self) -> Reports | None:
        if len(self.roster) > MOST_REPORTS:
            return None
        return Reports(self._connection.cursor().sql(queries.ALL_TEXTS).to_arrow_table())

    def path(self, row: int) -> str:
        """File of the X-ray at ``row``, relative to the dataset's images; "" where it is drawn."""
        found = self._run(queries.PATH, row=int(row)).fetchone()
        return str(found[0] or "") if found is not None else ""

    def images(self, split: str = "", search: str = "", limit: int = NO_LIMIT, offset: int = 0) -> pd.DataFrame:
        """Table images, by row.

        Args:
            split: "" for all.
            search: words that must all occur in the X-ray's number, labels or report.
            limit: at most so many.
            offset: rows to pass over.
        """
        return self._run(queries.IMAGES, split=split, words=search.lower().split(), limit=limit, offset=offset).df()

    def features_of_row(self, row: int) -> list[tuple[int, float]]:
        """(feature_id, activation) of an X-ray's active features, the highest activation first."""
        return self._run(queries.FEATURES_OF_ROW, row=int(row)).fetchall()


_WHOLE = {
    queries.HISTOGRAM: queries.HISTOGRAMS,
    queries.NEIGHBOURS: queries.ALL_NEIGHBOURS,
    queries.COACTIVE: queries.ALL_COACTIVE,
    queries.LABELS: queries.ALL_LABELS,
}
"""Question about one feature -> the same about all, by feature."""


def _firing(result: duckdb.DuckDBPyConnection) -> Firing:
    columns = result.fetchnumpy()
    rows, activations = np.asarray(columns["image_row"]), np.asarray(columns["activation"])
    # The table's own order, made sure of: a stable sort of sorted rows costs next to nothing.
    if len(rows) > 1 and (np.diff(activations) > 0).any():
        order = np.lexsort((rows, -activations))
        rows, activations = rows[order], activations[order]
    return Firing(rows, activations)


def _band(n: int, wanted: int, band: str) -> np.ndarray:
    """Places of a band among ``n`` X-rays, strongest first."""
    if band == "strongest" or n <= wanted:
        return np.arange(min(n, wanted))
    if band == "weakest":
        return np.arange(n - wanted, n)
    # The places nearest to the middle, of two equally near ones the stronger.
    places = np.argsort(np.abs(np.arange(1, n + 1) - (n + 1) / 2), kind="stable")[:wanted]
    return np.sort(places)
