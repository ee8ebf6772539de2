"""The read-only store of one workspace: X-rays, features, activations and what was counted of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from saerad_core.errors import WorkspaceError
from saerad_core.store import queries
from saerad_core.store.build import build_store

__all__ = ["BANDS", "SORTS", "ActivationStore", "FeatureFilter", "build_store"]

BANDS = ("strongest", "middle", "weakest")
"""Parts of a feature's active X-rays: the highest activations, those around the median, those nearest the threshold."""
SORTS = {"frequency": -1, "max": -1, "z": -1, "auroc": -1, "n_patients": -1, "feature_id": 1}
"""What features can be listed by -> the sign of its usual order."""
NO_LIMIT = 2**31 - 1


@dataclass(frozen=True)
class FeatureFilter:
    """Which features to list, by the program's own descriptions, and in which order."""

    text: str = ""
    """Words that must all occur in the description, its finding, side, place and phrases, or the best label."""
    finding: str = ""
    side: str = ""
    certainty: str = ""
    described: bool | None = None
    alive: bool | None = None
    """Whether it is active on a training X-ray."""
    lowest: float = 0.0
    """Smallest frequency."""
    highest: float = 1.0
    ids: tuple[int, ...] | None = None
    """Only these."""
    sort: str = "z"
    """Key of SORTS."""
    reverse: bool = False
    """The other way round than usual."""


class ActivationStore:
    """Reads activations.duckdb; safe to share between threads."""

    def __init__(self, path: Path) -> None:
        """Open a store.

        Raises:
            WorkspaceError: there is none, or it is damaged.
        """
        if not path.is_file():
            raise WorkspaceError("This workspace has no activations yet; finish its build.")
        # Attached to a database of its own: DuckDB keeps one instance a path and process, so that a plain connect would
        # go on reading the old file after a build has replaced it.
        self._connection = duckdb.connect(":memory:", config={"threads": 2})
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
        cursor = self._connection.cursor()
        cursor.execute("USE store")
        return cursor.execute(sql, values)

    def features(self) -> pd.DataFrame:
        """Table features, by feature_id."""
        return self._run(queries.FEATURES).df()

    def descriptions(self) -> pd.DataFrame:
        """Table descriptions, by feature_id."""
        return self._run(queries.DESCRIPTIONS).df()

    def find_features(self, wanted: FeatureFilter, limit: int = NO_LIMIT, offset: int = 0) -> tuple[pd.DataFrame, int]:
        """A page of the features that fit, with their descriptions' columns, and how many fit altogether."""
        assert wanted.sort in SORTS, f"no order {wanted.sort!r}"
        ids = self._run(
            queries.FIND_FEATURES,
            words=wanted.text.lower().split(),
            finding=wanted.finding,
            side=wanted.side,
            certainty=wanted.certainty,
            described=wanted.described,
            alive=wanted.alive,
            lowest=wanted.lowest,
            highest=wanted.highest,
            ids=None if wanted.ids is None else list(wanted.ids),
            sort=wanted.sort,
            sign=-SORTS[wanted.sort] if wanted.reverse else SORTS[wanted.sort],
        ).fetchall()
        page = [one for (one,) in ids[offset : offset + limit]]
        return self._run(queries.FEATURES_BY_ID, ids=page).df(), len(ids)

    def feature(self, feature_id: int) -> dict[str, Any] | None:
        """Columns of features and descriptions, the latter None where it isn't described; None where there is no such feature."""
        return _one(self._run(queries.FEATURE, feature=feature_id))

    def histogram(self, feature_id: int) -> list[tuple[float, float, int]]:
        """(lo, hi, X-rays with an activation in (lo, hi]) of each bar; none for a feature that never fires."""
        return self._run(queries.HISTOGRAM, feature=feature_id).fetchall()

    def neighbours(self, feature_id: int) -> list[tuple[int, float]]:
        """(feature_id, cosine) of the nearest decoder directions."""
        return self._run(queries.NEIGHBOURS, feature=feature_id).fetchall()

    def coactive(self, feature_id: int) -> list[tuple[int, int, float]]:
        """(feature_id, patients in common, npmi) of the features most often active together with it."""
        return self._run(queries.COACTIVE, feature=feature_id).fetchall()

    def label_scores(self, feature_id: int) -> list[tuple[str, float, int]]:
        """(label, AUROC of the activation, patients with the label), the best told first."""
        return self._run(queries.LABELS, feature=feature_id).fetchall()

    def top_images(
        self, feature_id: int, n: int = 24, *, one_per_patient: bool = True, split: str = "", band: str = "strongest"
    ) -> pd.DataFrame:
        """X-rays on which a feature is active, strongest first: activation and the columns of images.

        Args:
            feature_id: which feature.
            n: at most so many.
            one_per_patient: only each patient's strongest.
            split: "" for all.
            band: one of BANDS.
        """
        return self.top_images_of([feature_id], n, one_per_patient=one_per_patient, split=split, band=band)

    def top_images_of(
        self,
        feature_ids: Sequence[int],
        n: int = 3,
        *,
        one_per_patient: bool = True,
        split: str = "",
        band: str = "strongest",
    ) -> pd.DataFrame:
        """The same for several features in one query; column feature_id says whose each row is."""
        assert band in BANDS, f"no band {band!r}"
        return self._run(
            queries.TOP_IMAGES,
            features=[int(one) for one in feature_ids],
            n=n,
            one_per_patient=one_per_patient,
            split=split,
            band=band,
        ).df()

    def images(self, split: str = "", search: str = "", limit: int = NO_LIMIT, offset: int = 0) -> pd.DataFrame:
        """Table images, by row.

        Args:
            split: "" for all.
            search: words that must all occur in the X-ray's number, labels or report.
            limit: at most so many.
            offset: rows to pass over.
        """
        return self._run(queries.IMAGES, split=split, words=search.lower().split(), limit=limit, offset=offset).df()

    def image(self, image_id: str) -> dict[str, Any] | None:
        """Columns of one X-ray; None where there is no such one."""
        return _one(self._run(queries.IMAGE, image_id=image_id))

    def image_by_row(self, row: int) -> dict[str, Any] | None:
        """Columns of the X-ray at a row of the workspace's arrays."""
        return _one(self._run(queries.IMAGES_BY_ROW, rows=[int(row)]))

    def images_by_rows(self, rows: Sequence[int]) -> pd.DataFrame:
        """Columns of the X-rays at these rows, in the order asked for."""
        return self._run(queries.IMAGES_BY_ROW, rows=[int(row) for row in rows]).df()

    def features_of_image(self, image_id: str) -> pd.DataFrame:
        """feature_id, activation, threshold, max, frequency, text, finding of its active features, as the rule orders them."""
        return self._run(queries.FEATURES_OF_IMAGE, image_id=image_id).df()

    def described_counts(self) -> dict[str, int]:
        """Certainty -> descriptions with it."""
        return dict(self._run(queries.DESCRIBED).fetchall())

    def findings(self) -> list[tuple[str, int]]:
        """(finding, features described with it), the most frequent first."""
        return self._run(queries.FINDINGS).fetchall()


def _one(result: duckdb.DuckDBPyConnection) -> dict[str, Any] | None:
    names = [column[0] for column in result.description or ()]
    row = result.fetchone()
    return None if row is None else dict(zip(names, row, strict=True))
