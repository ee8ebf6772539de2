"""A study as files: its marks as CSV, and marks with statistics as JSON. Texts of own reports stay in the workspace."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from saerad_core import NOTICE
from saerad_core.study.design import Design
from saerad_core.study.journal import Marked
from saerad_core.study.sources import SOURCES
from saerad_core.workspace import Manifest

SIMULATED = "The X-rays and their own reports are simulated: a program made them, they are of no patient."
PSEUDO = "The own reports are pseudo-reports: other patients' texts, matched by label."
WITHHELD = "[text of an own report, which stays in the workspace]"
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A cell that begins so would be a formula to a spreadsheet."""


def notes(manifest: Manifest) -> list[str]:
    """What every file says first."""
    said = [NOTICE]
    if manifest.dataset.simulated:
        said.append(SIMULATED)
    if manifest.dataset.pseudo_reports:
        said.append(PSEUDO)
    return said


def as_csv(manifest: Manifest, design: Design, marks: Sequence[Marked]) -> bytes:
    """A line a mark, in the order in which they were made; the notes come first, as comments."""
    out = io.StringIO()
    for note in [*notes(manifest), f"Study {design.name}: {json.dumps(asdict(design))}"]:
        out.write(f"# {note}\n")
    fields = list(Marked.__dataclass_fields__)
    writer = csv.DictWriter(out, fields)
    writer.writeheader()
    for mark in marks:
        writer.writerow({name: _cell(value) for name, value in _told(mark).items()})
    return out.getvalue().encode()


def as_json(manifest: Manifest, design: Design, marks: Sequence[Marked], figures: dict[str, Any]) -> bytes:
    """Notes, design, statistics and marks."""
    told = {
        "format": "saerad-study-1",
        "notes": notes(manifest),
        "workspace": manifest.name,
        "design": asdict(design) | {"name": design.name},
        "sources": {key: SOURCES[key].title for key in design.sources},
        "statistics": figures,
        "marks": [_told(mark) for mark in marks],
    }
    return (json.dumps(told, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _told(mark: Marked) -> dict[str, Any]:
    source = SOURCES.get(mark.source)
    withheld = mark.kind == "sentence" and source is not None and source.own
    return asdict(mark) | ({"text": WITHHELD} if withheld else {})


def _cell(value: Any) -> Any:  # noqa: ANN401 - whatever a mark holds
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
