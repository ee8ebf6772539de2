"""Which feature is worth a curator's next minute."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal, NamedTuple

from saerad_core.store.curation.events import Status
from saerad_core.store.curation.snapshot import Snapshot
from saerad_core.store.curation.state import FeatureState


@dataclass(frozen=True)
class Worth:
    """What makes a feature worth looking at, by feature_id. What is left empty counts as 1 for all."""

    frequency: Mapping[int, float]
    """Share of training X-rays that show it; the features that are queued are those named here."""
    use: Mapping[int, float] = field(default_factory=dict)
    """Share of reports that its text enters."""
    score: Mapping[int, float] = field(default_factory=dict)
    """The program's own score of its description, 0 to 1; scores in the journal count before it."""
    complaints: Mapping[int, int] = field(default_factory=dict)
    """Report sentences resting on it that a reader rejected and that no decision on the feature has answered since."""


@dataclass(frozen=True)
class QueueFilter:
    """Which features are queued."""

    statuses: tuple[Status, ...] = ("pending", "draft", "second")
    complained: Literal["", "too", "only"] = ""
    """Features with unanswered complaints: of whatever status too, or these only."""
    author: str = ""
    """For whom: what they put off is left out or comes last, and their own calls for a second reader aren't theirs to answer."""
    assigned: str | None = None
    """Only features given to this curator; "" for those given to nobody; None for all."""
    tag: str = ""
    list: str = ""
    disputed: bool | None = None
    """Only features on which readers differ, or only others."""
    unread_by: str = ""
    """Only features that this reader has not read on their own, for double reading."""
    readings: int | None = None
    """Only features that so many readers have read."""
    among: frozenset[int] | None = None
    """Only these."""
    merged: bool = False
    """Whether members of groups are queued too; usually the group's own feature stands for them."""


class Queued(NamedTuple):
    """A feature and why it is where it is: value = frequency x use x doubt x complaints."""

    feature_id: int
    value: float
    frequency: float
    use: float
    doubt: float
    """1 - score; 1 where readers differ or nobody scored it."""
    complaints: float
    """1 + rejected report sentences."""
    later: bool
    """Put off by the curator, so it comes last."""


def queue_by_value(worth: Worth, now: Snapshot, wanted: QueueFilter = QueueFilter(), today: str = "") -> list[Queued]:
    """The features that fit, the most valuable first; of equal ones the more frequent, then the lower number.

    Args:
        worth: what is known of the features.
        now: what curators said.
        wanted: which to queue.
        today: ISO date, for what was put off; "": today, UTC.
    """
    today = today or datetime.now(UTC).date().isoformat()
    found = []
    for feature_id, frequency in worth.frequency.items():
        if wanted.among is not None and feature_id not in wanted.among:
            continue
        state = now[feature_id]
        until = state.deferred.get(wanted.author)
        if not _fits(state, wanted) or (until and until > today):
            continue
        use = worth.use.get(feature_id, 0.0) if worth.use else 1.0
        doubt = doubt_of(state, worth.score.get(feature_id))
        complaints = 1.0 + worth.complaints.get(feature_id, 0)
        value = frequency * use * doubt * complaints
        found.append(Queued(feature_id, value, frequency, use, doubt, complaints, until == ""))
    return sorted(found, key=lambda one: (one.later, -one.value, -one.frequency, one.feature_id))


def doubt_of(state: FeatureState, score: float | None = None) -> float:
    """1 - score, 0 to 1: of people's tests, else of the machine's in the journal, else ``score``; 1 where readers differ."""
    if state.disputed:
        return 1.0
    for known in (state.human_score(), state.machine_score(), score):
        if known is not None:
            return 1.0 - min(1.0, max(0.0, known))
    return 1.0


def _fits(state: FeatureState, wanted: QueueFilter) -> bool:
    own_call = state.status == "second" and wanted.author and state.author == wanted.author
    called = bool(state.unanswered)
    stands = (state.status in wanted.statuses and wanted.complained != "only") or (bool(wanted.complained) and called)
    if not stands or own_call or (state.merged_into is not None and not wanted.merged):
        return False
    if wanted.assigned is not None and state.assigned != wanted.assigned:
        return False
    if (wanted.tag and wanted.tag not in state.tags) or (wanted.list and wanted.list not in state.lists):
        return False
    if wanted.disputed is not None and state.disputed != wanted.disputed:
        return False
    readers = {one.author for one in state.readings}
    if wanted.unread_by and wanted.unread_by in readers:
        return False
    return wanted.readings is None or len(readers) == wanted.readings


def place_in(queue: Sequence[Queued], feature_id: int) -> int | None:
    """Place of a feature in a queue, from 0; None where it isn't in it."""
    return next((place for place, one in enumerate(queue) if one.feature_id == feature_id), None)
