"""The queue: which features are worth the next minute, and how it is narrowed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape

import streamlit as st

from saerad_core.store.curation import Queued
from saerad_core.ui.components import empty_state, heading, html, number, score, share
from saerad_core.ui.desk.address import KEPT, QUEUES, asked_for, default_queue, kept
from saerad_core.ui.desk.status import state_chip
from saerad_core.ui.feature_list import finding_name
from saerad_core.ui.state import Here

LENGTH = 30
"""Features of the queue that are listed."""
_SAYS = (
    "Most valuable first: how often the feature fires x how often its text enters reports x how doubtful it is (1 - its score; 1 where "
    "readers differ or nobody scored it) x complaints about sentences that rest on it. What isn't known counts as 1."
)


def _anew() -> None:
    # Another queue begins at its first feature.
    st.query_params.pop("feature", None)


def filters(here: Here) -> None:
    """Which queue, and what narrows it; all of it stands in the address."""
    snapshot = here.explorer.curation.snapshot()
    if st.query_params.get("queue", "") not in QUEUES:
        st.query_params.pop("queue", None)
    key, follow = asked_for("queue", default_queue(here))
    st.selectbox(
        "Queue", list(QUEUES), key=key, format_func=lambda name: QUEUES[name].name, on_change=follow,
        help=" ".join(f"{one.name}: {one.says}" for one in QUEUES.values()),
    )  # fmt: skip
    called = sum(bool(state.unanswered) for state in snapshot.all().values())
    if called:
        href = here.links.page("curate", queue="complaints")
        html(
            f'<div class="warning"><a class="link nav" href="{escape(href)}">Readers of reports rejected sentences that rest on '
            f"{called} feature{'s' if called > 1 else ''}.</a></div>"
        )
    narrowed = sum(bool(kept().get(name)) for name in KEPT if name != "queue")
    with st.popover(f"Narrow ({narrowed})" if narrowed else "Narrow", width="stretch"):
        st.text_input(
            "Words",
            key="q",
            bind="query-params",
            help="In text, finding, label or phrases; or a number.",
            on_change=_anew,
        )
        findings = here.explorer.counts("finding")
        _choice("Finding", "finding", sorted(findings), lambda key: f"{finding_name(key)} ({findings.get(key, 0)})")
        _choice("Tag", "tag", list(snapshot.tags()))
        _choice("List", "list", list(snapshot.lists()))
        given = sorted({state.assigned for state in snapshot.all().values() if state.assigned})
        _choice("Given to", "to", given)
        st.toggle("My bookmarks", key="marked", bind="query-params", on_change=_anew)
        st.toggle(
            "Blind reading", key="blind", bind="query-params",
            help="Write what you see before the program's and others' words are shown. Each reading is kept for the agreement.",
        )  # fmt: skip


def _choice(label: str, name: str, options: Sequence[str], says: Callable[[str], str] = str) -> None:
    key, follow = asked_for(name)
    asked = st.session_state[key]
    options = ["", *options, *([asked] if asked and asked not in options else [])]
    st.selectbox(label, options, key=key, format_func=lambda one: says(one) if one else "Any", on_change=follow)


def queue_list(here: Here, queue: Sequence[Queued], current: int | None, *, blind: bool) -> None:
    """The queue's beginning, or the part around the feature on the desk."""
    html(heading("Queue", _SAYS, number(len(queue))))
    if not queue:
        empty_state("This queue is empty.", "Choose another queue, or narrow it less.")
        return
    place = next((i for i, one in enumerate(queue) if one.feature_id == current), 0)
    first = max(0, min(place - 3, len(queue) - LENGTH))
    with st.container(height=560, border=False):
        html("".join(_row(here, one, current, blind=blind) for one in queue[first : first + LENGTH]))


def _row(here: Here, one: Queued, current: int | None, *, blind: bool) -> str:
    state = here.explorer.state(one.feature_id)
    text = "" if blind else here.explorer.text(one.feature_id)
    words = (
        f'<span class="text">{escape(text)}</span>'
        if text
        else f'<span class="text none">{"blind" if blind else "not described"}</span>'
    )
    why = (
        f"Fires in {share(one.frequency)} of training X-rays x use {score(one.use)} x doubt {score(one.doubt)} x "
        f"complaints {number(one.complaints)}" + ("; put off by you" if one.later else "")
    )
    href = here.links.page("curate", feature=one.feature_id, **kept())
    on = " on" if one.feature_id == current else ""
    return (
        f'<a class="feature nav{on}" data-stay href="{escape(href)}" title="{escape(why)}"><span class="id">#{one.feature_id}</span>'
        f'{words}<span class="nums compact"><span>{share(one.frequency)}</span>{state_chip(state.status)}</span></a>'
    )
