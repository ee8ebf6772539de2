"""Where a reader edits one description: text, judgement, history. Every act is an event; nothing is overwritten."""

from __future__ import annotations

from html import escape
from typing import NamedTuple

import streamlit as st

from saerad_core.errors import SaeRadError
from saerad_core.explorer import BANDS, Conflict, Edit, FeatureRow
from saerad_core.ui.components import XrayCell, chips, heading, html, literal, marked, number, status_chip, xray_grid
from saerad_core.ui.feature_words import machine_words
from saerad_core.ui.state import Here

LONGEST = 500
"""Characters of a description."""
SHOWN = 12
"""X-rays beside the text, one a patient."""
_JUDGEMENTS = (
    ("accepted", "Accept", "A", "The text fits the X-rays."),
    ("rejected", "Reject", "J", "The text doesn't fit the X-rays."),
    ("unsure", "Unsure", "U", "You can't tell whether the text fits the X-rays."),
)
"""Status, button, key, tooltip."""


class _Draft(NamedTuple):
    """What a reader began to edit."""

    revision: int
    """Of the history when the box was filled; an edit by somebody else since then is a conflict."""
    text: str
    """That the box was filled with."""


def desk(here: Here, feature_id: int, after: int | None) -> None:
    """One feature: its words, what to do with them, its X-rays and its history.

    Args:
        after: the feature that the queue holds next, None at its end.
    """
    row = here.explorer.row(feature_id)
    history = here.explorer.history(feature_id)
    _head(here, row, after)
    html(f'<div class="machine-text">{machine_words(row)}</div>')
    _edit(here, row, history)
    _history(history)
    _images(here, row)


def _head(here: Here, row: FeatureRow, after: int | None) -> None:
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        html(
            f'<div class="chips"><a class="chip nav" href="{escape(here.links.feature(row.feature_id))}" '
            f'title="Open the feature\'s own page">#{row.feature_id}</a>{status_chip(row.status)}</div>'
        )
        if st.button(
            "Next in queue", key="after", shortcut="N", disabled=after is None, help="The next feature of the queue."
        ):
            st.query_params["feature"] = str(after)
            st.rerun()
    html(f'<div class="hero{"" if row.text else " none"}">{escape(row.text) if row.text else "Not described"}</div>')


def _draft(here: Here, row: FeatureRow, revision: int) -> _Draft:
    """The draft of this feature; follows the history as long as the reader has typed nothing."""
    name = f"draft_{here.name}_{row.feature_id}"
    draft: _Draft | None = st.session_state.get(name)
    if draft is not None and draft.revision != revision:
        typed = st.session_state.get(_box(row, draft))
        if typed is None or typed == draft.text:
            draft = None
    if draft is None:
        draft = _Draft(revision, row.text)
        st.session_state[name] = draft
    return draft


def _box(row: FeatureRow, draft: _Draft) -> str:
    return f"text_{row.feature_id}_{draft.revision}"


def _edit(here: Here, row: FeatureRow, history: list[Edit]) -> None:
    draft = _draft(here, row, history[-1].revision if history else 0)
    left, right = st.columns([2.4, 1], vertical_alignment="bottom")
    with left:
        text = st.text_area(
            "Description",
            value=draft.text,
            key=_box(row, draft),
            max_chars=LONGEST,
            height=90,
            help="What all these X-rays have in common, as a report would say it.",
        )
    with right:
        author = st.text_input(
            "Your name",
            value=st.session_state.get("author", ""),
            key="author_box",
            max_chars=80,
            placeholder="for the history",
            help="Kept with every edit. Stays in this session.",
        )
        # Widgets are forgotten when their page is left; the name isn't.
        author = author or ""
        st.session_state["author"] = author
    with st.container(horizontal=True, gap="small"):
        if st.button(
            "Save description",
            key="save",
            type="primary",
            shortcut="Ctrl+Enter",
            help="Adds your text to the history; the program's text stays in view.",
        ):
            _act(here, row, draft, "edited", author, text)
        for status, name, key, says in _JUDGEMENTS:
            if st.button(name, key=status, shortcut=key, help=says, disabled=not row.text):
                _act(here, row, draft, status, author)
        touched = bool(history) and history[-1].status != "suggested"
        says = "The program's text counts again; the history keeps yours."
        if touched and st.button("Back to suggestion", key="revert", help=says):
            _act(here, row, draft, "suggested", author)
    _said(here, row, draft, text)


def _act(here: Here, row: FeatureRow, draft: _Draft, status: str, author: str, text: str = "") -> None:
    """Write one event, then show the page as it is now."""
    try:
        here.explorer.curate(row.feature_id, status, author.strip(), draft.revision, text.strip())
        said = ("done", "Saved.")
        st.session_state.pop(f"draft_{here.name}_{row.feature_id}", None)
    except Conflict as conflict:
        said = ("conflict", str(conflict))
    except SaeRadError as error:
        said = ("error", str(error))
    st.session_state["said"] = (row.feature_id, *said)
    st.rerun()


def _said(here: Here, row: FeatureRow, draft: _Draft, text: str) -> None:
    """What became of the last act."""
    feature_id, kind, words = st.session_state.get("said") or (None, "", "")
    if feature_id != row.feature_id:
        return
    if kind != "conflict":
        del st.session_state["said"]
        if kind == "done":
            st.toast(literal(words))
        else:
            st.error(literal(words))
        return
    st.error(literal(words))

    def take(value: str) -> None:
        history = here.explorer.history(row.feature_id)
        latest = _Draft(history[-1].revision, here.explorer.text(row.feature_id))
        st.session_state[f"draft_{here.name}_{row.feature_id}"] = latest
        st.session_state[_box(row, latest)] = value
        del st.session_state["said"]

    with st.container(horizontal=True):
        st.button(
            "Go on with mine",
            key="mine",
            on_click=take,
            args=(text,),
            help="Your text stays in the box and can be saved over the other one.",
        )
        st.button(
            "Take the other",
            key="theirs",
            on_click=take,
            args=(here.explorer.text(row.feature_id),),
            help="Drops your text.",
        )


def _images(here: Here, row: FeatureRow) -> None:
    if not row.alive:
        return
    images, _ = here.explorer.top_images(row.feature_id, BANDS[0], SHOWN)
    html(
        heading(
            "Strongest",
            "Training X-rays with the highest activation, one a patient. Hold H for the heatmap.",
            "one a patient",
        )
    )
    html(
        xray_grid(
            [
                XrayCell(
                    here.links.thumb(image.image_id),
                    here.links.image(image.image_id),
                    tag=number(image.activation, 2),
                    tag_says="Activation",
                    caption=marked(image.report, here.explorer.evidence_phrases(row, image), limit=110),
                    heat=here.links.heat(row.feature_id, image.image_id),
                    label=f"X-ray {image.image_id}",
                )
                for image in images
            ]
        )
    )


def _history(history: list[Edit]) -> None:
    html(
        heading(
            "History",
            "Every edit of this feature, latest first. Nothing is ever overwritten.",
            str(len(history)) if history else "",
        )
    )
    if not history:
        html('<p class="quiet">No reader has touched this feature yet.</p>')
        return
    rows = "".join(
        f"<tr><td>{chips([status_chip(edit.status)])}</td><td>{escape(edit.text) if edit.text else '<span class=faint>text unchanged</span>'}</td>"
        f'<td class="r">{escape(edit.author)}</td><td class="r">{escape(edit.when)}</td></tr>'
        for edit in reversed(history)
    )
    html(f'<table class="rows">{rows}</table>')
