"""All acts of curators on one workspace: the journal, and a DuckDB that is made from it and asked in its place.

One process writes; it holds a lock on curation.lock. Any other reads the journal into a database in memory.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any
from weakref import WeakValueDictionary

import duckdb
import pyarrow as pa

from saerad_core.errors import WorkspaceError
from saerad_core.store.journal import Revision, append, mend, parse

TABLE = """
CREATE TABLE IF NOT EXISTS acts (
    seq INTEGER, feature_id INTEGER, number INTEGER, kind VARCHAR, text VARCHAR, status VARCHAR, author VARCHAR, "at" VARCHAR,
    base INTEGER
)
"""
"""No key and no index: rows are only ever added, by one process."""
ADD = "INSERT INTO acts BY NAME SELECT * FROM given ORDER BY seq"
ALL = "SELECT * EXCLUDE (seq) FROM acts ORDER BY seq"
HISTORY = "SELECT * EXCLUDE (seq) FROM acts WHERE feature_id = ? ORDER BY number"
LAST = "SELECT * EXCLUDE (seq) FROM acts WHERE feature_id = ? ORDER BY number DESC LIMIT 1"
LATEST = "SELECT * EXCLUDE (seq) FROM acts QUALIFY row_number() OVER (PARTITION BY feature_id ORDER BY number DESC) = 1"

_shared: WeakValueDictionary[Path, Ledger] = WeakValueDictionary()
_sharing = threading.Lock()


def ledger_of(journal: Path, database: Path) -> Ledger:
    """The process's one ledger of a workspace: two would shut each other out of its lock."""
    with _sharing:
        known = _shared.get(journal.resolve())
        if known is not None and not known.still_there():
            # DuckDB would go on with the old file, which has no name any more, as long as anything holds it open.
            known.close()
            known = None
        if known is None:
            known = Ledger(journal, database)
            _shared[journal.resolve()] = known
        return known


class Ledger:
    """Acts in the order in which they were written; safe to share between threads."""

    def __init__(self, journal: Path, database: Path) -> None:
        """Open it, for writing where no other process does.

        Raises:
            WorkspaceError: the journal is damaged before its last line, or holds less than the database made from it.
        """
        self._journal = journal
        self._database = database
        self._locked = journal.with_suffix(".lock")
        self._closed = False
        self._lock = threading.RLock()
        self._held: IO[str] | None = None
        self._size = 0
        """Bytes of the journal that the database holds, where another process writes it."""
        self.count = 0
        self._connection = _in_memory([])
        with self._lock:
            if not self._become_writer():
                self.refresh()

    def still_there(self) -> bool:
        """Whether the folder is the one that was opened, not one made anew under its name."""
        try:
            held = self._held is None or os.fstat(self._held.fileno()).st_ino == self._locked.stat().st_ino
        except FileNotFoundError:
            return False
        return held and not self._closed

    def close(self) -> None:
        """Let go of the files and of the lock."""
        with self._lock:
            self._closed = True
            self._connection.close()
            if self._held is not None:
                self._held.close()
                self._held = None

    # -- reading

    def history(self, feature_id: int) -> list[Revision]:
        """Acts on one feature, oldest first."""
        return self._ask(HISTORY, [feature_id])

    def last(self, feature_id: int) -> Revision | None:
        """The latest act on one feature."""
        found = self._ask(LAST, [feature_id])
        return found[0] if found else None

    def latest(self) -> list[Revision]:
        """The latest act on every feature that has one."""
        return self._ask(LATEST, [])

    def all(self) -> list[Revision]:
        """Every act, oldest first."""
        return self._ask(ALL, [])

    def _ask(self, sql: str, values: list[Any]) -> list[Revision]:
        self.refresh()
        with self._lock:
            cursor = self._connection.cursor()
        return [Revision(*row) for row in cursor.execute(sql, values).fetchall()]

    def refresh(self) -> None:
        """Take over what another process has written since; nothing to do for the writer itself."""
        if self._held is not None or not self._journal.exists() or self._journal.stat().st_size == self._size:
            return
        with self._lock:
            data = self._journal.read_bytes()
            acts, _ = parse(data)
            self._connection, self.count, self._size = _in_memory(acts), len(acts), len(data)

    # -- writing

    def write(self, feature_id: int, act: Callable[[Revision | None], Revision]) -> Revision:
        """Add the act that ``act`` makes of the feature's latest one; nobody writes in between.

        Raises:
            WorkspaceError: another process is writing, or the disk can't be written.
        """
        with self._lock:
            if self._held is None and not self._become_writer():
                raise WorkspaceError(
                    "Another running copy of this program edits this workspace; make the edit there, or close it and try again."
                )
            made = act(self.last(feature_id))
            append(self._journal, made)
            try:
                _add(self._connection, [made], self.count)
                self.count += 1
            except duckdb.Error:
                # The act is safe in the journal, so it stands. The next start makes the file anew.
                acts, _ = parse(self._journal.read_bytes())
                self._connection, self.count = _in_memory(acts), len(acts)
            return made

    def _become_writer(self) -> bool:
        try:
            file = self._locked.open("a")
        except OSError:
            return False
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return False
        try:
            acts, _ = parse(self._journal.read_bytes()) if self._journal.exists() else ([], 0)
            self._connection, self.count = self._level(acts), len(acts)
            mend(self._journal)
        except WorkspaceError:
            file.close()
            raise
        self._held = file
        return True

    def _level(self, acts: list[Revision]) -> duckdb.DuckDBPyConnection:
        """The database, brought to where the journal is: filled up, or made anew where it can't be read or differs."""
        try:
            connection = duckdb.connect(str(self._database))
            try:
                connection.execute(TABLE)
                known = [Revision(*row) for row in connection.execute(ALL).fetchall()]
                if len(known) <= len(acts) and known == acts[: len(known)]:
                    _add(connection, acts[len(known) :], len(known))
                    return connection
            except duckdb.Error:
                known = []
            connection.close()
        except duckdb.Error:
            known = []
        if len(known) > len(acts):
            raise WorkspaceError(
                "curation.jsonl holds fewer edits than curation.duckdb; restore it from a backup, or delete curation.duckdb to "
                "go on without them."
            )
        try:
            for leftover in (self._database, self._database.with_name(self._database.name + ".wal")):
                leftover.unlink(missing_ok=True)
            connection = duckdb.connect(str(self._database))
            connection.execute(TABLE)
            _add(connection, acts, 0)
        except (duckdb.Error, OSError) as error:
            raise WorkspaceError(
                "curation.duckdb can't be written; make room on the disk and the workspace's folder writable."
            ) from error
        return connection


def _in_memory(acts: list[Revision]) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(":memory:")
    connection.execute(TABLE)
    _add(connection, acts, 0)
    return connection


def _add(connection: duckdb.DuckDBPyConnection, acts: list[Revision], count: int) -> None:
    """Add ``acts`` after the ``count`` first ones, all or none."""
    if acts:
        rows = pa.Table.from_pylist([asdict(act) | {"seq": count + place} for place, act in enumerate(acts, start=1)])
        cursor = connection.cursor()
        cursor.register("given", rows)
        cursor.execute(ADD)
        cursor.unregister("given")
