"""What differs between two moments."""

from __future__ import annotations

from typing import Any, NamedTuple

from saerad_core.store.curation.events import FIELDS
from saerad_core.store.curation.snapshot import Snapshot
from saerad_core.store.curation.state import FeatureState

COMPARED = ("text", "status", "tags", "assigned", "merged_into", "lists")
"""What is compared beside FIELDS."""


class Change(NamedTuple):
    """One thing about one feature that isn't what it was."""

    feature_id: int
    name: str
    """One of COMPARED or FIELDS."""
    before: Any
    after: Any
    author: str
    """Of the latest deciding event of the later moment."""
    at: str


def compare(before: Snapshot, after: Snapshot) -> list[Change]:
    """Every change from one moment to another, by feature."""
    changes = []
    for feature_id in sorted({*before.features(), *after.features()}):
        old, new = before[feature_id], after[feature_id]
        if old == new:
            continue
        for name in (*COMPARED, *FIELDS):
            was, now = _value(old, name), _value(new, name)
            if was != now:
                changes.append(Change(feature_id, name, was, now, new.author, new.at))
    return changes


def _value(state: FeatureState, name: str) -> Any:  # noqa: ANN401
    return getattr(state.fields if name in FIELDS else state, name)
