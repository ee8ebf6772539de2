"""Records of the stores as the values that pages get."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd

from saerad_core.explorer.rows import Edit, ImageRow
from saerad_core.store.journal import Revision
from saerad_core.vocabulary import Statement


def image_rows(frame: pd.DataFrame) -> list[ImageRow]:
    """X-rays of table images; with column activation that of the feature asked for."""
    return [image_row(record) for record in frame.to_dict("records")]


def image_row(record: Mapping[str, Any]) -> ImageRow:
    """One record of table images."""
    activation = record.get("activation")
    return ImageRow(
        row=int(record["row"]),
        age=None if pd.isna(record["age"]) else float(record["age"]),
        labels=tuple(str(label) for label in record["labels"]),
        facts=_facts(record["facts"]),
        activation=None if activation is None else float(activation),
        **{name: _text(record[name]) for name in _TEXTS},
    )


_TEXTS = ("image_id", "patient_id", "study_id", "split", "view", "sex", "indication", "findings", "impression")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _facts(value: Any) -> tuple[Statement, ...] | None:
    return tuple(Statement(**fact) for fact in json.loads(value)) if isinstance(value, str) else None


def edit(act: Revision) -> Edit:
    """One act of the curation store."""
    return Edit(act.number, act.status, act.text, act.author, act.at[:16].replace("T", " "))
