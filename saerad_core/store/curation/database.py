"""curation.duckdb: the journal's events as a table to ask. Made from the journal, and made again where it is damaged."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from saerad_core.errors import WorkspaceError
from saerad_core.store.curation.events import Event

COLUMNS = {
    "seq": "INTEGER", "feature_id": "INTEGER", "number": "INTEGER", "kind": "VARCHAR", "author": "VARCHAR",
    "verified": "BOOLEAN", "at": "VARCHAR", "base": "INTEGER", "sae": "VARCHAR", "batch": "VARCHAR", "place": "INTEGER",
    "size": "INTEGER", "data": "VARCHAR", "hash": "VARCHAR",
    "means": "VARCHAR",
}  # fmt: skip
"""Of table events; data is JSON."""
TABLE = "CREATE TABLE IF NOT EXISTS events (" + ", ".join(f'"{name}" {kind}' for name, kind in COLUMNS.items()) + ")"
"""No key and no index: rows are only ever added, by one process."""
FORWARD = "ALTER TABLE events ADD COLUMN IF NOT EXISTS means VARCHAR DEFAULT ''"
"""A file of before version 3, brought forward."""
BEFORE = ", ".join(f'"{name}"' if name != "means" else "'' AS means" for name in COLUMNS)
ALL_BEFORE = f"SELECT {BEFORE} FROM events ORDER BY seq"  # noqa: S608
"""Every row of such a file that may only be read."""
DATA, HASH = list(COLUMNS).index("data"), list(COLUMNS).index("hash")
"""Places in a row."""
NAMES = ", ".join(f'"{name}"' for name in COLUMNS)
ROW = f"({', '.join('?' * len(COLUMNS))})"
FEW = 100
"""Rows up to which they are bound one by one; Arrow, which is quicker with many, first imports pandas for a second."""
ADD_MANY = "INSERT INTO events BY NAME SELECT * FROM given ORDER BY seq"
ALL = f"SELECT {NAMES} FROM events ORDER BY seq"  # noqa: S608
HISTORY = f"SELECT {NAMES} FROM events WHERE feature_id = ? ORDER BY seq"  # noqa: S608
BATCH = f"SELECT {NAMES} FROM events WHERE batch = ? ORDER BY seq"  # noqa: S608
SEQS = f"SELECT {NAMES} FROM events WHERE list_contains(?::INTEGER[], seq) ORDER BY seq"  # noqa: S608
KIND = f"SELECT {NAMES} FROM events WHERE kind = ? ORDER BY seq"  # noqa: S608
AUTHOR = f"SELECT {NAMES} FROM events WHERE author = ? ORDER BY seq DESC LIMIT ?"  # noqa: S608
RECENT = f"SELECT {NAMES} FROM events ORDER BY seq DESC LIMIT ?"  # noqa: S608
PROGRESS = """
SELECT author, kind, count(*), count(DISTINCT feature_id), min("at"), max("at")
FROM events WHERE feature_id >= 0 AND (sae = '' OR ? = '' OR sae = ?) GROUP BY author, kind ORDER BY author, kind
"""
COLUMN_NAMES = "SELECT column_name FROM duckdb_columns() WHERE table_name = 'events'"
FIRST_VERSION = 'SELECT seq, feature_id, number, kind, text, status, author, "at", base FROM acts ORDER BY seq'
"""Of a file that version 1 of the format left."""

Stored = tuple[Any, ...]
"""A row of table events."""


def row_of(event: Event, own: str) -> Stored:
    """The event and its line's hash as the table holds them."""
    return (
        event.seq, event.feature_id, event.number, event.kind, event.author, event.verified, event.at, event.base,
        event.sae, event.batch, event.place, event.size, json.dumps(event.data, ensure_ascii=False, separators=(",", ":")), own,
        event.means,
    )  # fmt: skip


def event_of(row: Stored) -> Event:
    """The event that a row holds."""
    return Event(*row[:DATA], data=json.loads(row[DATA]), means=row[-1])  # pyright: ignore[reportCallIssue]


def all_rows(connection: duckdb.DuckDBPyConnection) -> list[Stored]:
    """Every event of a file that may be of before version 3, in order."""
    columns = {name for (name,) in connection.execute(COLUMN_NAMES).fetchall()}
    return connection.execute(ALL if "means" in columns else ALL_BEFORE).fetchall()


def in_memory(rows: Sequence[Stored]) -> duckdb.DuckDBPyConnection:
    """A database of its own, for a process that may only read."""
    connection = duckdb.connect(":memory:")
    connection.execute(TABLE)
    add(connection, rows)
    return connection


def add(connection: duckdb.DuckDBPyConnection, rows: Sequence[Stored]) -> None:
    """Add rows, all or none; they are on the disk afterwards."""
    cursor = connection.cursor()
    if len(rows) > FEW:
        table = pa.table([pa.array(column) for column in zip(*rows, strict=True)], names=list(COLUMNS))
        cursor.register("given", table)
        cursor.execute(ADD_MANY)
        cursor.unregister("given")
    elif rows:
        cursor.execute(f"INSERT INTO events VALUES {', '.join([ROW] * len(rows))}", [x for row in rows for x in row])  # noqa: S608


