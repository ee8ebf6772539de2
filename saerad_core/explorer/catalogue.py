"""All features of a workspace in memory, with what readers wrote laid over what the program found.

The largest dictionary has 49,152 features: a filter over columns takes milliseconds, and only one page becomes objects.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from saerad_core.descriptions.judge import LEAST
from saerad_core.explorer.rows import SORTS, FeatureQuery, FeatureRow
from saerad_core.explorer.scores import DECIDES, Scores
from saerad_core.explorer.search import Indexes, words_of
from saerad_core.vocabulary import TERMS


class Curated(NamedTuple):
    """A reader's last word on a feature."""

    feature_id: int
    text: str
    """"" where the reader judged the program's text without changing it."""
    status: str


_TEXTS = ("text", "finding", "side", "place", "severity", "certainty", "best_label")
_LISTS = ("terms", "image_ids")


class Catalogue:
    """The features' table and what can be asked of it."""

    def __init__(self, features: pd.DataFrame, descriptions: pd.DataFrame, scores: Scores | None = None) -> None:
        """Join the tables ``features`` and ``descriptions`` of the store on feature_id, and the scores on unseen patients."""
        self._scores = scores
        told = None if scores is None else scores.table
        if told is not None:
            kept = told[["feature_id", "flags"]].assign(
                score=told[f"{DECIDES}_auroc"].astype(float), score_lo=told[f"{DECIDES}_lo"].astype(float)
            )
            features = features.merge(kept, on="feature_id", how="left", validate="one_to_one")
        frame = features.merge(descriptions, on="feature_id", how="left", validate="one_to_one").sort_values(
            "feature_id"
        )
        frame = frame.set_index("feature_id", drop=False)
        for name in _TEXTS:
            frame[name] = frame[name].fillna("").astype(object) if name in frame else ""
        frame["machine_text"] = frame["text"]
        frame["status"] = np.where(frame["text"] != "", "suggested", "undescribed")
        self._ids = frame["feature_id"].to_numpy()
        self._alive = (frame["n_images"] > 0).to_numpy()
        self._living = self._ids[self._alive]
        # Columns as arrays: a filter over 49,152 of them takes a tenth of what a frame takes.
        self._columns = {str(name): frame[name].to_numpy() for name in frame.columns}
        self._texts, self._status = self._columns["text"].copy(), self._columns["status"].copy()
        self._orders = {sort: _order(frame, sort) for sort in SORTS}
        self._support = np.empty(len(frame), dtype=np.int64)
        """Place of each feature among all by how well its description is supported."""
        self._support[self._orders["strength"]] = np.arange(len(frame))
        self._touched: list[int] = []
        self._counted: dict[str, dict[str, int]] = {}
        """How often each value of a column comes, of columns that readers don't change."""
        self.near: Callable[[str, np.ndarray], np.ndarray] | None = None
        """Cosines of texts to a question, -inf for those that don't answer it; None where no sentence model is set up."""
        self._indexes = Indexes([_said(one) for one in self._records(range(len(frame)))], self._extras())

    def _records(self, places: Iterable[int]) -> Iterator[dict[str, Any]]:
        names = ("finding", "side", "place")
        for place in places:
            yield {"text": self._texts[place]} | {name: self._columns[name][place] for name in names}

    def _extras(self) -> list[str]:
        """What a label or a phrase says, beside the description."""
        labels = self._columns["best_label"]
        terms = self._columns.get("terms", np.full(len(labels), None, dtype=object))
        return [f"{label.replace('_', ' ')} {' '.join(_list(some))}" for label, some in zip(labels, terms, strict=True)]

    def lay_over(self, curated: Iterable[Curated]) -> None:
        """Take over what readers wrote; features that nobody touched keep the program's text."""
        texts, status = self._columns["text"].copy(), self._columns["status"].copy()
        self._touched = []
        for word in curated:
            place = self._place(word.feature_id)
            if place is None:
                continue
            self._touched.append(place)
            if word.text:
                texts[place] = word.text
            status[place] = word.status
        self._texts, self._status = texts, status
        changed = [place for place in self._touched if texts[place] != self._columns["text"][place]]
        self._indexes.lay_over(changed, [_said(one) for one in self._records(changed)])

    def _place(self, feature_id: int) -> int | None:
        # Nearly always all features are there, each at the place of its number.
        if 0 <= feature_id < len(self._ids) and self._ids[feature_id] == feature_id:
            return int(feature_id)
        place = int(np.searchsorted(self._ids, feature_id))
        return place if place < len(self._ids) and self._ids[place] == feature_id else None

    def __len__(self) -> int:
        return len(self._ids)

    def __contains__(self, feature_id: int) -> bool:
        return self._place(feature_id) is not None

    def find(self, query: FeatureQuery) -> np.ndarray:
        """Ids of the features that fit, in the order asked for."""
        keep = np.ones(len(self._ids), dtype=bool)
        if query.ids is not None:
            keep &= np.isin(self._ids, np.array(query.ids, dtype=np.int64))
        rank: tuple[np.ndarray, ...] = ()
        numbers = [int(word) for word in query.text.replace("#", " ").split() if word.isdecimal() and len(word) < 8]
        text = query.text.replace("#", " ")
        if text.strip() and query.meaning and self.near is not None:
            cosine = self.near(text, self._texts)
            keep &= np.isfinite(cosine)
            rank = (-cosine,)
        elif text.strip():
            said, anywhere = self._indexes.find(text)
            fits = anywhere.fits
            if len(numbers) == 1 and len(text.split()) == 1:
                fits = fits | (self._ids == numbers[0])
            keep &= fits if words_of(text) else False
            # What is said in the description itself comes before what only a label or a phrase holds.
            rank = (-np.round(said.score if query.sort == "strength" else said.fits * 0.0, 1), ~said.fits)
        scores, holds = self._current_scores() if query.holds or query.sort == "score" else (None, None)
        if holds is not None and query.holds:
            keep &= (self._texts != "") & (holds == (query.holds == "holds"))
        if query.flag:
            keep &= self._flagged(query.flag)
        for column, wanted in (
            (self._columns["finding"], query.finding),
            (self._columns["side"], query.side),
            (self._status, query.status),
        ):
            if wanted:
                keep &= column == wanted
        if query.lowest > 0 or query.highest < 1:
            frequency = self._columns["frequency"]
            keep &= (frequency >= query.lowest) & (frequency <= query.highest)
        if query.alive:
            keep &= self._alive
        if query.described is not None:
            keep &= (self._texts != "") == query.described
        # Ties have a fixed order, so that paging never shows a feature twice.
        order = self._orders[query.sort] if query.sort != "score" or scores is None else _by_score(self._ids, scores)
        order = order[keep[order]]
        if rank:
            order = order[np.lexsort([key[order] for key in rank])]
        return self._ids[order]

    def alike(self, feature_id: int, count: int) -> list[tuple[int, float]]:
        """Living features whose descriptions share words with this one's, and their score, best first."""
        place = self._place(feature_id)
        if place is None or not self._texts[place]:
            return []
        score = self._indexes.alike(_said(next(self._records([place]))))
        score[place], score[~self._alive] = 0, 0
        # Only those that can be among the best are put in order: 49,152 take milliseconds.
        shown = np.round(score, 3)
        able = np.flatnonzero((shown >= _nth_largest(shown, count)) & (score > 0))
        # Of equally good ones the best supported.
        best = able[np.lexsort((self._support[able], -shown[able]))][:count]
        return [(int(self._ids[one]), float(score[one])) for one in best]

    def row(self, feature_id: int) -> FeatureRow:
        """One feature; KeyError where there is none."""
        place = self._place(feature_id)
        if place is None:
            raise KeyError(feature_id)
        record = {name: values[place] for name, values in self._columns.items()}
        row = _row(record | {"text": self._texts[place], "status": self._status[place]})
        if self._scores is None:
            return row
        return replace(row, score=self._scores.of(row.feature_id, row.text), flags=self._scores.flags(row.feature_id))

    def _current_scores(self) -> tuple[np.ndarray, np.ndarray]:
        """AUROC on validation patients of the texts that count now, nan where there is none, and whether each holds."""
        if self._scores is None or "score" not in self._columns:
            return np.full(len(self._ids), np.nan), np.zeros(len(self._ids), dtype=bool)
        scores = self._columns["score"].copy()
        holds = self._columns["score_lo"] > LEAST
        for place in self._touched:
            if self._texts[place] != self._columns["text"][place]:
                found = self._scores.of(int(self._ids[place]), str(self._texts[place]))
                scores[place] = np.nan if found is None else found.decides.auroc
                holds[place] = found is not None and found.holds
        return scores, holds

    def _flagged(self, flag: str) -> np.ndarray:
        """bool: features with a flag; with "none", those without any."""
        if "flags" not in self._columns:
            return np.full(len(self._ids), flag == "none")
        lists = self._columns["flags"]
        if flag == "none":
            return np.array([not len(_list(one)) for one in lists], dtype=bool)
        return np.array([flag in _list(one) for one in lists], dtype=bool)

    def beside(self, feature_id: int) -> tuple[int | None, int | None]:
        """The living features before and after this one, by number."""
        ids = self._living
        place = int(np.searchsorted(ids, feature_id))
        after = place + (place < len(ids) and ids[place] == feature_id)
        return (int(ids[place - 1]) if place else None), (int(ids[after]) if after < len(ids) else None)

    def text(self, feature_id: int) -> str:
        place = self._place(feature_id)
        if place is None:
            raise KeyError(feature_id)
        return str(self._texts[place])

    def texts(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Ids, findings and texts of all features, in the same order: for the map."""
        return self._ids, self._columns["finding"], self._texts

    @property
    def column_names(self) -> list[str]:
        """Columns of the features' table, as the store has them, with those of the descriptions."""
        return list(self._columns)

    def column(self, name: str, ids: np.ndarray) -> np.ndarray:
        """A column's values of some features, with readers' words laid over it; KeyError where there is no such column.

        Args:
            name: one of ``column_names``.
            ids: feature numbers that there are.
        """
        values = {"text": self._texts, "status": self._status}.get(name)
        if name == "score":
            values = self._current_scores()[0]
        return (self._columns[name] if values is None else values)[np.searchsorted(self._ids, ids)]

    def values(self, column: str) -> dict[int, float]:
        """A number of each living feature; those that lack it, or all where there is no such column, are left out."""
        if column not in self._columns:
            return {}
        found = self._columns[column][self._alive].astype(float)
        return {int(i): float(value) for i, value in zip(self._living, found, strict=True) if not np.isnan(value)}

    def counts(self, column: str) -> dict[str, int]:
        """How many living features have each value of finding, side or status."""
        if column == "status":
            return self._count(self._status)
        if column not in self._counted:
            self._counted[column] = self._count(self._columns[column])
        return self._counted[column].copy()

    def _count(self, values: np.ndarray) -> dict[str, int]:
        return {str(key): n for key, n in Counter(values[self._alive]).most_common() if key}


def _said(record: dict[str, Any]) -> str:
    """The description with its finding, side and place, as words."""
    finding = record["finding"]
    name = TERMS[finding].name if finding in TERMS else finding
    return f"{record['text']} {name} {record['side']} {record['place']}"


def _nth_largest(values: np.ndarray, n: int) -> float:
    """The n-th largest of values from 0 on, 0 where they are fewer. Of many that are equal np.partition takes a hundred times as long."""
    rest, left = values.copy(), n
    while left > 0 and len(rest):
        largest = rest.max()
        if largest <= 0:
            return 0.0
        at = rest == largest
        left -= int(at.sum())
        if left <= 0:
            return float(largest)
        rest[at] = 0
    return 0.0


def _by_score(ids: np.ndarray, scores: np.ndarray) -> np.ndarray:
    return np.lexsort((ids, -np.nan_to_num(scores, nan=-np.inf)))


def _order(frame: pd.DataFrame, sort: str) -> np.ndarray:
    """Places of all features in one of the orders."""
    by = {
        "strength": lambda: _descending(frame, "z"),
        "score": lambda: _descending(frame, "score"),
        "auroc": lambda: _descending(frame, "best_auroc"),
        "frequent": lambda: -frame["frequency"].to_numpy(dtype=float),
        "rare": lambda: frame["frequency"].to_numpy(dtype=float),
        "id": lambda: np.zeros(len(frame)),
    }[sort]()
    # Those without a description by what they tell best: where nothing could be described, the list still begins with what is worth a look.
    label = _descending(frame, "best_auroc") if sort == "strength" else np.zeros(len(frame))
    return np.lexsort((frame["feature_id"].to_numpy(), label, by))


def _descending(frame: pd.DataFrame, column: str) -> np.ndarray:
    values = frame[column].to_numpy(dtype=float) if column in frame else np.zeros(len(frame))
    return -np.nan_to_num(values, nan=-np.inf, posinf=1e300)


def _list(value: Any) -> list[str]:
    return [str(item) for item in value] if isinstance(value, (list, tuple, np.ndarray)) else []


def _float(value: Any) -> float | None:
    return None if value is None or pd.isna(value) else float(value)


def _count(value: Any) -> int:
    return int(_float(value) or 0)


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
        n_firing=_count(get("n_firing")),
        n_with=_count(get("n_with")),
        n_control=_count(get("n_control")),
        n_control_with=_count(get("n_control_with")),
    )
