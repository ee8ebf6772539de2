"""The desk's script in the browser, and the drafts that it sends while somebody types."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import streamlit as st
from streamlit.components.v2 import component

from saerad_core.errors import SaeRadError
from saerad_core.store.curation import Draft
from saerad_core.ui.components import literal
from saerad_core.ui.desk.author import author
from saerad_core.ui.desk.began import Began
from saerad_core.ui.login import may
from saerad_core.ui.state import Here

KEYS = (
    ("A", "accept what the box says, or the suggestion where it is empty, and go on"),
    ("E", "into the text; Esc leaves it"),
    ("Ctrl Enter", "save and next"),
    ("F", "fields: finding, side, place ...; Tab from one to the next"),
    ("W", "why: kept with the next two; Esc leaves it"),
    ("X", "reject and go on"),
    ("S", "leave to a second reader and go on"),
    ("T", "take the suggestion into the text"),
    ("P", "previous"),
    ("N", "next, without a word"),
    ("L", "later: last in your queue"),
    ("U", "take back your latest act"),
    ("M", "bookmark"),
    ("O", "no clinical meaning, among the fields"),
    ("G", "what saving would change"),
    ("D", "detection test; 1 to 9 and 0 mark its X-rays"),
    ("H, held", "heatmaps"),
    ("V", "the strongest X-ray in the viewer; there 1 to 5 are window presets"),
    ("I \N{MIDDLE DOT} Z", "in the viewer: invert, reset"),
    ("?", "this list"),
)
_SCRIPT = (Path(__file__).parent / "desk.js").read_text(encoding="utf-8")


@st.cache_resource(show_spinner=False)
def _component():  # noqa: ANN202 - streamlit gives its renderer no public type
    return component("saerad_desk", js=_SCRIPT, isolate_styles=False)


@st.fragment
def keeper(here: Here) -> None:
    """Mount the script. A draft that it sends reruns nothing but this."""

    def keep() -> None:
        sent = st.session_state["desk_keeper"].get("draft")
        if isinstance(sent, dict):
            _keep(here, sent)

    data = {"author": author(), "keys": [list(one) for one in KEYS]}
    _component()(key="desk_keeper", data=data, height=1, on_draft_change=keep)


def _keep(here: Here, sent: dict) -> None:
    who = author()
    feature, base, text = sent.get("feature"), sent.get("base"), sent.get("text")
    if not (isinstance(feature, int) and isinstance(base, int) and isinstance(text, str)) or not who:
        return
    if feature not in here.explorer or not may("curate"):
        return
    state = here.explorer.state(feature)
    began: Began | None = st.session_state.get("desk_began")
    fields = began.typed_fields() if began is not None and began.feature_id == feature else state.fields
    try:
        if " ".join(text.split()) == state.text and fields == state.fields:
            # Typed back to what counts, or saved before this arrived.
            here.explorer.drafts.drop(who, feature)
            return
        now = datetime.now(UTC).isoformat(timespec="seconds")
        here.explorer.drafts.keep(Draft(feature, who, text, fields, base, now))
    except SaeRadError as error:
        st.toast(literal(str(error)))
