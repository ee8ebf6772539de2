"""What one puts beside a feature without judging it: bookmark, tags, lists, a curator, notes. Each has an address."""

from __future__ import annotations

from html import escape

import streamlit as st

from saerad_core.errors import SaeRadError
from saerad_core.store.curation import FeatureState
from saerad_core.ui.components import chip, chips, html
from saerad_core.ui.desk.acts import say
from saerad_core.ui.desk.author import author
from saerad_core.ui.state import Here


def marks(here: Here, state: FeatureState) -> None:
    """What is there as chips that lead to their queue, and a box to add to it."""
    feature, mine = state.feature_id, author() in state.bookmarked
    link = here.links.page
    shown = [chip(f"tag: {one}", href=link("curate", queue="all", tag=one)) for one in state.tags]
    shown += [chip(f"list: {one}", href=link("curate", queue="all", list=one)) for one in state.lists]
    shown += (
        [chip(f"given to {state.assigned}", href=link("curate", queue="all", to=state.assigned))]
        if state.assigned
        else []
    )
    html(chips(shown) if shown else "")
    for note in state.notes[-4:]:
        html(
            f'<p class="said"><span class="faint">{escape(note.author)}, {escape(note.at[:10])}</span> {escape(note.text)}</p>'
        )
    with st.container(horizontal=True, gap="small"):
        st.button(
            "Bookmarked" if mine else "Bookmark", key=f"desk_mark_{feature}", type="tertiary", shortcut="M", on_click=_bookmark,
            args=(here, feature, not mine), help="For yourself; Narrow, My bookmarks lists them.",
        )  # fmt: skip
        with st.popover("Note, tag, list, give"):
            for label, name in (("Note", "note"), ("Tag", "newtag"), ("List", "newlist"), ("Give to", "give")):
                st.text_input(label, key=f"desk_{name}_{feature}_{state.number}")
            st.button("Add", key=f"desk_add_{feature}", on_click=_add, args=(here, state))


def _bookmark(here: Here, feature: int, on: bool) -> None:
    try:
        here.explorer.curation.bookmark(feature, author(), on=on)
    except SaeRadError as error:
        say("error", str(error))


def _add(here: Here, state: FeatureState) -> None:
    curation, who, feature = here.explorer.curation, author(), state.feature_id
    note, tag, name, to = (
        (st.session_state.get(f"desk_{one}_{feature}_{state.number}") or "").strip()
        for one in ("note", "newtag", "newlist", "give")
    )
    try:
        if note:
            curation.note(feature, note, who)
        if tag:
            curation.tag([feature], who, add=[tag])
        if name:
            curation.list_([feature], name, who)
        if to:
            curation.assign([feature], to, who)
    except SaeRadError as error:
        say("error", str(error))
