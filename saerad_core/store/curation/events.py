"""What can happen to a feature: the kinds of event, what each holds, and what is refused."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked_dataclass

from saerad_core.errors import SaeRadError

VERSION = 3
"""Of a journal's line that says how its author was verified; others are of version 2, which has no place for it."""
WORKSPACE = -1
"""The feature_id of what is said about the workspace as a whole."""
LONGEST_TEXT = 500
LONGEST_NAME = 80
LONGEST_NOTE = 4000
LONGEST_MEANS = 400

Status = Literal["pending", "draft", "accepted", "rejected", "second"]
"""pending: no person has judged it. draft: a person's text, not accepted yet. second: needs a second reader."""
STATUSES: tuple[Status, ...] = get_args(Status)
Kind = Literal[
    "edited", "accepted", "rejected", "flagged", "adjudicated", "restored", "merged", "split", "undone",
    "proposed", "tagged", "noted", "assigned", "deferred", "scored", "named", "listed", "bookmarked", "complained", "pinned",
    "released",
]  # fmt: skip
DECIDING: frozenset[str] = frozenset(
    {"edited", "accepted", "rejected", "flagged", "adjudicated", "restored", "merged", "split"}
)
"""Kinds that change what counts. Each needs the revision that its author saw; the others only add, and need none.
`undone` decides where something undone did."""
ON_WORKSPACE: frozenset[str] = frozenset({"pinned", "released"})
"""Kinds that are about no feature."""
_BIDI = {chr(code) for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))}
"""Characters that make a text read in another order than it is written."""


def one_line(text: str, what: str, longest: int, *, breaks: bool = False, empty: bool = False) -> str:
    """``text`` without space around it.

    Raises:
        SaeRadError: it is empty, too long, or holds control characters.
    """
    text = text.strip()
    if not text and not empty:
        raise SaeRadError(f"The {what} is empty; type one.")
    if len(text) > longest:
        raise SaeRadError(f"The {what} is too long; {longest} characters is the most.")
    plain = text.replace("\n", " ") if breaks else text
    if any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") or char in _BIDI for char in plain):
        raise SaeRadError(f"The {what} holds a line break or a control character; type it on one line.")
    return text


Text = Annotated[str, AfterValidator(lambda text: one_line(text, "description", LONGEST_TEXT))]
MaybeText = Annotated[str, AfterValidator(lambda text: one_line(text, "description", LONGEST_TEXT, empty=True))]
Reason = Annotated[str, AfterValidator(lambda text: one_line(text, "reason", LONGEST_TEXT, empty=True))]
Name = Annotated[str, AfterValidator(lambda text: one_line(text, "name", LONGEST_NAME))]
MaybeName = Annotated[str, AfterValidator(lambda text: one_line(text, "name", LONGEST_NAME, empty=True))]
Note = Annotated[str, AfterValidator(lambda text: one_line(text, "note", LONGEST_NOTE, breaks=True))]
Term = Annotated[str, AfterValidator(lambda text: one_line(text, "term", LONGEST_NAME, empty=True))]
Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]


@checked_dataclass(frozen=True)
class Fields:
    """What a description says, beside its text; "" where it says nothing."""

    finding: Term = ""
    """A key of saerad_core.vocabulary.TERMS, or another term."""
    side: Literal["", "right", "left", "both"] = ""
    """The patient's."""
    place: Term = ""
    severity: Term = ""
    device: Term = ""
    artefact: Term = ""
    no_clinical_meaning: bool = False


FIELDS = tuple(Fields.__dataclass_fields__)


@dataclass(frozen=True)
class Author:
    """Who acts."""

    name: str
    verified: bool = False
    """Whether a login says so; otherwise the name is what somebody typed."""
    means: str = ""
    """How it was verified: "oidc", the login service's issuer, and its own name for the person."""


