"""Readings: write what you see before any other words are shown, judge the program's text afterwards; decide between readers."""

from __future__ import annotations

from html import escape
from typing import Literal

import streamlit as st

from saerad_core.errors import SaeRadError
from saerad_core.explorer import FeatureRow
from saerad_core.store.curation import FIELDS, FeatureState, Fields, Reading
from saerad_core.store.curation.state import latest_readings, reading_value
from saerad_core.ui.components import heading, html, literal
from saerad_core.ui.desk.acts import Seen, go, say
from saerad_core.ui.desk.author import author
from saerad_core.ui.desk.began import forget
from saerad_core.ui.desk.words_panel import moves
from saerad_core.ui.feature_words import machine_words
from saerad_core.ui.login import why_not
from saerad_core.ui.state import Here


def own_reading(state: FeatureState) -> Reading | None:
    """The reader's latest; None before they have read the feature."""
    return next((one for one in latest_readings(state.readings) if one.author == author()), None)


def before_reading(here: Here, seen: Seen) -> None:
    """Under the box: save the reading, which shows the other words."""
    st.button(
        "Save reading", key=f"desk_read_{seen.began.feature_id}", type="primary", shortcut="Ctrl+Enter", on_click=_read, args=(here, seen),
        help="Then the program's and others' words are shown. What counts for the feature stays as it is.",
    )  # fmt: skip
    moves(here, seen)


def _read(here: Here, seen: Seen) -> None:
    began = seen.began
    text, fields = began.typed_text(), began.typed_fields()
    try:
        if not text and fields == Fields():
            raise SaeRadError("The reading is empty; write what you see, or choose a field.")
        here.explorer.curation.name(began.feature_id, author(), text, fields, blind=True)
    except SaeRadError as error:
        say("error", str(error))
        return
    forget(here, began.feature_id, author())


def after_reading(here: Here, row: FeatureRow, reading: Reading, seen: Seen) -> None:
    """The reader's words beside the program's, and their verdict on these."""
    html(
        f'<p class="said"><span class="faint">Your reading</span> {escape(reading.text) or "fields only"}{_fields(reading.fields)}</p>'
    )
    html(f'<div class="machine-text">{machine_words(row)}</div>')
    if row.machine_text and not reading.verdict:
        with st.container(horizontal=True, gap="small"):
            for name, verdict, key in (("The suggestion fits", "accepted", "A"), ("It doesn't fit", "rejected", "X")):
                st.button(
                    name,
                    key=f"desk_{verdict}_{seen.began.feature_id}",
                    shortcut=key,
                    on_click=_judge,
                    args=(here, seen, reading, verdict),
                )
    elif reading.verdict:
        html(f'<div class="quiet">You {reading.verdict} the program\'s text.</div>')
    moves(here, seen)


def _judge(here: Here, seen: Seen, reading: Reading, verdict: Literal["accepted", "rejected"]) -> None:
    try:
        # The words were written blind; the verdict belongs to them.
        here.explorer.curation.name(
            seen.began.feature_id, author(), reading.text, reading.fields, verdict, blind=reading.blind
        )
    except SaeRadError as error:
        say("error", str(error))
        return
    go(seen.after)


def adjudication(here: Here, state: FeatureState, seen: Seen) -> None:
    """Readers' words side by side; one of them is taken. Only where at least two have read the feature."""
    readings = latest_readings(state.readings)
    if len(readings) < 2:
        return
    says = "Each reader's latest reading. What they differ in is marked; taking one lets it count, and all stay in the history."
    html(heading("Readings", says, "disputed" if state.disputed else "decided" if state.adjudicated else "agreeing"))
    head = "".join(f"<th>{escape(one.author)}{'' if one.blind else ' (not blind)'}</th>" for one in readings)
    rows = []
    for name in ("text", "verdict", *FIELDS):
        values = [reading_value(one, name) for one in readings]
        if any(values):
            differ = name != "text" and len({value for value in values if value}) > 1
            cells = "".join(f'<td class="wrap{" differs" if differ else ""}">{_plain(value)}</td>' for value in values)
            rows.append(f'<tr><td class="faint">{name.replace("_", " ")}</td>{cells}</tr>')
    html(f'<table class="rows"><tr><th></th>{head}</tr>{"".join(rows)}</table>')
    refused = why_not("adjudicate")
    if refused:
        html(f'<div class="warning">{escape(refused)}</div>')
    with st.container(horizontal=True, gap="small"):
        for number, one in enumerate(readings):
            st.button(
                f"Take {literal(one.author)}'s", key=f"desk_adjudicate_{seen.began.feature_id}_{number}", on_click=_adjudicate, args=(here, seen, one, readings),
                disabled=not one.text or bool(refused),
            )  # fmt: skip


def _adjudicate(here: Here, seen: Seen, taken: Reading, readings: list[Reading]) -> None:
    try:
        here.explorer.curation.adjudicate(
            seen.began.feature_id, taken.text, author(), seen.state.revision, taken.fields, readings=[one.number for one in readings]
        )  # fmt: skip
    except SaeRadError as error:
        say("error", str(error))
        return
    say("done", f"{taken.author}'s reading counts now.")
    forget(here, seen.began.feature_id, author())


def _plain(value: object) -> str:
    return "yes" if value is True else escape(str(value or "").replace("_", " ")) or "\N{EN DASH}"


def _fields(fields: Fields) -> str:
    said = [f"{name.replace('_', ' ')}: {_plain(getattr(fields, name))}" for name in FIELDS if getattr(fields, name)]
    return f'<br><span class="quiet">{", ".join(said)}</span>' if said else ""
