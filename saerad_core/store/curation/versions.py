"""Journal lines of earlier versions, read as events of today's. The lines themselves are never rewritten."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from pydantic import TypeAdapter

from saerad_core.store.curation.events import Event, checked_data


@dataclass(frozen=True)
class _Version1:
    """A line of version 1: one act, and what counts after it."""

    feature_id: int
    number: int
    kind: Literal["description", "status", "revert"]
    text: str
    status: Literal["edited", "accepted", "rejected", "unsure", "suggested"]
    author: str
    at: str
    base: int


_LINE_1 = TypeAdapter(_Version1)


def from_version_1(line: bytes, seq: int) -> Event:
    """The event that a line of version 1 means.

    `description` was an edit; `status` accepted, rejected, or couldn't tell (`unsure`), which today is a call for a second
    reader; `revert` went back to the program's text.

    Raises:
        pydantic.ValidationError: it isn't such a line.
    """
    act = _LINE_1.validate_json(line, strict=True)
    kind, data = _meaning(act)
    return Event(
        seq, act.feature_id, act.number, kind, act.author, False, act.at, act.base, "", "", 1, 1, checked_data(kind, data)
    )  # fmt: skip


def _meaning(act: _Version1) -> tuple[str, dict[str, Any]]:
    if act.kind == "description":
        return "edited", {"text": act.text}
    if act.kind == "revert":
        return "restored", {"to": 0}
    return {"accepted": "accepted", "rejected": "rejected"}.get(act.status, "flagged"), {}