@dataclass(frozen=True, slots=True)
class Event:
    """One act of one person; never changed, only followed by others."""

    seq: int
    """Place in the journal, from 1."""
    feature_id: int
    """WORKSPACE (-1) for what is about no feature."""
    number: int
    """Counts the events of this feature from 1."""
    kind: str
    """One of Kind."""
    author: str
    verified: bool
    at: str
    """UTC, ISO 8601, milliseconds (seconds in version 1)."""
    base: int
    """Number of the last deciding event that the author saw; 0 for none."""
    sae: str
    """First 16 hex digits of the sha256 of the SAE's weights; "" where it wasn't known."""
    batch: str
    """Shared by the events of one bulk act; "" for a single one."""
    place: int
    """Of the event in its batch, from 1."""
    size: int
    """Events of its batch."""
    data: dict[str, Any] = field(hash=False)
    """What the kind holds; see the classes below."""
    means: str = ""
    """How the author was verified (Author.means); "" where nobody says."""


# -- what each kind holds


@checked_dataclass(frozen=True)
class Edited:
    """A person's text."""

    text: Text
    fields: Fields = Fields()


@checked_dataclass(frozen=True)
class Accepted:
    """The text that counts is right."""

    machine: str = ""
    """The program's text, where that is what was accepted."""


@checked_dataclass(frozen=True)
class Judged:
    """rejected, flagged."""

    reason: Reason = ""


@checked_dataclass(frozen=True)
class Adjudicated:
    """The decision between readings."""

    text: MaybeText = ""
    fields: Fields = Fields()
    status: Status = "accepted"
    readings: tuple[Count, ...] = ()
    """Numbers of the `named` events that were decided between."""


@checked_dataclass(frozen=True)
class Restored:
    """What counted after an earlier event counts again."""

    to: Count
    """Its number; 0: the program's text."""
    text: MaybeText = ""
    fields: Fields = Fields()
    status: Status = "pending"


@checked_dataclass(frozen=True)
class Merged:
    """Of a member: it now says what ``into`` says. Of the target: ``members`` say what it says."""

    into: int | None = None
    members: tuple[Count, ...] = ()


@checked_dataclass(frozen=True)
class Split:
    """A member leaves the feature that it was merged into, and keeps its words as a draft of its own."""

    out_of: Count
    text: MaybeText = ""
    fields: Fields = Fields()


@checked_dataclass(frozen=True)
class Undone:
    """Earlier events of the feature count no more."""

    undoes: tuple[Count, ...]
    """Their numbers."""
    decides: bool
    """Whether one of them was deciding."""


@checked_dataclass(frozen=True)
class Proposed:
    """A suggestion that counts only when a person takes it."""

    text: Text
    fields: Fields = Fields()
    source: MaybeName = ""
    """What made it, such as a model's name."""


@checked_dataclass(frozen=True)
class Tagged:
    add: tuple[Name, ...] = ()
    remove: tuple[Name, ...] = ()


@checked_dataclass(frozen=True)
class Noted:
    text: Note


@checked_dataclass(frozen=True)
class Assigned:
    to: MaybeName = ""
    """"" takes it from whoever has it."""


@checked_dataclass(frozen=True)
class Deferred:
    """The author comes back to it later."""

    until: str = ""
    """ISO date before which it isn't offered to the author; "": it comes last."""
    on: bool = True
    """False: it is in its usual place again."""


@checked_dataclass(frozen=True)
class Scored:
    """How well the description tells firing X-rays from others."""

    value: Share
    """Share of right answers, or the score named by ``test`` on a scale from 0 to 1."""
    n: Count
    """X-rays judged."""
    by: Literal["human", "machine"] = "human"
    test: MaybeName = "detection"
    text: MaybeText = ""
    """The description that was tested."""
    items: tuple[tuple[str, bool, bool], ...] = ()
    """(image_id, fires, said to fire) of each X-ray."""


@checked_dataclass(frozen=True)
class Named:
    """A reading: what one reader says on their own."""

    text: MaybeText = ""
    fields: Fields = Fields()
    verdict: Literal["", "accepted", "rejected"] = ""
    """Of the program's text, where that was shown afterwards."""
    blind: bool = True
    """Whether it was written before the program's and others' words were shown."""


@checked_dataclass(frozen=True)
class Listed:
    list: Name
    on: bool = True


@checked_dataclass(frozen=True)
class Bookmarked:
    on: bool = True


