"""Curation out of a workspace and into it: files for other programs, for spreadsheets and for readers without the app."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from saerad_core.errors import SaeRadError
from saerad_core.exchange import csv_format, jsonl_format, neuronpedia_format, packet_format, parquet_format
from saerad_core.exchange.incoming import Plan, Step, carry_out, plan
from saerad_core.exchange.table import Export, Line, collect

__all__ = ["FORMATS", "Export", "Format", "Plan", "Step", "carry_out", "collect", "plan", "read", "read_bytes"]


class Format(NamedTuple):
    """One kind of file."""

    suffix: str
    mime: str
    write: Callable[[Export], bytes]
    read: Callable[[bytes], list[Line]] | None = None
    """None: it goes out only."""


FORMATS: dict[str, Format] = {
    "csv": Format(".csv", "text/csv", csv_format.write, csv_format.read),
    "parquet": Format(".parquet", "application/vnd.apache.parquet", parquet_format.write, parquet_format.read),
    "jsonl": Format(".jsonl", "application/jsonl", jsonl_format.write, jsonl_format.read),
    "neuronpedia": Format(".json", "application/json", neuronpedia_format.write),
    "html": Format(".html", "text/html", packet_format.write),
}


def read(path: Path) -> list[Line]:
    """The lines of a file that `export` wrote, or of a table with feature_id and text.

    Raises:
        SaeRadError: it can't be read, or isn't such a file.
    """
    _reader(path.suffix, path.name)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SaeRadError(f"{path} can't be read; check its name.") from error
    return read_bytes(data, path.suffix)


def read_bytes(data: bytes, suffix: str) -> list[Line]:
    """The same of a file's bytes; ``suffix`` says what they are.

    Raises:
        SaeRadError: they aren't of such a file.
    """
    return _reader(suffix, suffix)(data)


def _reader(suffix: str, name: str) -> Callable[[bytes], list[Line]]:
    known = {form.suffix: form.read for form in FORMATS.values() if form.read is not None}
    if suffix not in known:
        raise SaeRadError(f"A file of {', '.join(known)} can be imported, not {suffix or name!r}.")
    return known[suffix]
