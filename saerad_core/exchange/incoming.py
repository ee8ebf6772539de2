"""Taking an export in: what it would change, what it can't, and the change itself. Nothing here is written over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from saerad_core.errors import SaeRadError
from saerad_core.exchange.table import Line
from saerad_core.store.curation import FIELDS, WORKSPACE, Act, Author, CurationStore, Event, FeatureState, Fields
from saerad_core.store.curation.events import checked_data, checked_event
from saerad_core.store.curation.snapshot import ours
from saerad_core.store.curation.state import fold

What = Literal["same", "behind", "ahead", "edited", "conflict"]
SAYS: dict[What, str] = {
    "same": "as it is here",
    "behind": "older than what is here",
    "ahead": "goes on from what is here",
    "edited": "changed by hand in the file",
    "conflict": "conflicts: not taken",
}


@dataclass(frozen=True)
class Step:
    """What the file says of one feature, against what is here."""

    feature_id: int
    what: What
    events: tuple[Event, ...] = ()
    """History that is only in the file."""
    acts: tuple[Act, ...] = ()
    """Changes made by hand in the file's columns."""
    here: str = ""
    """For a conflict: what counts here."""
    there: str = ""
    """... and what the file says."""


@dataclass(frozen=True)
class Plan:
    """What importing would do."""

    steps: tuple[Step, ...]

    def count(self, what: What) -> int:
        """Features of which the file says that."""
        return sum(step.what == what for step in self.steps)

    @property
    def conflicts(self) -> list[Step]:
        """What would not be taken."""
        return [step for step in self.steps if step.what == "conflict"]

    @property
    def events(self) -> list[Event]:
        """History to take over, in the order in which it was written."""
        return sorted((event for step in self.steps for event in step.events), key=lambda event: event.seq)

    def in_words(self) -> str:
        """The plan as a person reads it."""
        lines = [f"{self.count(what):>7} features: {says}" for what, says in SAYS.items()]
        lines += [f"  #{one.feature_id}: here {one.here}; in the file {one.there}" for one in self.conflicts]
        return "\n".join(lines)


def plan(lines: Sequence[Line], curation: CurationStore, features: int) -> Plan:
    """Compare a file's lines with what is here; writes nothing.

    A feature's history is taken where it goes on from the one here. Where both went on from different events, and where a column
    was changed by hand on something older than what counts here, it is a conflict, and nothing of that feature is taken.

    Raises:
        SaeRadError: a line can't be understood, or the file is about another SAE's features.
    """
    steps, seen = [], set()
    for line in lines:
        feature_id = line.get("feature_id")
        if not isinstance(feature_id, int) or not WORKSPACE <= feature_id < features or feature_id in seen:
            raise SaeRadError(f"The file names feature {str(feature_id)[:40]!r}, which isn't here or comes twice.")
        seen.add(feature_id)
        if line.get("sae") and curation.sae and line["sae"] != curation.sae:
            raise SaeRadError("The file is about the features of another SAE; import it where it came from.")
        steps.append(_step(feature_id, line, curation))
    return Plan(tuple(steps))


def carry_out(found: Plan, curation: CurationStore, author: Author | str) -> int:
    """Do what a plan says but for its conflicts; returns how many events were added.

    Args:
        found: the plan.
        curation: where to.
        author: of the changes made by hand; events of the histories keep their own authors.

    Raises:
        ConflictError: somebody edited since the plan was made; nothing but history was taken.
    """
    taken = curation.take_over(found.events)
    acts = [act for step in found.steps for act in step.acts]
    done = curation.bulk(acts, author).events if acts else ()
    return len(taken) + len(done)


