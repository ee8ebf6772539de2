"""Making a damaged journal whole again from the database. Only when a person asks for it: which of the two is older is theirs to know."""

from __future__ import annotations

import os

import duckdb

from saerad_core.errors import WorkspaceError
from saerad_core.locks import only_one
from saerad_core.store.curation.database import HASH, all_rows, event_of, set_aside
from saerad_core.store.curation.journal import parse, read, written
from saerad_core.store.curation.ledger import BUSY
from saerad_core.workspace import Workspace


def repair(workspace: Workspace) -> str:
    """Write curation.jsonl anew from curation.duckdb where the journal is damaged or has lost lines; what was done, in a sentence.

    Every line of version 2 is checked against its hash, so that a line that comes back is the one that was lost, byte for byte. The
    damaged journal is renamed, not deleted.

    Raises:
        WorkspaceError: the database can't stand in, or another process has the workspace open.
    """
    journal = workspace.curation_journal
    with only_one(journal.with_suffix(".lock"), WorkspaceError(BUSY)):
        data = read(journal)
        try:
            whole = parse(data)
        except WorkspaceError:
            whole = None
        rows = _rows(workspace)
        if whole is not None and len(whole.events) >= len(rows):
            return "curation.jsonl is whole; nothing was changed."
        lines, events, tip = data.split(b"\n"), [], ""
        restored = b""
        for place, row in enumerate(rows):
            event, own = event_of(row), str(row[HASH])
            events.append(event)
            if not own:
                # Version 1 kept no hash: only the journal's own line will do.
                if place >= len(lines):
                    raise _cannot(place + 1)
                restored += lines[place] + b"\n"
                continue
            tip = tip or parse(restored).tip
            line, found = written(event, tip)
            if found != own:
                raise _cannot(place + 1)
            restored, tip = restored + line, found
        if parse(restored).events != events:
            raise _cannot(len(events))
        kept = set_aside(journal) if journal.exists() else ""
        part = journal.with_name(journal.name + ".part")
        with part.open("wb") as file:
            file.write(restored)
            file.flush()
            os.fsync(file.fileno())
        part.replace(journal)
        found_before = len(whole.events) if whole is not None else 0
        return (
            f"curation.jsonl was made whole from curation.duckdb: {len(rows)} edits"
            + (f", {len(rows) - found_before} of them had been lost" if whole is not None else "")
            + (f"; the damaged file is kept as {kept}." if kept else ".")
        )


def _rows(workspace: Workspace) -> list[tuple]:
    try:
        with duckdb.connect(str(workspace.curation_db), read_only=True) as file:
            return all_rows(file)
    except duckdb.Error as error:
        raise WorkspaceError("curation.duckdb can't be read; restore curation.jsonl from a backup.") from error


def _cannot(place: int) -> WorkspaceError:
    return WorkspaceError(f"curation.duckdb doesn't hold edit {place} whole; restore curation.jsonl from a backup.")
