"""What the desk's buttons and keys do. Each act writes one event, or one bulk of events, on what its reader saw."""

from __future__ import annotations

import time
from dataclasses import asdict, replace
from typing import Literal, NamedTuple

import streamlit as st

from saerad_core.errors import SaeRadError
from saerad_core.store.curation import Act, ConflictError, FeatureState, Fields
from saerad_core.store.curation.events import ON_WORKSPACE
from saerad_core.ui.desk.author import author
from saerad_core.ui.desk.began import Began, fill, forget
from saerad_core.ui.state import Here

What = Literal["save", "accept", "reject", "flag"]
DONE = {"save": "Saved as a draft", "accept": "Accepted", "reject": "Rejected", "flag": "Left to a second reader"}


class Seen(NamedTuple):
    """What the reader had before them when they pressed a button."""

    began: Began
    state: FeatureState
    machine_text: str
    after: int | None
    """Next in the queue."""


class Clash(NamedTuple):
    """An act that rested on something older than what counts."""

    feature_id: int
    error: ConflictError
    text: str
    fields: Fields
    what: What


def say(kind: Literal["done", "error"], words: str) -> None:
    """Shown by the next run."""
    st.session_state["desk_said"] = (kind, words)


def said() -> tuple[str, str] | None:
    """What the last act came to; asked once."""
    return st.session_state.pop("desk_said", None)


def clash_of(feature_id: int) -> Clash | None:
    clash: Clash | None = st.session_state.get("desk_clash")
    return clash if clash is not None and clash.feature_id == feature_id else None


def go(feature_id: int | None) -> None:
    """To another feature of the queue; the one left is where P leads back to."""
    if feature_id is None:
        return
    st.session_state["desk_at"] = feature_id
    left = st.query_params.get("feature", "")
    if left and left != str(feature_id):
        st.session_state["desk_trail"] = [*st.session_state.get("desk_trail", []), left][-50:]
    st.query_params["feature"] = str(feature_id)
    st.query_params.pop("test", None)


def back() -> None:
    """To the feature before."""
    trail = st.session_state.get("desk_trail", [])
    if trail:
        st.session_state["desk_trail"] = trail[:-1]
        st.query_params["feature"] = trail[-1]
        st.query_params.pop("test", None)


def decide(here: Here, seen: Seen, what: What) -> None:
    """Write the act and go on; a conflict or a fault stays on the feature."""
    began, who = seen.began, author()
    if st.session_state.get("desk_at") != began.feature_id:
        # A key pressed twice before the next feature was there: the second press was meant for nothing that was seen.
        return
    text, fields, reason = began.typed_text(), began.typed_fields(), st.session_state.get(began.reason) or ""
    started = time.perf_counter()
    try:
        _write(here, seen, what, who, text, fields, reason)
    except ConflictError as error:
        st.session_state["desk_clash"] = Clash(began.feature_id, error, text, fields, what)
        return
    except SaeRadError as error:
        say("error", str(error))
        return
    st.session_state["desk_wrote_ms"] = (time.perf_counter() - started) * 1000
    if what == "reject":
        st.session_state.pop("desk_began", None)
    else:
        forget(here, began.feature_id, who)
    say("done", f"{DONE[what]}: #{began.feature_id}")
    go(seen.after)


def _write(here: Here, seen: Seen, what: What, who: str, text: str, fields: Fields, reason: str) -> None:
    curation, feature, base = here.explorer.curation, seen.began.feature_id, seen.began.base
    # On what the reader saw: where another revision counts by now, each of these is a conflict.
    changed = bool(text) and (text, fields) != (seen.state.text, seen.state.fields)
    if what == "reject":
        curation.reject(feature, who, base, reason)
    elif what == "save":
        curation.edit(feature, text, who, base, fields)
    elif what == "flag":
        acts = [Act(feature, "flagged", {"reason": reason}, base)]
        if changed:
            acts.insert(0, Act(feature, "edited", {"text": text, "fields": asdict(fields)}, base))
        curation.bulk(acts, who)
    elif changed:
        curation.edit(feature, text, who, base, fields, accept=True)
    elif text and seen.state.text:
        curation.accept(feature, who, base)
    elif seen.state.text or not seen.machine_text:
        raise SaeRadError("There is no text to accept; write one, or reject the feature.")
    elif fields != Fields():
        curation.edit(feature, seen.machine_text, who, base, fields, accept=True)
    else:
        curation.accept(feature, who, base, seen.machine_text)


