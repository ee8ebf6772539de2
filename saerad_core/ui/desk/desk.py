"""The desk: the queue on the left, one feature on the right. Acts rerun this part of the page and nothing else."""

from __future__ import annotations

import time
from html import escape

import streamlit as st

from saerad_core.explorer import BANDS
from saerad_core.store.curation import Complaint, place_in
from saerad_core.ui.components import chip, chips, empty_state, foot, html, literal, number, pseudo_chip, simulated_chip
from saerad_core.ui.desk.acts import Seen, clash_of, said
from saerad_core.ui.desk.address import on, queued
from saerad_core.ui.desk.author import author, author_box
from saerad_core.ui.desk.began import begin, keep_typed
from saerad_core.ui.desk.blind_panel import adjudication, after_reading, before_reading, own_reading
from saerad_core.ui.desk.conflict_panel import conflict
from saerad_core.ui.desk.detection_panel import detection, offer_test
from saerad_core.ui.desk.history_panel import history
from saerad_core.ui.desk.impact_panel import impact
from saerad_core.ui.desk.keeper import keeper
from saerad_core.ui.desk.marks_panel import marks
from saerad_core.ui.desk.queue_panel import filters, queue_list
from saerad_core.ui.desk.status import state_chip
from saerad_core.ui.desk.words_panel import box, buttons, moves, oddities, suggestion
from saerad_core.ui.desk.xrays_panel import SHOWN, xrays
from saerad_core.ui.feature_page import parse_feature
from saerad_core.ui.feature_words import machine_words
from saerad_core.ui.feature_xrays import fetch_ahead
from saerad_core.ui.login import may
from saerad_core.ui.state import Here


@st.fragment
def show_desk(here: Here) -> None:
    """Queue and feature of the address."""
    began = time.perf_counter()
    left, right = st.columns([1, 2.3], gap="medium")
    with left:
        author_box()
        filters(here)
    blind = on("blind")
    queue = queued(here, author())
    queue_ms = (time.perf_counter() - began) * 1000
    asked = st.query_params.get("feature", "")
    current = parse_feature(here, asked) if asked else (queue[0].feature_id if queue else None)
    if current is not None and not asked:
        # From now on the desk stays with it, whatever others do to the queue.
        st.query_params["feature"] = str(current)
    place = None if current is None else place_in(queue, current)
    # After the last one the first that is left.
    rest = [one.feature_id for one in [*([] if place is None else queue[place + 1 : place + 3]), *queue[:2]]]
    after = next((one for one in rest if one != current), None)
    with left:
        queue_list(here, queue, current, blind=blind)
    with right:
        if current is None:
            empty_state("Nothing to curate here.", "Choose another queue, or narrow it less.")
        else:
            _feature(here, current, after, blind=blind)
            fetch_ahead(here, after, BANDS[0], SHOWN)
    keeper(here)
    _told(here, began, queue_ms)


def _feature(here: Here, feature_id: int, after: int | None, *, blind: bool) -> None:
    row, state, who = here.explorer.row(feature_id), here.explorer.state(feature_id), author()
    reading = own_reading(state) if blind else None
    unread = blind and reading is None
    began = begin(here, state, who, empty=blind)
    st.session_state["desk_at"] = feature_id
    seen = Seen(began, state, row.machine_text, after)
    # The same three places for every feature: a button of the one before is replaced by its successor, never left beside it, where it
    # would take the keys until the run has ended.
    top, middle, bottom = st.container(), st.container(), st.container()
    with top:
        _head(here, feature_id, [state_chip(state.status)] + ([chip("blind reading", "notice")] if unread else []))
    if on("test"):
        detection(here, row, state)
        return
    with top:
        text = "" if blind else state.text or state.machine
        if text:
            html(f'<div class="hero">{escape(text)}</div>')
        if not blind:
            html("".join(_complaint(one, one in state.unanswered) for one in state.complaints[-3:]))
        if not blind and state.reason:
            html(f'<div class="warning">{escape(state.author)}: {escape(state.reason)}</div>')
        if state.merged_into is not None:
            into = here.links.page("curate", feature=state.merged_into)
            html(
                f'<div class="quiet">Merged into {chip(f"#{state.merged_into}", href=into)}, whose words count here.</div>'
            )
    clash = clash_of(feature_id)
    if clash is not None:
        with middle:
            conflict(here, clash)
    if unread and may("curate"):
        with middle:
            box(began, suggested=False)
        with bottom:
            before_reading(here, seen)
            oddities(here, began, row, blind=True)
    elif reading is not None:
        with middle:
            after_reading(here, row, reading, seen)
    elif clash is None and not may("curate"):
        with middle:
            html(f'<div class="machine-text">{machine_words(row)}</div>')
        with bottom:
            moves(here, seen)
    elif clash is None:
        with middle:
            suggestion(here, row, state, seen)
            box(began, suggested=bool(row.machine_text) and not state.text)
        with bottom:
            buttons(here, seen, state)
            oddities(here, began, row)
    failed = keep_typed(here, began) if clash is None else ""
    if failed:
        st.error(literal(failed))
    if not unread and clash is None:
        impact(here, seen)
    xrays(here, row, blind=unread)
    if not unread:
        adjudication(here, state, seen)
        if may("curate"):
            marks(here, state)
            offer_test(here, row, state)
        history(here, seen)


def _complaint(one: Complaint, open_: bool) -> str:
    """A report's sentence that was rejected; quiet once the feature was judged anew."""
    said = f"\N{LEFT DOUBLE QUOTATION MARK}{escape(one.sentence)}\N{RIGHT DOUBLE QUOTATION MARK}"
    why = f": {escape(one.reason)}" if one.reason else ""
    look = "warning" if open_ else "quiet"
    return f'<div class="{look}">{escape(one.author)}, {escape(one.at[:10])}, rejected {said} in a report{why}</div>'


def _head(here: Here, feature_id: int, parts: list[str]) -> None:
    notices = [simulated_chip()] if here.simulated else []
    notices += [pseudo_chip()] if here.pseudo_reports else []
    own = chip(f"#{feature_id}", "desk-id", "Open the feature's own page", here.links.feature(feature_id))
    keys = '<a class="link quiet" href="#" data-keys>Keys <kbd>?</kbd></a>'
    html(chips([own, *parts, *notices, keys]))


def _told(here: Here, began: float, queue_ms: float) -> None:
    """What became of the last act, and what it cost."""
    told = said()
    if told is not None:
        if told[0] == "done":
            st.toast(literal(told[1]))
        else:
            st.error(literal(told[1]))
    wrote = st.session_state.pop("desk_wrote_ms", None)
    page = (time.perf_counter() - began) * 1000
    parts = [f"written {number(wrote)} ms"] if wrote is not None else []
    parts += [f"queue {number(queue_ms)} ms", f"page {number(page)} ms"]
    foot(" \N{MIDDLE DOT} ".join(parts), here.workspace.manifest.sae.rule)
