"""Who did how much, and how far the whole is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from saerad_core.store.curation.events import STATUSES
from saerad_core.store.curation.snapshot import Snapshot


@dataclass
class AuthorProgress:
    """One author's work."""

    author: str
    acts: dict[str, int] = field(default_factory=dict)
    """Kind -> events written, whether or not they still count."""
    features: int = 0
    """Features whose last deciding word is theirs."""
    accepted: int = 0
    """... of them, accepted."""
    assigned: int = 0
    """Features given to them that nobody accepted or rejected yet."""
    first: str = ""
    """Of their events; UTC, ISO 8601."""
    last: str = ""


@dataclass(frozen=True)
class Progress:
    """All authors, busiest first, and the features by status."""

    authors: list[AuthorProgress]
    statuses: dict[str, int]
    """Status -> features with events that have it. Untouched features, which are pending, aren't among them."""
    disputed: int
    """Features on which readers differ."""


def progress(rows: Iterable[tuple[Any, ...]], now: Snapshot) -> Progress:
    """From rows (author, kind, events, features, first, last) and what counts now."""
    authors: dict[str, AuthorProgress] = {}
    for author, kind, events, _, first, last in rows:
        one = authors.setdefault(author, AuthorProgress(author, first=first))
        one.acts[kind] = events
        one.first, one.last = min(one.first, first), max(one.last, last)
    states = now.all().values()
    for state in states:
        if state.author:
            one = authors.setdefault(state.author, AuthorProgress(state.author))
            one.features += 1
            one.accepted += state.status == "accepted"
        if state.assigned and state.status not in ("accepted", "rejected"):
            authors.setdefault(state.assigned, AuthorProgress(state.assigned)).assigned += 1
    found = Counter(state.status for state in states)
    ordered = sorted(authors.values(), key=lambda one: (-sum(one.acts.values()), one.author))
    return Progress(ordered, {status: found[status] for status in STATUSES}, sum(state.disputed for state in states))