def later(here: Here, seen: Seen) -> None:
    """Put it off: last in this reader's queue."""
    if _try(lambda: here.explorer.curation.defer(seen.began.feature_id, author()), "Put off"):
        go(seen.after)


def undo(here: Here) -> None:
    """Take back the reader's latest act, a bulk act as one; pressed again, the one before."""
    curation, who = here.explorer.curation, author()
    try:
        for event in curation.recent(200, who) if who else ():
            if event.kind in ("undone", *ON_WORKSPACE) or event.number in curation.void(event.feature_id):
                continue
            if event.batch:
                done = curation.undo(who, batch=event.batch)
            else:
                done = curation.undo(who, seqs=[event.seq])
            st.session_state.pop("desk_began", None)
            say(
                "done",
                f"Taken back: {event.kind}, {len(done.events)} in all" if event.batch else f"Taken back: {event.kind}",
            )
            go(event.feature_id)
            return
    except SaeRadError as error:
        say("error", str(error))
        return
    say(
        "error",
        "There is nothing of yours to take back." if who else "Type your name first; acts are taken back by author.",
    )


def take_suggestion(here: Here, seen: Seen, text: str, fields: Fields) -> None:
    """Put the program's or another's words into the box, to be changed and saved."""
    fill(here, seen.began.feature_id, author(), seen.began.base, text, fields)


def turn_meaning(here: Here, seen: Seen) -> None:
    """Say in the box's fields that the feature has no clinical meaning, or no more; to be saved with the text."""
    began, fields = seen.began, seen.began.typed_fields()
    fields = replace(fields, no_clinical_meaning=not fields.no_clinical_meaning)
    fill(here, began.feature_id, author(), began.base, began.typed_text(), fields)


def restore(here: Here, seen: Seen, number: int) -> None:
    """What counted after an earlier event counts again; 0: the program's text."""
    feature = seen.began.feature_id
    if _try(lambda: here.explorer.curation.restore(feature, number, author(), seen.state.revision), "Restored"):
        forget(here, feature, author())


def _try(act, words: str) -> bool:  # noqa: ANN001 - a call without arguments
    try:
        act()
    except SaeRadError as error:
        say("error", str(error))
        return False
    say("done", words)
    return True


# -- a conflict


def keep_mine(here: Here, clash: Clash) -> None:
    """Save mine on top of theirs, which stays in the history."""
    theirs, who = clash.error.theirs, author()
    try:
        curation = here.explorer.curation
        accept = clash.what == "accept"
        if clash.what == "flag":
            acts = [
                Act(clash.feature_id, "edited", {"text": clash.text, "fields": asdict(clash.fields)}, theirs.revision),
                Act(clash.feature_id, "flagged", {}, theirs.revision),
            ]
            curation.bulk(acts, who)
        else:
            curation.edit(clash.feature_id, clash.text, who, theirs.revision, clash.fields, accept=accept)
    except ConflictError as error:
        st.session_state["desk_clash"] = clash._replace(error=error)
        return
    except SaeRadError as error:
        say("error", str(error))
        return
    st.session_state.pop("desk_clash", None)
    forget(here, clash.feature_id, who)
    say("done", "Yours counts now; theirs is in the history.")


def take_theirs(here: Here, clash: Clash) -> None:
    """Leave what counts, and drop mine."""
    st.session_state.pop("desk_clash", None)
    forget(here, clash.feature_id, author())


def edit_on(here: Here, clash: Clash) -> None:
    """Mine in the box, resting on theirs from now on."""
    st.session_state.pop("desk_clash", None)
    fill(here, clash.feature_id, author(), clash.error.theirs.revision, clash.text, clash.fields)
