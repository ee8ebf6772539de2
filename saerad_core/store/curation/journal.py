"""curation.jsonl: one line an event, on the disk before the event is acknowledged. It is the truth; the rest is derived.

Every line ends in a hash of itself and of the line before it, so that no line can be changed, lost or put in between without being found.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from saerad_core.errors import WorkspaceError
from saerad_core.locks import sync_folder
from saerad_core.store.curation.events import VERSION, Event, as_dict
from saerad_core.store.curation.versions import from_version_1

_HEAD = re.compile(rb'\{"v":(\d+),')
_TAIL = re.compile(rb',"hash":"([0-9a-f]{32})"\}\Z')
_TAIL_LENGTH = len(b',"hash":"') + 32 + len(b'"}')
HASHED = 32
"""Hex digits of a hash: 128 bits of a sha256."""
TORN = ".torn"
"""Suffix of the file that keeps what was cut off."""


class Parsed(NamedTuple):
    """What a journal's bytes hold."""

    events: list[Event]
    hashes: list[str]
    """Of each event's line; "" for lines of version 1."""
    taken: int
    """Bytes of the events' lines."""
    tip: str
    """What the next line's hash starts from."""
    torn: bytes
    """What follows the last whole event: as a power cut leaves it, or damage to the last line."""


def parse(data: bytes) -> Parsed:
    """The events in a journal's bytes, in order.

    A last line or a last batch that isn't whole counts as torn.

    Raises:
        WorkspaceError: an earlier line is damaged or missing, or a newer version of this program wrote it.
    """
    events: list[Event] = []
    hashes: list[str] = []
    numbers: dict[int, int] = {}
    tip = ""
    start, ends = 0, 0
    old = sha256()
    while start < len(data):
        stop = data.find(b"\n", start)
        stop = len(data) if stop < 0 else stop
        line = data[start:stop]
        place = len(events) + 1
        last = stop >= len(data) - 1
        head = _HEAD.match(line)
        try:
            if head is None:
                if hashes and hashes[-1]:
                    raise ValueError("a line of version 1 after one of version 2")
                event, tip = from_version_1(line, place), ""
                old.update(line + b"\n")
            elif int(head[1]) > VERSION:
                raise WorkspaceError(
                    f"curation.jsonl was written by a newer version of this program (format {int(head[1])}); update the program."
                )
            else:
                tip = tip or (old.hexdigest()[:HASHED] if events else "")
                event, tip = _read(line, tip)
        except (ValueError, TypeError, KeyError, ValidationError) as error:
            if isinstance(error, WorkspaceError):
                raise
            # A tear leaves a part of a line; a whole one that is wrong was damaged later.
            if last and not (stop < len(data) and head and _TAIL.search(line)):
                break
            raise WorkspaceError(f"curation.jsonl is damaged in line {place}; restore it from a backup.") from error
        if event.seq != place or event.number != numbers.get(event.feature_id, 0) + 1:
            raise WorkspaceError(f"curation.jsonl lacks an edit before line {place}; restore it from a backup.")
        numbers[event.feature_id] = event.number
        events.append(event)
        hashes.append(tip)
        # The last line may lack its end.
        ends = min(stop + 1, len(data))
        start = stop + 1
    if events and not tip:
        tip = old.hexdigest()[:HASHED]
    short = events[-1].place if events and events[-1].place < events[-1].size else 0
    if short:
        # A batch was cut short: none of it was acknowledged, so none of it counts.
        whole = parse(data[: _before(data[:ends], short)])
        return whole._replace(torn=data[whole.taken :])
    return Parsed(events, hashes, ends, tip, data[ends:])


def _before(data: bytes, lines: int) -> int:
    """Where the last ``lines`` lines of ``data`` begin."""
    at = len(data.rstrip(b"\n"))
    for _ in range(lines):
        at = data.rfind(b"\n", 0, at)
    return at + 1


def _read(line: bytes, tip: str) -> tuple[Event, str]:
    tail = _TAIL.search(line)
    if tail is None:
        raise ValueError("no hash")
    found = tail[1].decode()
    if _hash(tip, line[:-_TAIL_LENGTH]) != found:
        raise ValueError("another hash")
    held: dict[str, Any] = json.loads(line)
    del held["v"], held["hash"]
    return Event(**held), found


def _hash(tip: str, body: bytes) -> str:
    return sha256(tip.encode() + body).hexdigest()[:HASHED]


def written(event: Event, tip: str) -> tuple[bytes, str]:
    """An event's line with its end, after a line of hash ``tip``; and its own hash."""
    # Without means a line of version 2, byte for byte as it was always written: what is here already keeps its hash.
    held = {"v": VERSION if event.means else 2} | as_dict(event)
    body = json.dumps(held, ensure_ascii=False, separators=(",", ":"))[:-1].encode()
    own = _hash(tip, body)
    return body + f',"hash":"{own}"}}\n'.encode(), own


def append(path: Path, lines: Sequence[bytes]) -> None:
    """Write lines and wait until they are on the disk.

    Raises:
        WorkspaceError: they can't be written; the journal is as before.
    """
    try:
        new = not path.exists()
        with path.open("ab") as file:
            before = file.tell()
            try:
                file.write(b"".join(lines))
                file.flush()
                os.fsync(file.fileno())
            except OSError:
                file.truncate(before)
                raise
        if new:
            sync_folder(path.parent)
    except OSError as error:
        raise WorkspaceError("The edit could not be written to the disk; make room there and save again.") from error


def mend(path: Path, parsed: Parsed) -> None:
    """Cut off what was never acknowledged, keeping it beside the journal, and end the last event's line.

    Raises:
        WorkspaceError: the journal can't be written.
    """
    try:
        if parsed.torn:
            with path.with_name(path.name + TORN).open("ab") as file:
                file.write(parsed.torn + b"\n")
                file.flush()
                os.fsync(file.fileno())
        with path.open("r+b") as file:
            file.truncate(parsed.taken)
            file.seek(max(0, parsed.taken - 1))
            if parsed.taken and file.read(1) != b"\n":
                file.write(b"\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise WorkspaceError(
            "curation.jsonl can't be opened; make the workspace's folder readable and writable."
        ) from error


def read(path: Path) -> bytes:
    """The journal's bytes; none where there is no journal.

    Raises:
        WorkspaceError: it can't be read.
    """
    try:
        return path.read_bytes() if path.exists() else b""
    except OSError as error:
        raise WorkspaceError(
            "curation.jsonl can't be opened; make the workspace's folder readable and writable."
        ) from error