def level(path: Path, rows: Sequence[Stored]) -> tuple[duckdb.DuckDBPyConnection, list[str]]:
    """The database at ``path``, brought to where the journal is; and what a person should know of it, in sentences.

    It is filled up where it lags, and made anew where it can't be read or says something else. Nothing is deleted: a
    damaged file is renamed, its .wal with it.

    Raises:
        WorkspaceError: it holds more events than the journal, which therefore has lost some; or it can't be written.
    """
    known, connection, readable = None, None, True
    there = path.exists() or _wal(path).exists()
    try:
        if path.exists():
            connection = duckdb.connect(str(path))
            known = _known(connection, rows)
    except duckdb.Error:
        readable = False
    if known is not None and len(known) > len(rows):
        assert connection is not None
        connection.close()
        raise WorkspaceError(
            f"curation.jsonl holds {len(known) - len(rows)} edits fewer than curation.duckdb; run "
            "`python -m saerad_core repair` to bring them back from there, or restore curation.jsonl from a backup."
        )
    if connection is not None and known is not None and list(known) == list(rows[: len(known)]):
        add(connection, rows[len(known) :])
        late = len(rows) - len(known)
        said = f"{late} {'edit' if late == 1 else 'edits'} had reached the journal alone when the program was stopped; the database has them now."
        return connection, [said] if late and known else []
    if connection is not None:
        connection.close()
    said = []
    if there:
        kept = set_aside(path)
        why = "said something else than curation.jsonl" if readable and known is not None else "was damaged"
        said = [
            f"curation.duckdb {why} and was made anew from curation.jsonl: all {len(rows)} edits are there; "
            f"the old file is kept as {kept}."
        ]
    try:
        connection = duckdb.connect(str(path))
        connection.execute(TABLE)
        add(connection, rows)
    except duckdb.Error as error:
        raise WorkspaceError(
            "curation.duckdb can't be written; make room on the disk and the workspace's folder writable."
        ) from error
    return connection, said


def set_aside(path: Path) -> str:
    """Rename a file, and its .wal with it, to a name of their own; returns the new name."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    name, n = f"{path.name}.damaged-{stamp}", 1
    while path.with_name(name).exists() or path.with_name(f"{name}.wal").exists():
        n += 1
        name = f"{path.name}.damaged-{stamp}-{n}"
    try:
        for old, new in ((path, path.with_name(name)), (_wal(path), path.with_name(f"{name}.wal"))):
            if old.exists():
                old.rename(new)
    except OSError as error:
        raise WorkspaceError(f"{path.name} can't be renamed; make the workspace's folder writable.") from error
    return name


def _known(connection: duckdb.DuckDBPyConnection, rows: Sequence[Stored]) -> list[Stored] | None:
    """What the file holds; of a file of version 1 what it becomes once it is brought forward. None where that isn't known."""
    tables = {name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    if "acts" in tables and "events" not in tables:
        acts = connection.execute(FIRST_VERSION).fetchall()
        if len(acts) > len(rows):
            return [*acts]
        if not all(_same(act, row) for act, row in zip(acts, rows, strict=False)):
            # A line of version 1 has no hash: nothing says which of the two is right.
            place = next(i for i, (act, row) in enumerate(zip(acts, rows, strict=False), 1) if not _same(act, row))
            connection.close()
            raise WorkspaceError(
                f"curation.jsonl and curation.duckdb disagree about edit {place}; restore curation.jsonl from a backup, or rename "
                "curation.duckdb to go by curation.jsonl."
            )
        cursor = connection.cursor()
        cursor.execute("BEGIN")
        cursor.execute(TABLE)
        cursor.execute("DROP TABLE acts")
        cursor.execute("COMMIT")
        add(connection, rows[: len(acts)])
    connection.execute(TABLE)
    if ("means",) not in connection.execute(COLUMN_NAMES).fetchall():
        connection.execute(FORWARD)
    return connection.execute(ALL).fetchall()


_KINDS = {
    "description": "edited",
    "revert": "restored",
    "accepted": "accepted",
    "rejected": "rejected",
    "unsure": "flagged",
}


def _same(act: Stored, row: Stored) -> bool:
    """Whether a row of version 1 is the event of a row of today."""
    seq, feature_id, number, kind, text, status, author, at, base = act
    known = (row[0], row[1], row[2], row[3], row[4], row[6], row[7])
    if (seq, feature_id, number, _KINDS[status if kind == "status" else kind], author, at, base) != known:
        return False
    return kind != "description" or json.loads(row[DATA])["text"] == text


def _wal(path: Path) -> Path:
    return path.with_name(path.name + ".wal")
