"""curation.jsonl: one line an act of a curator, on the disk before the act is acknowledged. It is the truth; the rest is derived."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from saerad_core.errors import WorkspaceError

Kind = Literal["description", "status", "revert"]
Status = Literal["edited", "accepted", "rejected", "unsure", "suggested"]


@dataclass(frozen=True)
class Revision:
    """One act of a curator on one feature, and what counts after it."""

    feature_id: int
    number: int
    """Counts the acts on this feature from 1."""
    kind: Kind
    """description: wrote a text. status: judged the text. revert: went back to the program's text."""
    text: str
    """The curator's text that counts after the act; "" where the program's does."""
    status: Status
    """What counts after the act: edited (by a description), the judgement, or suggested (after a revert)."""
    author: str
    at: str
    """UTC, ISO 8601."""
    base: int
    """Number of the revision that the curator saw; 0 for none."""


_LINE = TypeAdapter(Revision)


def parse(data: bytes) -> tuple[list[Revision], int]:
    """The acts in a journal's bytes, in order, and how many bytes they take.

    A torn last line, as a power cut leaves it, was never acknowledged: it is not counted.

    Raises:
        WorkspaceError: an earlier line is damaged, or a feature's acts are not numbered from 1.
    """
    acts: list[Revision] = []
    numbers: dict[int, int] = {}
    taken = 0
    lines = data.split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    for place, line in enumerate(lines, start=1):
        try:
            act = _LINE.validate_json(line, strict=True)
        except ValidationError as error:
            if place == len(lines):
                break
            raise WorkspaceError(f"curation.jsonl is damaged in line {place}; restore it from a backup.") from error
        if act.number != numbers.get(act.feature_id, 0) + 1:
            raise WorkspaceError(f"curation.jsonl lacks an edit before line {place}; restore it from a backup.")
        numbers[act.feature_id] = act.number
        acts.append(act)
        taken += len(line) + 1
    # The last act may lack its line's end.
    return acts, min(taken, len(data))


def append(path: Path, act: Revision) -> None:
    """Write one act and wait until it is on the disk.

    Raises:
        WorkspaceError: it can't be written; the journal is as before.
    """
    line = (json.dumps(asdict(act), ensure_ascii=False) + "\n").encode()
    try:
        new = not path.exists()
        with path.open("ab") as file:
            before = file.tell()
            try:
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
            except OSError:
                file.truncate(before)
                raise
        if new:
            _sync_folder(path.parent)
    except OSError as error:
        raise WorkspaceError("The edit could not be written to the disk; make room there and save again.") from error


def mend(path: Path) -> None:
    """Cut off what follows the last whole act, and end that act's line.

    Raises:
        WorkspaceError: the journal is damaged, or can't be read or written.
    """
    try:
        data = path.read_bytes() if path.exists() else b""
        _, taken = parse(data)
        if taken == len(data) and (not data or data.endswith(b"\n")):
            return
        with path.open("r+b") as file:
            file.truncate(taken)
            file.seek(taken)
            if taken and not data[:taken].endswith(b"\n"):
                file.write(b"\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise WorkspaceError(
            "curation.jsonl can't be opened; make the workspace's folder readable and writable."
        ) from error


def _sync_folder(folder: Path) -> None:
    # The name of a new file is on the disk only when its folder is.
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
