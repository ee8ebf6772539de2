"""study.jsonl: one line a mark, on the disk before it is acknowledged; nothing in it is ever changed.

As in curation.jsonl (store/curation/journal.py) every line ends in a hash of itself and of the line before it. A last line that a power cut
left in part is kept beside the file and doesn't count. Any number of processes may write: each takes the file's lock for one line.
"""

from __future__ import annotations

import fcntl
import json
import os
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import IO

from saerad_core.errors import WorkspaceError
from saerad_core.locks import sync_folder

NAME = "study.jsonl"
MARKS: dict[str, str] = {
    "correct": "Nothing to change.",
    "minor": "Wrong in a way that changes nothing for the patient.",
    "significant": "Wrong in a way that could change what is done.",
}
"""What a sentence can be marked as."""
KINDS = ("sentence", "omitted", "preferred")
PREFERENCES = ("A", "B", "equal")
OMITTED = ("", "minor", "significant")
"""Weight of an omitted finding; "" takes it back."""
LONGEST = 2_000
LONGEST_NAME = 80
HASHED = 32


@dataclass(frozen=True)
class Marked:
    """One act of a reader."""

    study: str
    """Design.name."""
    kind: str
    """sentence: a mark of one; omitted: a finding that the report lacks; preferred: of a pair."""
    reader: str
    image_id: str
    patient_id: str
    source: str
    """Who wrote the report; of a preference the source preferred, or equal."""
    sentence: int
    """Number in the report; -1 where the act is of none."""
    text: str
    """The sentence, or the omitted finding in the reader's words."""
    mark: str
    """One of MARKS, of OMITTED, or of PREFERENCES."""
    verified: bool = False
    """Whether a login verified the reader's name."""
    at: str = ""
    """UTC, to the second."""

    def check(self) -> None:
        """Raise WorkspaceError where it isn't one."""
        allowed = {"sentence": tuple(MARKS), "omitted": OMITTED, "preferred": PREFERENCES}.get(self.kind, ())
        if self.mark not in allowed:
            raise WorkspaceError(
                f"A {self.kind} is marked {', '.join(one for one in allowed if one)}, not {self.mark!r}."
            )
        if not self.reader.strip() or len(self.reader) > LONGEST_NAME:
            raise WorkspaceError(f"Say who you are first; a name has at most {LONGEST_NAME} characters.")
        if (
            len(self.text) > LONGEST
            or not self.text.isprintable()
            or (self.kind != "preferred" and not self.text.strip())
        ):
            raise WorkspaceError(f"A mark is of one line of text, of at most {LONGEST} characters.")


class StudyJournal:
    """The marks of one workspace; safe to share between threads and processes."""

    def __init__(self, root: Path) -> None:
        self.path = root / NAME

    def add(self, mark: Marked) -> Marked:
        """Write one, and wait until it is on the disk.

        Raises:
            WorkspaceError: it isn't one, the file is damaged, or the disk can't be written; nothing is then kept.
        """
        mark.check()
        mark = replace(mark, at=datetime.now(UTC).isoformat(timespec="seconds"))
        try:
            with self.path.open("a+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                file.seek(0)
                data = file.read()
                _, tip, taken = parse(data)
                if taken < len(data):
                    self._set_aside(file, data, taken)
                body = json.dumps(asdict(mark), ensure_ascii=False, separators=(",", ":"))[:-1].encode()
                line = body + f',"hash":"{_hash(tip, body)}"}}\n'.encode()
                try:
                    file.seek(0, os.SEEK_END)
                    file.write(line)
                    file.flush()
                    os.fsync(file.fileno())
                except OSError:
                    file.truncate(taken)
                    raise
            if not data:
                sync_folder(self.path.parent)
        except OSError as error:
            raise WorkspaceError(
                "The mark could not be written to the disk; make room there and mark again."
            ) from error
        return mark

    def marks(self, study: str = "") -> list[Marked]:
        """All marks in the order in which they were made, of one study where it is named.

        Raises:
            WorkspaceError: a line other than the last is damaged or missing.
        """
        try:
            data = self.path.read_bytes() if self.path.exists() else b""
        except OSError as error:
            raise WorkspaceError("study.jsonl can't be opened; make the workspace's folder readable.") from error
        return [mark for mark in parse(data)[0] if study in ("", mark.study)]

    def _set_aside(self, file: IO[bytes], data: bytes, taken: int) -> None:
        """Cut off what was never acknowledged, and keep it beside the journal."""
        with self.path.with_name(self.path.name + ".torn").open("ab") as torn:
            torn.write(data[taken:] + b"\n")
            torn.flush()
            os.fsync(torn.fileno())
        file.truncate(taken)


def parse(data: bytes) -> tuple[list[Marked], str, int]:
    """The marks in a journal's bytes, the hash that the next line starts from, and the bytes of whole lines.

    Raises:
        WorkspaceError: a line other than the last is damaged or missing.
    """
    marks: list[Marked] = []
    tip, taken = "", 0
    lines = data.split(b"\n")
    for number, line in enumerate(lines[:-1], start=1):
        body, _, end = line.rpartition(b',"hash":"')
        try:
            own = end[:HASHED].decode()
            if end[HASHED:] != b'"}' or _hash(tip, body) != own:
                raise ValueError("another hash")
            marks.append(Marked(**json.loads(body + b"}")))
        except (ValueError, TypeError) as error:
            raise WorkspaceError(f"study.jsonl is damaged in line {number}; restore it from a backup.") from error
        tip = own
        taken += len(line) + 1
    return marks, tip, taken


def _hash(tip: str, body: bytes) -> str:
    return sha256(tip.encode() + body).hexdigest()[:HASHED]