@checked_dataclass(frozen=True)
class Complained:
    """A reader rejected a report's sentence that rests on the feature."""

    sentence: Note
    reason: Reason = ""


@checked_dataclass(frozen=True)
class Pinned:
    """An X-ray whose report curators want to watch while they edit."""

    image: Annotated[str, AfterValidator(lambda text: one_line(text, "X-ray's name", LONGEST_TEXT))]
    on: bool = True


@checked_dataclass(frozen=True)
class Released:
    """A name for everything said so far."""

    name: Name
    note: Annotated[str, AfterValidator(lambda text: one_line(text, "note", LONGEST_NOTE, breaks=True, empty=True))] = (
        ""
    )


_CLASSES: dict[str, type] = {
    "edited": Edited, "accepted": Accepted, "rejected": Judged, "flagged": Judged, "adjudicated": Adjudicated,
    "restored": Restored, "merged": Merged, "split": Split, "undone": Undone, "proposed": Proposed, "tagged": Tagged,
    "noted": Noted, "assigned": Assigned, "deferred": Deferred, "scored": Scored, "named": Named, "listed": Listed,
    "bookmarked": Bookmarked, "complained": Complained, "pinned": Pinned, "released": Released,
}  # fmt: skip
HOLDS: dict[str, TypeAdapter[Any]] = {kind: TypeAdapter(holds) for kind, holds in _CLASSES.items()}
"""Kind -> what its events hold."""
assert set(HOLDS) == set(get_args(Kind))


def checked_data(kind: str, data: dict[str, Any]) -> dict[str, Any]:
    """What an event of ``kind`` holds, checked and complete, as JSON has it.

    Raises:
        SaeRadError: there is no such kind, or ``data`` isn't what it holds.
    """
    if kind not in HOLDS:
        raise SaeRadError(f"There is no kind of edit {kind[:40]!r}; take one of {', '.join(HOLDS)}.")
    unknown = set(data) - set(_CLASSES[kind].__dataclass_fields__)
    if unknown:
        raise SaeRadError(f"An edit of kind {kind} holds no {sorted(unknown)[0][:40]!r}.")
    try:
        held = HOLDS[kind].validate_python(data)
        return HOLDS[kind].dump_python(held, mode="json")
    except ValidationError as error:
        first = error.errors()[0]
        cause = first.get("ctx", {}).get("error")
        if isinstance(cause, SaeRadError):
            raise SaeRadError(str(cause)) from error
        where = ".".join(str(one) for one in first["loc"])
        raise SaeRadError(f"The edit ({kind}) can't be taken: {where}: {first['msg'].lower()}.") from error


def checked_event(given: Any) -> Event:  # noqa: ANN401
    """An event from somebody else's file, every part of it checked; raises SaeRadError."""
    # Files of before its time don't say how an author was verified.
    if not isinstance(given, dict) or {"means", *given} != set(Event.__dataclass_fields__):
        raise SaeRadError("An edit in the file can't be read: it has other parts than an edit; export it again.")
    try:
        event = _EVENT.validate_json(json.dumps(given), strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        raise SaeRadError(
            f"An edit in the file can't be read: {'.'.join(str(one) for one in first['loc'])}: {first['msg'].lower()}."
        ) from error
    one_line(event.author, "name", LONGEST_NAME)
    one_line(event.sae, "SAE id", LONGEST_NAME, empty=True)
    one_line(event.means, "way in which the author was verified", LONGEST_MEANS, empty=True)
    one_line(event.batch, "batch", LONGEST_NAME, empty=True)
    try:
        if datetime.fromisoformat(event.at).tzinfo is None:
            raise ValueError(event.at)
    except ValueError as error:
        raise SaeRadError(f"An edit in the file has no date but {event.at[:40]!r}.") from error
    if checked_data(event.kind, event.data) != event.data:
        raise SaeRadError(f"An edit in the file ({event.kind}) isn't complete; export it again.")
    return event


_EVENT = TypeAdapter(Event)


def as_dict(event: Event) -> dict[str, Any]:
    """The event as JSON has it; without ``means`` where there are none, as before there was a place for it."""
    held = asdict(event)
    if not event.means:
        del held["means"]
    return held