def _step(feature_id: int, line: Line, curation: CurationStore) -> Step:
    here = curation.history(feature_id)
    given = _history(feature_id, line)
    bare_here, bare_given = [_bare(one) for one in here], [_bare(one) for one in given]
    shared = min(len(here), len(given))
    now, told = (_state(feature_id, events, curation) for events in (here, given))
    if bare_here[:shared] != bare_given[:shared]:
        return Step(feature_id, "conflict", here=_words(now), there=_words(told))
    acts = _by_hand(feature_id, line, told, curation)
    if acts and len(here) > len(given) and now.revision != told.revision:
        if _asked_is(line, now):
            return Step(feature_id, "behind")
        return Step(feature_id, "conflict", here=_words(now), there=_asked(line, told))
    if acts:
        return Step(feature_id, "edited", tuple(given[shared:]), tuple(acts))
    if len(given) > len(here):
        return Step(feature_id, "ahead", tuple(given[shared:]))
    return Step(feature_id, "same" if len(given) == len(here) else "behind")


def _state(feature_id: int, events: Sequence[Event], curation: CurationStore) -> FeatureState:
    return fold([one for one in events if ours(one, curation.sae)]) or FeatureState(feature_id)


def _history(feature_id: int, line: Line) -> list[Event]:
    held = line.get("history")
    held = [] if held is None else held
    if not isinstance(held, list):
        raise SaeRadError(f"The history of feature {feature_id} in the file can't be read; export it again.")
    events = [checked_event(one) for one in held]
    if any(one.feature_id != feature_id or one.number != i for i, one in enumerate(events, start=1)):
        raise SaeRadError(f"The history of feature {feature_id} in the file has gaps; export it again.")
    return events


def _bare(event: Event) -> Event:
    """Without what depends on the journal that it is in."""
    return replace(event, seq=0, place=1, size=1)


def _by_hand(feature_id: int, line: Line, told: FeatureState, curation: CurationStore) -> list[Act]:
    """What the columns say beyond the file's own history."""
    if feature_id == WORKSPACE or told.merged_into is not None or "text" not in line:
        return []
    acts: list[Act] = []
    text, fields = str(line["text"] or "").strip(), _fields(line, told.fields)
    base = told.revision
    changed = text != told.text or fields != told.fields
    if changed and text:
        acts.append(_checked(Act(feature_id, "edited", {"text": text, "fields": vars(fields)}, base)))
    elif text != told.text:
        acts.append(curation.restoring(feature_id, 0, base))
    status = line.get("status") or told.status
    kind = {"accepted": "accepted", "rejected": "rejected", "second": "flagged"}.get(status)
    if status not in ("pending", "draft", "accepted", "rejected", "second"):
        raise SaeRadError(f"The file gives feature {feature_id} the status {str(status)[:40]!r}, which there isn't.")
    if kind and (status != told.status or (acts and status == "accepted")):
        acts.append(Act(feature_id, kind, {}, base))
    tags = line.get("tags")
    if isinstance(tags, list) and set(tags) != set(told.tags):
        data = {"add": sorted(set(tags) - set(told.tags)), "remove": sorted(set(told.tags) - set(tags))}
        acts.append(_checked(Act(feature_id, "tagged", data)))
    return acts


def _checked(act: Act) -> Act:
    return replace(act, data=checked_data(act.kind, dict(act.data)))


def _fields(line: Line, told: Fields) -> Fields:
    held: dict[str, Any] = {name: line[name] for name in FIELDS if line.get(name) is not None}
    checked = checked_data("edited", {"text": "x", "fields": {**vars(told), **held}})
    return Fields(**checked["fields"])


def _asked(line: Line, told: FeatureState) -> str:
    return _worded(str(line.get("text") or told.text), str(line.get("status") or told.status))


def _asked_is(line: Line, now: FeatureState) -> bool:
    """Whether the columns say what counts here anyway."""
    return (
        str(line.get("text") or "").strip() == now.text
        and (line.get("status") or now.status) == now.status
        and _fields(line, now.fields) == now.fields
    )


def _words(state: FeatureState) -> str:
    return _worded(state.text, state.status)


def _worded(text: str, status: str) -> str:
    return f"{text[:60]!r} ({status})" if text else f"({status})"
