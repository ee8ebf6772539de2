"""What curators say about features. Nothing is overwritten: every act is an event, and the latest one counts."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import get_args

from saerad_core.errors import SaeRadError
from saerad_core.store.journal import Kind, Revision, Status
from saerad_core.store.ledger import Ledger, ledger_of
from saerad_core.workspace import Workspace

__all__ = ["JUDGEMENTS", "ConflictError", "CuratedFeature", "CurationStore", "Revision"]

JUDGEMENTS = ("accepted", "rejected", "unsure")
LONGEST_TEXT = 500
LONGEST_NAME = 80
_BIDI = {chr(code) for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))}
"""Characters that make a text read in another order than it is written."""


class ConflictError(SaeRadError):
    """Somebody else changed the feature since it was looked at."""

    def __init__(self, message: str, current: Revision | None) -> None:
        super().__init__(message)
        self.current = current
        """The latest act on the feature."""


@dataclass(frozen=True)
class CuratedFeature:
    """What counts for a feature that a curator has touched."""

    feature_id: int
    text: str
    """"" where the curator judged the program's text without changing it."""
    status: Status
    """edited, accepted, rejected or unsure."""
    author: str
    at: str
    """UTC, ISO 8601."""
    revision: int
    """Number of the act; the base of the next one."""


class CurationStore:
    """Curators' descriptions and judgements of one workspace; safe to share between threads."""

    def __init__(self, workspace: Workspace, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        """Open it; for reading only where another process writes it.

        Raises:
            WorkspaceError: the journal is damaged.
        """
        self._features = workspace.manifest.counts.features
        self._now = now
        self._ledger: Ledger = ledger_of(workspace.curation_journal, workspace.curation_db)

    @property
    def revision(self) -> int:
        """Acts on all features; grows with every one."""
        self._ledger.refresh()
        return self._ledger.count

    def current(self, feature_id: int) -> CuratedFeature | None:
        """What counts for a feature; None where nobody touched it or the last act went back to the program's text."""
        return _curated(self._ledger.last(feature_id))

    def all_current(self) -> dict[int, CuratedFeature]:
        """The same for every feature that has one."""
        found = (_curated(act) for act in self._ledger.latest())
        return {one.feature_id: one for one in found if one is not None}

    def history(self, feature_id: int) -> list[Revision]:
        """Every act on a feature, oldest first."""
        return self._ledger.history(feature_id)

    def save_description(self, feature_id: int, text: str, author: str, base_revision: int) -> Revision:
        """Let ``text`` count for a feature.

        Args:
            feature_id: which feature.
            text: 1 to 500 characters on one line.
            author: who says so, 1 to 80 characters.
            base_revision: number of the latest act that the author saw; 0 for none.

        Raises:
            ConflictError: there is a later act.
            SaeRadError: the text, the name or the feature won't do, or another process is writing.
        """
        text = _checked(text, "description", LONGEST_TEXT)
        return self._write(feature_id, "description", author, base_revision, lambda _: (text, "edited"))

    def set_status(self, feature_id: int, status: str, author: str, base_revision: int) -> Revision:
        """Judge the text that counts: accepted, rejected or unsure; raises like save_description."""
        if status not in JUDGEMENTS:
            raise SaeRadError(f"There is no judgement {status[:40]!r}; take one of {', '.join(JUDGEMENTS)}.")
        judged: Status = next(one for one in get_args(Status) if one == status)
        return self._write(
            feature_id, "status", author, base_revision, lambda last: (last.text if last else "", judged)
        )

    def revert(self, feature_id: int, author: str, base_revision: int) -> Revision:
        """Let the program's text count again; raises like save_description."""
        return self._write(feature_id, "revert", author, base_revision, lambda _: ("", "suggested"))

    def close(self) -> None:
        """Let go of the files; the store can't be used any more."""
        self._ledger.close()

    def _write(
        self,
        feature_id: int,
        kind: Kind,
        author: str,
        base: int,
        after: Callable[[Revision | None], tuple[str, Status]],
    ) -> Revision:
        author = _checked(author, "name", LONGEST_NAME)
        if not 0 <= feature_id < self._features:
            raise SaeRadError(f"There is no feature {feature_id}; this workspace has {self._features}, from 0.")

        def act(last: Revision | None) -> Revision:
            number = last.number if last else 0
            if base != number:
                who = last.author if last else "Nobody"
                raise ConflictError(
                    f"{who} changed feature {feature_id} in between; look at the latest text and save again.", last
                )
            text, status = after(last)
            at = self._now().astimezone(UTC).isoformat(timespec="seconds")
            return Revision(feature_id, number + 1, kind, text, status, author, at, base)

        return self._ledger.write(feature_id, act)


def _curated(act: Revision | None) -> CuratedFeature | None:
    if act is None or act.kind == "revert":
        return None
    return CuratedFeature(act.feature_id, act.text, act.status, act.author, act.at, act.number)


def _checked(text: str, what: str, longest: int) -> str:
    text = text.strip()
    if not text:
        raise SaeRadError(f"The {what} is empty; type one.")
    if len(text) > longest:
        raise SaeRadError(f"The {what} is too long; {longest} characters is the most.")
    if any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") or char in _BIDI for char in text):
        raise SaeRadError(f"The {what} holds a line break or a control character; type it on one line.")
    return text
