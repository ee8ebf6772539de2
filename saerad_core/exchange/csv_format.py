"""CSV that a spreadsheet opens: UTF-8 with its mark, lists as JSON, and no cell that a spreadsheet would run as a formula."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

from saerad_core.errors import SaeRadError
from saerad_core.exchange.table import COLUMNS, Export, Line

ACTIVE = ("=", "+", "-", "@", "\t", "\r", "'")
"""What a cell must not begin with: a spreadsheet takes it for a formula (OWASP, CSV injection). The apostrophe is here because it
is what is put in front, so that it can be taken away again."""
LONGEST_CELL = 2**26


def write(export: Export) -> bytes:
    """The file's bytes."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\r\n")
    rows.writerow(COLUMNS)
    for line in export.lines:
        rows.writerow([_cell(kind, line[name]) for name, kind in COLUMNS.items()])
    return text.getvalue().encode("utf-8-sig")


def read(data: bytes) -> list[Line]:
    """The lines of a file, with the columns that it has.

    Raises:
        SaeRadError: it isn't such a file.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SaeRadError("The CSV file isn't in UTF-8; save it from the spreadsheet as CSV UTF-8.") from error
    head = text.split("\n", 1)[0]
    csv.field_size_limit(LONGEST_CELL)
    # Spreadsheets write semicolons where the comma is the decimal sign.
    rows = csv.DictReader(
        io.StringIO(text, newline=""), delimiter=";" if head.count(";") > head.count(",") else ",", strict=True
    )
    try:
        if "feature_id" not in (rows.fieldnames or ()):
            raise SaeRadError("The CSV file has no column feature_id in its first line; name one so.")
        return [
            {name: _value(name, cell) for name, cell in row.items() if name in COLUMNS and cell is not None}
            for row in rows
        ]
    except csv.Error as error:
        raise SaeRadError(f"The CSV file can't be read: {error}.") from error


def _cell(kind: str, value: Any) -> str:  # noqa: ANN401
    if value is None:
        return ""
    if kind == "json":
        return json.dumps(value, ensure_ascii=False)
    if kind == "text":
        return f"'{value}" if value.startswith(ACTIVE) else value
    return str(value)


def _value(name: str, cell: str) -> Any:  # noqa: ANN401
    kind = COLUMNS[name]
    try:
        if kind == "text":
            return cell[1:] if cell.startswith("'") else cell
        if kind == "bool":
            return {"true": True, "false": False, "1": True, "0": False, "": False}[cell.strip().lower()]
        if not cell.strip():
            return [] if kind == "json" else None
        return json.loads(cell) if kind == "json" else float(cell) if kind == "float" else int(cell)
    except (ValueError, KeyError) as error:
        raise SaeRadError(f"Column {name} of the CSV file holds {cell[:40]!r}, which is no {kind}.") from error
