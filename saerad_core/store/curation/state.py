"""What counts for each feature: a view over its events, at any moment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from saerad_core.store.curation.events import DECIDING, Event, Fields, Status


class Note(NamedTuple):
    """A remark; notes are only ever added."""

    number: int
    author: str
    at: str
    text: str


class Score(NamedTuple):
    """One test of a description."""

    number: int
    author: str
    at: str
    by: str
    """human or machine."""
    test: str
    value: float
    """From 0 to 1: share of right answers, or what ``test`` names."""
    n: int
    """X-rays judged."""
    text: str
    """The description that was tested."""


class Proposal(NamedTuple):
    """A suggestion that nobody has taken yet."""

    number: int
    author: str
    at: str
    text: str
    fields: Fields
    source: str


class Reading(NamedTuple):
    """What one reader said on their own."""

    number: int
    author: str
    at: str
    text: str
    fields: Fields
    verdict: str
    """accepted, rejected or "" of the program's text."""
    blind: bool
    """Written before the program's and others' words were shown."""


class Complaint(NamedTuple):
    """A report's sentence that rested on the feature and that a reader rejected."""

    number: int
    author: str
    at: str
    sentence: str
    reason: str


@dataclass(frozen=True)
class FeatureState:
    """Everything that counts for one feature after some of its events."""

    feature_id: int
    revision: int = 0
    """Number of the latest deciding event: the base of the next one."""
    number: int = 0
    """Number of the latest event."""
    text: str = ""
    """A person's text, "" where the program's counts. Of a member of a group, the group's (see Snapshot)."""
    fields: Fields = Fields()
    status: Status = "pending"
    author: str = ""
    """Of the latest deciding event that counts."""
    at: str = ""
    """Of the same event; UTC, ISO 8601."""
    reason: str = ""
    """Why it was rejected or wants a second reader."""
    machine: str = ""
    """The program's text that was accepted, where it was."""
    tags: tuple[str, ...] = ()
    assigned: str = ""
    notes: tuple[Note, ...] = ()
    scores: tuple[Score, ...] = ()
    proposals: tuple[Proposal, ...] = ()
    readings: tuple[Reading, ...] = ()
    adjudicated: bool = False
    """Whether the text that counts is a decision between readings."""
    merged_into: int | None = None
    members: tuple[int, ...] = ()
    """Features merged into this one (filled in by Snapshot)."""
    deferred: Mapping[str, str] = field(default_factory=dict)
    """Author -> ISO date before which it isn't offered to them, "" for last of all."""
    lists: tuple[str, ...] = ()
    bookmarked: tuple[str, ...] = ()
    """Authors who marked it."""
    complaints: tuple[Complaint, ...] = ()
    """Every one; see `unanswered`."""
    pins: tuple[str, ...] = ()
    """Of WORKSPACE only: names of the pinned X-rays, in the order of pinning."""

    @property
    def touched(self) -> bool:
        """Whether a person's word counts here."""
        return self.status != "pending" or bool(self.text)

    @property
    def unanswered(self) -> tuple[Complaint, ...]:
        """Complaints that came after the latest deciding event: nobody has judged the feature since."""
        return tuple(one for one in self.complaints if one.number > self.revision)

    def human_score(self) -> float | None:
        """Share of right answers over all human detection tests of the latest text tested; None without one."""
        return _mean([one for one in self.scores if one.by == "human" and one.test == "detection"])

    def machine_score(self) -> float | None:
        """The machine's latest detection score; None without one."""
        found = [one for one in self.scores if one.by == "machine" and one.test == "detection"]
        return found[-1].value if found else None

    @property
    def disputed(self) -> bool:
        """Whether readers differ: in their verdict or in a field that each of them filled in."""
        latest = latest_readings(self.readings)
        if self.adjudicated or len(latest) < 2:
            return False
        for name in ("verdict", *Fields.__dataclass_fields__):
            said = {value for one in latest if (value := reading_value(one, name)) not in ("", None)}
            if len(said) > 1:
                return True
        return False


def latest_readings(readings: Iterable[Reading]) -> list[Reading]:
    """The last reading of each reader, in the order of first reading."""
    return list({one.author: one for one in readings}.values())


def reading_value(reading: Reading, name: str) -> Any:  # noqa: ANN401
    """What a reading says of ``verdict``, ``text`` or one of FIELDS."""
    return getattr(reading, name) if name in ("verdict", "text") else getattr(reading.fields, name)


def _mean(scores: Sequence[Score]) -> float | None:
    if not scores:
        return None
    same = [one for one in scores if one.text == scores[-1].text]
    n = sum(one.n for one in same)
    return sum(one.value * one.n for one in same) / n if n else None


def voided(events: Sequence[Event]) -> set[int]:
    """Numbers of one feature's events that were undone and count no more; an undoing can be undone too."""
    void: set[int] = set()
    for event in reversed(events):
        if event.kind == "undone" and event.number not in void:
            void.update(event.data["undoes"])
    return void


def decides(event: Event) -> bool:
    """Whether an event changes what counts, so that whoever hasn't seen it must look first."""
    return event.kind in DECIDING or (event.kind == "undone" and event.data["decides"])


def fold(events: Sequence[Event]) -> FeatureState | None:
    """What counts after the events of one feature, oldest first; None for none."""
    if not events:
        return None
    void = voided(events)
    state = FeatureState(events[0].feature_id)
    for event in events:
        state = replace(after(state, event, void), number=event.number)
        if decides(event):
            state = replace(state, revision=event.number)
    return state


