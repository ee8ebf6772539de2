"""What a person is shown whose edit rests on something older than what counts: the three texts, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, NamedTuple

from saerad_core.errors import SaeRadError
from saerad_core.store.curation.events import FIELDS, Event, Fields, Status
from saerad_core.store.curation.state import FeatureState


@dataclass(frozen=True)
class Mine:
    """What the person wanted to count; None for what the act leaves as it is."""

    text: str | None = None
    fields: Fields | None = None
    status: Status | None = None


class Difference(NamedTuple):
    """One thing in which theirs or mine differs from the base."""

    name: str
    """text, status or one of FIELDS."""
    base: Any
    theirs: Any
    mine: Any
    """What the person wanted; the base's where the act leaves it."""

    @property
    def clash(self) -> bool:
        """Whether both sides changed it, and not to the same."""
        return self.theirs != self.base and self.mine != self.base and self.theirs != self.mine


class ConflictError(SaeRadError):
    """Somebody else changed the feature since it was looked at. Nothing was written."""

    def __init__(
        self, message: str, current: Event | None, base: FeatureState, theirs: FeatureState, mine: Mine
    ) -> None:
        super().__init__(message)
        self.current = current
        """The latest deciding event on the feature."""
        self.base = base
        """What the person saw."""
        self.theirs = theirs
        """What counts now; theirs.revision is the base to save on."""
        self.mine = mine
        """What the person wanted."""

    def differences(self) -> list[Difference]:
        """Where the three differ: text first, then status, then fields."""
        return three_way(self.base, self.theirs, self.mine)


class ManyConflictsError(SaeRadError):
    """A bulk act touches features that somebody changed since. Nothing was written."""

    def __init__(self, message: str, conflicts: Sequence[SaeRadError], features: Sequence[int]) -> None:
        super().__init__(message)
        self.conflicts = tuple(conflicts)
        self.features = tuple(features)
        """Their numbers, in the order of conflicts."""


def three_way(base: FeatureState, theirs: FeatureState, mine: Mine) -> list[Difference]:
    """Every value that isn't the same in all three."""
    wanted = {"text": mine.text, "status": mine.status} | {
        name: None if mine.fields is None else getattr(mine.fields, name) for name in FIELDS
    }
    found = []
    for name, want in wanted.items():
        was, now = (getattr(one.fields if name in FIELDS else one, name) for one in (base, theirs))
        want = was if want is None else want
        if not was == now == want:
            found.append(Difference(name, was, now, want))
    return found


def changed_words(before: str, after: str) -> list[tuple[str, str]]:
    """(same | removed | added, words) that lead from one text to another, in reading order."""
    old, new = before.split(), after.split()
    parts: list[tuple[str, str]] = []
    for what, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if what == "equal":
            parts.append(("same", " ".join(old[a:b])))
            continue
        if b > a:
            parts.append(("removed", " ".join(old[a:b])))
        if d > c:
            parts.append(("added", " ".join(new[c:d])))
    return parts
