"""Under which name a reader works: who signed in, or where there is no login a name that nobody checks, and the page says so."""

from __future__ import annotations

from html import escape
from urllib.parse import unquote

import streamlit as st

from saerad_core.errors import SaeRadError
from saerad_core.store.curation.events import LONGEST_NAME
from saerad_core.ui.components import html
from saerad_core.ui.login import may, person
from saerad_core.ui.login.configured import gated

COOKIE = "saerad_author"
"""Set by desk.js, so that a reload finds the name, and with it the drafts."""


def author() -> str:
    """The reader's name; "" until they gave one or signed in."""
    if gated():
        try:
            return person().name
        except SaeRadError:
            return ""
    if "author" not in st.session_state:
        given = st.context.cookies.get(COOKIE)
        # Without a browser there is no text in it.
        st.session_state["author"] = unquote(given)[:LONGEST_NAME].strip() if isinstance(given, str) else ""
    return st.session_state["author"]


def author_box() -> None:
    """Where the name is typed, or who signed in."""
    if gated():
        html(f'<div class="quiet">You write as <b>{escape(author())}</b>.</div>' if may("curate") else "")
        return

    def take() -> None:
        st.session_state["author"] = (st.session_state["author_box"] or "").strip()

    # Widgets are forgotten when their page is left; the name isn't.
    st.text_input(
        "Your name (not verified)",
        value=author(),
        key="author_box",
        max_chars=LONGEST_NAME,
        placeholder="for the history",
        help="Kept with every act, and drafts are kept under it. It isn't verified: whoever types a name acts under it.",
        on_change=take,
    )
