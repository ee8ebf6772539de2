"""All events of one workspace: the journal, the database made from it, and what counts now.

One process writes; it holds a lock on curation.lock. Any other reads the journal into a database in memory.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO, Any
from weakref import WeakValueDictionary

import duckdb

from saerad_core.errors import WorkspaceError
from saerad_core.store.curation import database
from saerad_core.store.curation.database import Stored, event_of, in_memory, level, row_of
from saerad_core.store.curation.events import Event
from saerad_core.store.curation.journal import Parsed, append, mend, parse, read, written
from saerad_core.store.curation.snapshot import Snapshot, View

BUSY = "Another running copy of this program edits this workspace; make the edit there, or close it and try again."

_shared: WeakValueDictionary[Path, Ledger] = WeakValueDictionary()
_sharing = threading.Lock()


def ledger_of(journal: Path, path: Path, sae: str) -> Ledger:
    """The process's one ledger of a workspace: two would shut each other out of its lock."""
    with _sharing:
        known = _shared.get(journal.resolve())
        if known is not None and not (known.still_there() and known.sae == sae):
            # DuckDB would go on with the old file, which has no name any more, as long as anything holds it open.
            known.close()
            known = None
        if known is None:
            known = Ledger(journal, path, sae)
            _shared[journal.resolve()] = known
        return known


class Ledger:
    """Events in the order in which they were written; safe to share between threads."""

    def __init__(self, journal: Path, path: Path, sae: str) -> None:
        """Open it, for writing where no other process does.

        Raises:
            WorkspaceError: the journal is damaged, or holds less than the database made from it.
        """
        self.sae = sae
        self._journal = journal
        self._database = path
        self._locked = journal.with_suffix(".lock")
        self._closed = False
        self._lock = threading.RLock()
        self._held: IO[str] | None = None
        self._size = -1
        """Bytes of the journal that the database holds, where another process writes it."""
        self._tip = ""
        self.notices: list[str] = []
        """What opening found that a person should know, in sentences."""
        self.view = View(sae)
        self._connection = in_memory([])
        with self._lock:
            if not self._become_writer():
                self.refresh()

    @property
    def writes(self) -> bool:
        """Whether this process is the one that writes."""
        return self._held is not None

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

    def ask(self, sql: str, values: Sequence[Any] = ()) -> list[Event]:
        """Events that a query of database.py finds."""
        return [event_of(row) for row in self.rows(sql, values)]

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[Stored]:
        """Rows that a query finds."""
        self.refresh()
        with self._lock:
            cursor = self._connection.cursor()
        return cursor.execute(sql, list(values)).fetchall()

    def refresh(self) -> None:
        """Take over what another process has written since; nothing to do for the writer itself."""
        if self._held is not None or not self._journal.exists() or self._journal.stat().st_size == self._size:
            return
        with self._lock:
            data = read(self._journal)
            parsed = parse(data)
            self._take(parsed)
            self._connection, self._size = in_memory(_rows(parsed)), len(data)

    def snapshot(self) -> Snapshot:
        """What counts now."""
        self.refresh()
        with self._lock:
            return self.view.snapshot()

    def _take(self, parsed: Parsed) -> None:
        view = View(self.sae)
        view.take(parsed.events)
        self.view, self._tip = view, parsed.tip

    # -- writing

    def write(self, make: Callable[[View], Sequence[Event]]) -> list[Event]:
        """Add the events that ``make`` makes of what counts now, all or none; nobody writes in between.

        ``make`` leaves seq, number, batch place and size to this function.

        Raises:
            WorkspaceError: another process is writing, or the disk can't be written.
        """
        with self._lock:
            if self._held is None and not self._become_writer():
                raise WorkspaceError(BUSY)
            made = list(make(self.view))
            if not made:
                return []
            numbers: dict[int, int] = {}
            events, lines, rows, tip = [], [], [], self._tip
            for place, event in enumerate(made, start=1):
                number = numbers.get(event.feature_id, self._last_number(event.feature_id)) + 1
                numbers[event.feature_id] = number
                seq = self.view.count + place
                size = (place, len(made)) if event.batch else (1, 1)
                event = replace(event, seq=seq, number=number, place=size[0], size=size[1])
                line, tip = written(event, tip)
                events.append(event)
                lines.append(line)
                rows.append(row_of(event, tip))
            self._commit(events, lines, rows, tip)
            return events

    def append_as_given(self, given: Sequence[Event]) -> list[Event]:
        """Add events that another store wrote, with their numbers and dates; their places are this journal's.

        A bulk act of which only a part is given becomes single events of one batch: a batch that isn't whole counts as torn.
        """
        with self._lock:
            if self._held is None and not self._become_writer():
                raise WorkspaceError(BUSY)
            numbers: dict[int, int] = {}
            events, lines, rows, tip = [], [], [], self._tip
            for place, event in enumerate(_whole_batches(given), start=1):
                if event.number != numbers.get(event.feature_id, self._last_number(event.feature_id)) + 1:
                    raise WorkspaceError("Somebody edited these features in the meantime; start again.")
                numbers[event.feature_id] = event.number
                event = replace(event, seq=self.view.count + place)
                line, tip = written(event, tip)
                events.append(event)
                lines.append(line)
                rows.append(row_of(event, tip))
            if events:
                self._commit(events, lines, rows, tip)
            return events

    def _commit(self, events: list[Event], lines: list[bytes], rows: list[Stored], tip: str) -> None:
        append(self._journal, lines)
        self._tip = tip
        try:
            database.add(self._connection, rows)
        except duckdb.Error:
            # The events are safe in the journal, so they stand. The next start makes the file anew.
            self._connection = in_memory(_rows(parse(read(self._journal))))
        self.view.take(events, lambda feature_id: self.ask(database.HISTORY, [feature_id]))

    def _last_number(self, feature_id: int) -> int:
        if not self.view.foreign:
            return self.view.own(feature_id).number
        rows = self.rows("SELECT max(number) FROM events WHERE feature_id = ?", [feature_id])
        return int(rows[0][0] or 0)

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
            self._level()
        except WorkspaceError:
            file.close()
            raise
        self._held = file
        return True

    def _level(self) -> None:
        data = read(self._journal)
        parsed = parse(data)
        connection, said = level(self._database, _rows(parsed))
        if parsed.torn or (data and not data.endswith(b"\n")):
            try:
                mend(self._journal, parsed)
            except WorkspaceError:
                connection.close()
                raise
        if parsed.torn:
            said.append(
                "The last edit in curation.jsonl was cut short when the program was stopped: it had never been confirmed, and was "
                "taken out (kept in curation.jsonl.torn)."
            )
        self._take(parsed)
        if self.view.foreign:
            said.append(
                f"{self.view.foreign} edits are about the features of another SAE; they are kept and don't count here."
            )
        self._connection, self.notices = connection, said


def _rows(parsed: Parsed) -> list[Stored]:
    return [row_of(event, own) for event, own in zip(parsed.events, parsed.hashes, strict=True)]


def _whole_batches(events: Sequence[Event]) -> list[Event]:
    kept: list[Event] = []
    start = 0
    while start < len(events):
        stop = start + events[start].size
        run = events[start:stop]
        if [(one.batch, one.place, one.size) for one in run] == [
            (events[start].batch, place, events[start].size) for place in range(1, events[start].size + 1)
        ]:
            kept += run
            start = stop
        else:
            kept.append(replace(events[start], place=1, size=1))
            start += 1
    return kept
