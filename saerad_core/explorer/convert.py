"""Records of the stores as the values that pages get."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache

from saerad_core.explorer.rows import Edit, ImageRow
from saerad_core.store.activations import Texts
from saerad_core.store.curation import Event, FeatureState
from saerad_core.store.curation.state import decides, states
from saerad_core.store.roster import Column, Roster
from saerad_core.vocabulary import Statement


def image_row(roster: Roster, row: int, text: Texts, activation: float | None = None) -> ImageRow:
    """One X-ray; ``activation`` of the feature asked for."""
    age = int(roster.age[row])
    return ImageRow(
        row=int(row),
        image_id=roster.name_of(row),
        patient_id=_name(roster.patient, row),
        study_id=roster.study_id[row].as_py(),
        split=_name(roster.split, row),
        view=_name(roster.view, row),
        sex=_name(roster.sex, row),
        age=float(age) if age >= 0 else None,
        labels=roster.labels_of(row),
        indication=text.indication,
        findings=text.findings,
        impression=text.impression,
        facts=None if text.facts is None else _facts(text.facts),
        activation=None if activation is None else float(activation),
    )


@lru_cache(maxsize=4_096)
def _facts(text: str) -> tuple[Statement, ...]:
    """From JSON; few are different, and a page shows fifty X-rays."""
    return tuple(Statement(**fact) for fact in json.loads(text))


def _name(column: Column, row: int) -> str:
    return column.names[column.codes[row]]


_STATUSES = {"pending": "suggested", "draft": "edited", "second": "unsure"}
"""The store's word for a status -> that of rows.STATUSES, where they differ."""


def status_of(state: FeatureState) -> str:
    """A feature's status in the words of rows.STATUSES."""
    return _STATUSES.get(state.status, state.status)


def edits(events: Sequence[Event]) -> list[Edit]:
    """What was decided on one feature, given all its events."""
    return [
        Edit(one.number, status_of(state), state.text, one.author, one.at[:16].replace("T", " "))
        for one, state in zip(events, states(events), strict=True)
        if decides(one)
    ]
