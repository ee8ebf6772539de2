"""How far descriptions hold on patients that they weren't made from: from the build for the program's texts, worked out live for a person's."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from saerad_core.descriptions.claims import claims_of
from saerad_core.descriptions.judge import UNSCORED, Judged, Part
from saerad_core.descriptions.unseen import Case, Unseen
from saerad_core.errors import WorkspaceError
from saerad_core.store.activations import ActivationStore
from saerad_core.store.said import Said
from saerad_core.store.scores import SPLITS, figures, load_scores
from saerad_core.workspace import Workspace

__all__ = ["DECIDES", "READS", "Case", "Cases", "Judged", "Part", "Scores", "TextScore"]
DECIDES, READS = SPLITS
"""The split whose patients decide whether a description speaks in reports, and the one that decides nothing."""


@dataclass(frozen=True)
class TextScore:
    """One feature's words."""

    told: bool
    """Whether the words state something that reports name; others can't be tested."""
    by: Mapping[str, Judged] = field(default_factory=dict)
    """Split -> figures."""

    @property
    def decides(self) -> Judged:
        return self.by.get(DECIDES, UNSCORED)

    @property
    def reads(self) -> Judged:
        return self.by.get(READS, UNSCORED)

    @property
    def holds(self) -> bool:
        """Whether the words speak in reports, as far as their score goes."""
        return not self.decides.weak


class Cases(NamedTuple):
    """X-rays of a test, one a patient in each group, the strongest first."""

    right: list[Case]
    """Fires, and the report states the description."""
    missed: list[Case]
    """Fires, and the report doesn't."""
    vain: list[Case]
    """Silent, though the report states it."""


class Scores:
    """Reads scores.parquet and said.parquet; safe to share between threads. A workspace of an earlier version has neither."""

    def __init__(self, workspace: Workspace, store: ActivationStore, sae: str) -> None:
        """Of one workspace; ``sae`` names its dictionary."""
        self._workspace, self._store = workspace, store
        self.table = load_scores(workspace.scores_file, sae)
        self._lines: dict[int, dict[str, Any]] = {}
        if self.table is not None:
            self._lines = {int(line["feature_id"]): line for line in self.table.to_dict("records")}
        self._kept: dict[tuple[int, str], TextScore] = {}
        self._lock, self._opening = threading.Lock(), threading.Lock()
        self._unseen: tuple[Unseen | None] | None = None

    def flags(self, feature_id: int) -> tuple[str, ...]:
        """Keys of store.scores.FLAGS."""
        return tuple(str(one) for one in self._lines.get(feature_id, {}).get("flags", ()))

    def twin(self, feature_id: int) -> int | None:
        """The feature that a duplicate repeats."""
        found = self._lines.get(feature_id, {}).get("twin", -1)
        return int(found) if found == found and found >= 0 else None

    def of(self, feature_id: int, text: str) -> TextScore | None:
        """The score of words for a feature; None where the workspace keeps no scores or there are no words."""
        if self.table is None or not text:
            return None
        with self._lock:
            kept = self._kept.get((feature_id, text))
        if kept is not None:
            return kept
        line = self._lines.get(feature_id, {})
        by = {split: _judged(line, split) for split in SPLITS} if line.get("text") == text else {}
        # Only words that claim something have counts; reading words again takes a millisecond, and a list has twenty.
        told = any(one.firing or one.silent for one in by.values()) or claims_of(text).told
        if by:
            found = TextScore(told, by)
        elif not told or self.unseen is None:
            found = TextScore(told)
        else:
            found = TextScore(told, {split: self.unseen.score(feature_id, text, split) for split in SPLITS})
        with self._lock:
            self._kept[feature_id, text] = found
        return found

    def exported(self, feature_id: int, text: str) -> tuple[dict[str, dict[str, float | None]], list[str]]:
        """Figures of each split as files hold them, and flags."""
        found = self.of(feature_id, text)
        by = {} if found is None or not found.told else {split: exported(one) for split, one in found.by.items()}
        return by, list(self.flags(feature_id))

    def cases(self, feature_id: int, text: str, split: str) -> Cases:
        """On which X-rays the words are right and wrong."""
        if self.unseen is None or not claims_of(text).told:
            return Cases([], [], [])
        found = self.unseen.cases(feature_id, text, split)
        return Cases(
            [one for one in found if one.fires and one.states],
            [one for one in found if one.fires and not one.states],
            [one for one in found if not one.fires],
        )

    @property
    def unseen(self) -> Unseen | None:
        """Read when first asked for; None where it is missing or damaged."""
        with self._opening:
            if self._unseen is None:
                try:
                    self._unseen = (Unseen(self._store, Said.load(self._workspace.said_file)),)
                except WorkspaceError:
                    self._unseen = (None,)
            return self._unseen[0]


def exported(one: Judged) -> dict[str, float | None]:
    """Figures and counts, None where they can't be said."""
    told = {
        "auroc": one.auroc, "lo": one.lo, "hi": one.hi,
        "precision": one.precision.value, "precision_lo": one.precision.lo, "precision_hi": one.precision.hi,
        "recall": one.recall.value, "recall_lo": one.recall.lo, "recall_hi": one.recall.hi,
    }  # fmt: skip
    known = {name: None if value != value else round(float(value), 4) for name, value in told.items()}
    return known | {"firing": one.firing, "silent": one.silent, "stating": one.precision.of}


def _judged(line: Mapping[str, Any], split: str) -> Judged:
    known = figures(line, split)
    nan = float("nan")
    value = {name: nan if one is None else one for name, one in known.items()}
    firing, silent, stating = (int(known[name] or 0) for name in ("firing", "silent", "stating"))
    precision = Part(value["precision"], value["precision_lo"], value["precision_hi"], stating)
    recall = Part(value["recall"], value["recall_lo"], value["recall_hi"], firing)
    return Judged(value["auroc"], value["lo"], value["hi"], precision, recall, firing, silent)
