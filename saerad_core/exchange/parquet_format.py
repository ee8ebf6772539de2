"""Parquet: the same columns with their types; history, notes and scores as JSON texts."""

from __future__ import annotations

import io
import json

import pyarrow as pa
import pyarrow.parquet as pq

from saerad_core.errors import SaeRadError
from saerad_core.exchange.table import COLUMNS, Export, Line

_LISTS = ("tags", "evidence_image_ids")
"""Lists of text."""
_TYPES = {"int": pa.int64(), "float": pa.float64(), "bool": pa.bool_(), "text": pa.string(), "json": pa.string()}


def write(export: Export) -> bytes:
    """The file's bytes; its metadata hold the notices too."""
    schema = pa.schema(
        [(name, pa.list_(pa.string()) if name in _LISTS else _TYPES[kind]) for name, kind in COLUMNS.items()],
        metadata={"saerad_notices": " ".join(export.notices), "saerad_sae": export.sae},
    )
    columns = [
        [_stored(name, line[name]) for line in export.lines] for name in COLUMNS
    ]  # fmt: skip
    table = pa.table([pa.array(values, kind.type) for values, kind in zip(columns, schema, strict=True)], schema=schema)
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


def read(data: bytes) -> list[Line]:
    """The lines of a file, with the columns that it has; raises SaeRadError where it isn't such a file."""
    try:
        table = pq.read_table(io.BytesIO(data))
        kept = table.select([name for name in table.column_names if name in COLUMNS]).to_pylist()
        return [{name: json.loads(value) if _is_json(name) else value for name, value in line.items()} for line in kept]
    except (pa.ArrowException, ValueError, TypeError) as error:
        raise SaeRadError("The Parquet file can't be read; export it again.") from error


def _is_json(name: str) -> bool:
    return COLUMNS[name] == "json" and name not in _LISTS


def _stored(name: str, value: object) -> object:
    return json.dumps(value, ensure_ascii=False) if _is_json(name) else value
