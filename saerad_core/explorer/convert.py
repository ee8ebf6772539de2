"""Records of the stores as the values that pages get."""

from __future__ import annotations

import json

from saerad_core.explorer.rows import Edit, ImageRow
from saerad_core.store.activations import Texts
from saerad_core.store.journal import Revision
from saerad_core.store.roster import Column, Roster
from saerad_core.vocabulary import Statement


def image_row(roster: Roster, row: int, text: Texts, activation: float | None = None) -> ImageRow:
    """One X-ray; ``activation`` of the feature asked for."""
    age = int(roster.age[row])
    return ImageRow(
        row=int(row),
        image_id=roster.image_id[row].as_py(),
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
        facts=None if text.facts is None else tuple(Statement(**fact) for fact in json.loads(text.facts)),
        activation=None if activation is None else float(activation),
    )


def _name(column: Column, row: int) -> str:
    return column.names[column.codes[row]]


def edit(act: Revision) -> Edit:
    """One act of the curation store."""
    return Edit(act.number, act.status, act.text, act.author, act.at[:16].replace("T", " "))
