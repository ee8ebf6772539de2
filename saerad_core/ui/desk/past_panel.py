"""What counted at any date or release, what differs between two of them, and the way to name the present moment."""

from __future__ import annotations

from html import escape

import streamlit as st

from saerad_core.errors import SaeRadError
from saerad_core.store.curation import STATUSES, Change
from saerad_core.store.curation.events import LONGEST_NAME
from saerad_core.ui.components import FactItem, empty_state, fact_strip, heading, html, literal, number
from saerad_core.ui.desk.acts import said, say
from saerad_core.ui.desk.author import author, author_box
from saerad_core.ui.desk.diff import word_diff
from saerad_core.ui.desk.status import STATUS_NAMES
from saerad_core.ui.login import why_not
from saerad_core.ui.state import Here

MOST = 300
"""Differences that are listed."""


@st.fragment
def show_past(here: Here) -> None:
    """The page's part; both moments stand in the address."""
    curation = here.explorer.curation
    releases = curation.releases()
    help_ = "A release's name or a date such as 2026-03-01, which means its end (UTC)."
    left, middle, right = st.columns([1, 1, 1], vertical_alignment="bottom")
    with left:
        since = st.text_input("From", key="since", bind="query-params", placeholder="a date or a release", help=help_)
    with middle:
        until = st.text_input("To", key="until", bind="query-params", placeholder="now", help=help_ + " Empty: now.")
    with right:
        author_box()
    _releases(here, [f"{one.name} ({one.at[:10]}, {one.author})" for one in releases])
    told = said()
    if told is not None:
        (st.success if told[0] == "done" else st.error)(literal(told[1]))
    try:
        if until:
            _counted(here, until)
        if not since:
            empty_state(
                "Choose a moment.", "Type a date or a release's name under From: what counted then is compared with To."
            )
            return
        _counted(here, since)
        _changes(here, curation.compare(since, until or None))
    except SaeRadError as error:
        st.error(literal(str(error)))


def _counted(here: Here, when: str) -> None:
    states = here.explorer.curation.as_of(when).all().values()
    counts = {status: sum(state.status == status for state in states) for status in STATUSES if status != "pending"}
    html(heading(f"What counted: {when}", "Features by state at that moment, of those that somebody had touched."))
    html(fact_strip([FactItem(number(n), STATUS_NAMES[status], f"At {when}.") for status, n in counts.items()]))


def _changes(here: Here, changes: list[Change]) -> None:
    features = len({one.feature_id for one in changes})
    says = "Every text, state, field, tag, list and group that isn't what it was."
    html(heading("What differs", says, f"{features} features"))
    if not changes:
        html('<p class="quiet">Nothing.</p>')
        return
    html(f'<table class="rows">{"".join(_row(here, one) for one in changes[:MOST])}</table>')
    if len(changes) > MOST:
        html(f'<p class="quiet">The first {MOST} of {number(len(changes))}; narrow the time for the rest.</p>')


def _row(here: Here, one: Change) -> str:
    before, after = (_plain(value) for value in (one.before, one.after))
    words = word_diff(before, after) if before and after else f"<del>{escape(before)}</del><ins>{escape(after)}</ins>"
    href = escape(here.links.page("curate", queue="all", feature=one.feature_id))
    return (
        f'<tr><td><a class="nav" href="{href}">#{one.feature_id}</a></td><td class="faint">{one.name.replace("_", " ")}</td>'
        f'<td class="wrap">{words}</td><td class="r">{escape(one.author)}</td><td class="r">{escape(one.at[:10])}</td></tr>'
    )


def _plain(value: object) -> str:
    if isinstance(value, (tuple, list)):
        return ", ".join(map(str, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else STATUS_NAMES.get(str(value), str(value))


def _releases(here: Here, names: list[str]) -> None:
    def name_it() -> None:
        try:
            done = here.explorer.curation.release((st.session_state["release_name"] or "").strip(), author())
            say("done", f"Named {done.data['name']}; compare with it by this name.")
        except SaeRadError as error:
            say("error", str(error))

    with st.popover(f"Releases ({len(names)})"):
        html(
            "".join(f'<p class="said">{escape(one)}</p>' for one in reversed(names)) or '<p class="quiet">None yet.</p>'
        )
        st.text_input("Name the present moment", key="release_name", max_chars=LONGEST_NAME)
        refused = why_not("manage")
        html(f'<div class="warning">{escape(refused)}</div>' if refused else "")
        st.button("Name it", key="release", on_click=name_it, disabled=bool(refused))