def states(events: Sequence[Event]) -> list[FeatureState]:
    """What counted after each of one feature's events, oldest first."""
    return [state for i in range(len(events)) if (state := fold(events[: i + 1])) is not None]


def after(state: FeatureState, event: Event, void: set[int] | frozenset[int] = frozenset()) -> FeatureState:
    """What counts after one more event, numbers aside; of an undoing or something undone: what counted before."""
    if event.kind == "undone" or event.number in void:
        return state
    change = _CHANGES[event.kind](state, event, event.data)
    if event.kind in DECIDING:
        change |= {"author": event.author, "at": event.at}
    return replace(state, **change)


Change = dict[str, Any]


def _fields(data: Mapping[str, Any]) -> Fields:
    return Fields(**data["fields"])


def _edited(_: FeatureState, __: Event, data: Mapping[str, Any]) -> Change:
    return {
        "text": data["text"], "fields": _fields(data), "status": "draft", "reason": "", "machine": "", "adjudicated": False,
    }  # fmt: skip


def _adjudicated(_: FeatureState, __: Event, data: Mapping[str, Any]) -> Change:
    return {
        "text": data["text"], "fields": _fields(data), "status": data["status"], "reason": "", "machine": "", "adjudicated": True,
    }  # fmt: skip


def _restored(_: FeatureState, __: Event, data: Mapping[str, Any]) -> Change:
    return {
        "text": data["text"], "fields": _fields(data), "status": data["status"], "reason": "", "machine": "", "adjudicated": False,
    }  # fmt: skip


def _accepted(_: FeatureState, __: Event, data: Mapping[str, Any]) -> Change:
    return {"status": "accepted", "machine": data["machine"], "reason": ""}


def _judged(_: FeatureState, event: Event, data: Mapping[str, Any]) -> Change:
    return {"status": {"rejected": "rejected", "flagged": "second"}[event.kind], "reason": data["reason"]}


def _merged(_: FeatureState, __: Event, data: Mapping[str, Any]) -> Change:
    # The target's own event is there for its history: who its members are follows from theirs.
    return {"merged_into": data["into"]} if data["into"] is not None else {}


def _split(_: FeatureState, __: Event, data: Mapping[str, Any]) -> Change:
    return {
        "merged_into": None, "text": data["text"], "fields": _fields(data), "status": "draft" if data["text"] else "pending",
        "reason": "", "machine": "",
    }  # fmt: skip


def _tagged(state: FeatureState, _: Event, data: Mapping[str, Any]) -> Change:
    kept = [tag for tag in state.tags if tag not in data["remove"]]
    return {"tags": tuple(dict.fromkeys([*kept, *data["add"]]))}


def _noted(state: FeatureState, event: Event, data: Mapping[str, Any]) -> Change:
    return {"notes": (*state.notes, Note(event.number, event.author, event.at, data["text"]))}


def _assigned(_: FeatureState, __: Event, data: Mapping[str, Any]) -> Change:
    return {"assigned": data["to"]}


def _deferred(state: FeatureState, event: Event, data: Mapping[str, Any]) -> Change:
    others = {name: until for name, until in state.deferred.items() if name != event.author}
    return {"deferred": others | ({event.author: data["until"]} if data["on"] else {})}


def _scored(state: FeatureState, event: Event, data: Mapping[str, Any]) -> Change:
    score = Score(
        event.number, event.author, event.at, data["by"], data["test"], data["value"], data["n"], data["text"]
    )
    return {"scores": (*state.scores, score)}


def _proposed(state: FeatureState, event: Event, data: Mapping[str, Any]) -> Change:
    one = Proposal(event.number, event.author, event.at, data["text"], _fields(data), data["source"])
    return {"proposals": (*state.proposals, one)}


def _named(state: FeatureState, event: Event, data: Mapping[str, Any]) -> Change:
    one = Reading(
        event.number, event.author, event.at, data["text"], _fields(data), data["verdict"], data["blind"]
    )  # fmt: skip
    return {"readings": (*state.readings, one)}


def _listed(state: FeatureState, _: Event, data: Mapping[str, Any]) -> Change:
    others = tuple(name for name in state.lists if name != data["list"])
    return {"lists": (*others, data["list"]) if data["on"] else others}


def _bookmarked(state: FeatureState, event: Event, data: Mapping[str, Any]) -> Change:
    others = tuple(name for name in state.bookmarked if name != event.author)
    return {"bookmarked": (*others, event.author) if data["on"] else others}


def _complained(state: FeatureState, event: Event, data: Mapping[str, Any]) -> Change:
    one = Complaint(event.number, event.author, event.at, data["sentence"], data["reason"])
    return {"complaints": (*state.complaints, one)}


def _pinned(state: FeatureState, _: Event, data: Mapping[str, Any]) -> Change:
    others = tuple(name for name in state.pins if name != data["image"])
    return {"pins": (*others, data["image"]) if data["on"] else others}


_CHANGES = {
    "edited": _edited, "accepted": _accepted, "rejected": _judged, "flagged": _judged, "adjudicated": _adjudicated,
    "restored": _restored, "merged": _merged, "split": _split, "proposed": _proposed, "tagged": _tagged, "noted": _noted,
    "assigned": _assigned, "deferred": _deferred, "scored": _scored, "named": _named, "listed": _listed,
    "bookmarked": _bookmarked, "complained": _complained, "pinned": _pinned, "released": lambda *_: {},
}  # fmt: skip
