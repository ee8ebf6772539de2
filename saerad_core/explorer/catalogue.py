"""All features of a workspace in memory, with what readers wrote laid over what the program found.

The largest dictionary has 49,152 features: a filter over columns takes milliseconds, and only one page becomes objects.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple, cast

import numpy as np
import pandas as pd

from saerad_core.explorer.rows import FeatureQuery, FeatureRow
from saerad_core.vocabulary import TERMS


class Curated(NamedTuple):
    """A reader's last word on a feature."""

    feature_id: int
    text: str
    """"" where the reader judged the program's text without changing it."""
    status: str


_TEXTS = ("text", "finding", "side", "place", "severity", "certainty", "best_label")
_COUNTS = ("n_firing", "n_with", "n_control", "n_control_with")
_LISTS = ("terms", "image_ids")


class Catalogue:
    """The features' table and what can be asked of it."""

    def __init__(self, features: pd.DataFrame, descriptions: pd.DataFrame) -> None:
        """Join the tables ``features`` and ``descriptions`` of the store on feature_id."""
        frame = features.merge(descriptions, on="feature_id", how="left", validate="one_to_one").sort_values(
            "feature_id"
        )
        frame = frame.set_index("feature_id", drop=False)
        for name in _TEXTS:
            frame[name] = frame[name].fillna("").astype(object) if name in frame else ""
        frame["machine_text"] = frame["text"]
        frame["status"] = np.where(frame["text"] != "", "suggested", "undescribed")
        self._machine = frame
        self._living = frame.loc[frame["n_images"] > 0, "feature_id"].to_numpy()
        self._frame = self._searchable(frame.copy())

    def lay_over(self, curated: Iterable[Curated]) -> None:
        """Take over what readers wrote; features that nobody touched keep the program's text."""
        frame = self._machine.copy()
        for word in curated:
            if word.feature_id not in frame.index:
                continue
            if word.text:
                frame.at[word.feature_id, "text"] = word.text
            frame.at[word.feature_id, "status"] = word.status
        self._frame = self._searchable(frame)

    @staticmethod
    def _searchable(frame: pd.DataFrame) -> pd.DataFrame:
        names = frame["finding"].map(lambda key: TERMS[key].name if key in TERMS else key)
        terms = frame["terms"].map(lambda t: " ".join(_list(t))) if "terms" in frame else ""
        label = frame["best_label"].str.replace("_", " ")
        said = frame["text"] + " " + names + " " + frame["side"] + " " + frame["place"]
        frame["said"] = said.str.lower()
        frame["words"] = (said + " " + label + " " + terms).str.lower()
        return frame

    def __len__(self) -> int:
        return len(self._frame)

    def __contains__(self, feature_id: int) -> bool:
        return feature_id in self._frame.index

    def find(self, query: FeatureQuery) -> np.ndarray:
        """Ids of the features that fit, in the order asked for."""
        frame = self._frame
        keep = np.ones(len(frame), dtype=bool)
        if query.ids is not None:
            keep &= frame["feature_id"].isin(query.ids).to_numpy()
        said = np.ones(len(frame), dtype=bool)
        for word in query.text.lower().replace("#", " ").split():
            fits = frame["words"].str.contains(word, regex=False).to_numpy()
            keep &= fits | (frame["feature_id"].to_numpy() == int(word)) if word.isdecimal() else fits
            said &= frame["said"].str.contains(word, regex=False).to_numpy()
        for name, wanted in (("finding", query.finding), ("side", query.side), ("status", query.status)):
            if wanted:
                keep &= (frame[name] == wanted).to_numpy()
        frequency = frame["frequency"].to_numpy()
        keep &= (frequency >= query.lowest) & (frequency <= query.highest)
        if query.alive:
            keep &= (frame["n_images"] > 0).to_numpy()
        if query.described is not None:
            keep &= (frame["text"] != "").to_numpy() == query.described
        found = frame.loc[keep]
        by = {
            "strength": _descending(found, "z"),
            "auroc": _descending(found, "best_auroc"),
            "frequent": -found["frequency"].to_numpy(dtype=float),
            "rare": found["frequency"].to_numpy(dtype=float),
            "id": np.zeros(len(found)),
        }[query.sort]
        # What is said in the description itself comes before what only a label or a phrase holds. Ties have a fixed
        # order, so that paging never shows a feature twice.
        order = np.lexsort((found["feature_id"].to_numpy(), by, ~said[keep]))
        return found["feature_id"].to_numpy()[order]

    def row(self, feature_id: int) -> FeatureRow:
        """One feature; KeyError where there is none."""
        return _row(cast(pd.Series, self._frame.loc[feature_id]).to_dict())

    def beside(self, feature_id: int) -> tuple[int | None, int | None]:
        """The living features before and after this one, by number."""
        ids = self._living
        place = int(np.searchsorted(ids, feature_id))
        after = place + (place < len(ids) and ids[place] == feature_id)
        return (int(ids[place - 1]) if place else None), (int(ids[after]) if after < len(ids) else None)

    def text(self, feature_id: int) -> str:
        return str(self._frame.at[feature_id, "text"])

    def texts(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Ids, findings and texts of all features, in the same order: for the map."""
        frame = self._frame
        return frame["feature_id"].to_numpy(), frame["finding"].to_numpy(), frame["text"].to_numpy()

    def values(self, column: str) -> dict[int, float]:
        """A number of each living feature; those that lack it, or all where there is no such column, are left out."""
        if column not in self._machine:
            return {}
        found = self._machine.loc[self._living, column].dropna()
        return {int(i): float(value) for i, value in found.items()}  # pyright: ignore[reportArgumentType]

    def counts(self, column: str) -> dict[str, int]:
        """How many living features have each value of finding, side or status."""
        alive = self._frame.loc[self._frame["n_images"] > 0]
        return {str(key): int(n) for key, n in alive[column].value_counts().items() if key}


def _descending(frame: pd.DataFrame, column: str) -> np.ndarray:
    values = frame[column].to_numpy(dtype=float) if column in frame else np.zeros(len(frame))
    return -np.nan_to_num(values, nan=-np.inf, posinf=1e300)


def _list(value: Any) -> list[str]:
    return [str(item) for item in value] if isinstance(value, (list, tuple, np.ndarray)) else []


def _float(value: Any) -> float | None:
    return None if value is None or pd.isna(value) else float(value)


def _row(record: dict[str, Any]) -> FeatureRow:
    get = record.get
    return FeatureRow(
        feature_id=int(record["feature_id"]),
        text=str(record["text"]),
        machine_text=str(record["machine_text"]),
        finding=str(record["finding"]),
        side=str(record["side"]),
        place=str(record["place"]),
        severity=str(record["severity"]),
        certainty=str(record["certainty"]),
        status=str(record["status"]),
        n_images=int(record["n_images"]),
        n_patients=int(record["n_patients"]),
        frequency=float(record["frequency"]),
        max=_float(record["max"]) or 0.0,
        mean=_float(record["mean"]) or 0.0,
        threshold=_float(record["threshold"]) or 0.0,
        best_label=str(record["best_label"]),
        best_auroc=_float(get("best_auroc")),
        best_lo=_float(get("best_lo")),
        best_hi=_float(get("best_hi")),
        z=_float(get("z")),
        terms=tuple(_list(get("terms"))),
        image_ids=tuple(_list(get("image_ids"))),
        **{name: int(_float(get(name)) or 0) for name in _COUNTS},
    )
