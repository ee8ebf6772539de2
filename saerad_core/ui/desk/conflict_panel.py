"""Somebody was faster: what it was, what they made of it, what you wanted; you choose."""

from __future__ import annotations

from html import escape

import streamlit as st

from saerad_core.store.curation import Difference
from saerad_core.ui.components import html, literal
from saerad_core.ui.desk.acts import Clash, edit_on, keep_mine, take_theirs
from saerad_core.ui.desk.diff import word_diff
from saerad_core.ui.desk.status import STATUS_NAMES
from saerad_core.ui.state import Here


def conflict(here: Here, clash: Clash) -> None:
    """The three versions side by side and the ways on."""
    st.error(literal(f"{clash.error} Nothing was written."))
    names = ("", "When you began", "Now", "Yours")
    head = "".join(f"<th>{name}</th>" for name in names)
    rows = "".join(_row(one) for one in clash.error.differences())
    html(f'<table class="rows three"><tr>{head}</tr>{rows}</table>')
    with st.container(horizontal=True, gap="small"):
        if clash.text and clash.what != "reject":
            st.button(
                "Save mine", key=f"desk_mine_{clash.feature_id}", type="primary", on_click=keep_mine, args=(here, clash),
                help="Yours counts; theirs stays in the history.",
            )  # fmt: skip
            st.button(
                "Go on with mine", key=f"desk_edit_on_{clash.feature_id}", on_click=edit_on, args=(here, clash),
                help="Yours stays in the box and rests on theirs from now on.",
            )  # fmt: skip
        st.button(
            "Take theirs",
            key=f"desk_theirs_{clash.feature_id}",
            on_click=take_theirs,
            args=(here, clash),
            help="Drops yours.",
        )


def _row(one: Difference) -> str:
    name = one.name.replace("_", " ")
    if one.name == "text":
        none = "the program's text"
        theirs, mine = word_diff(one.base, one.theirs, none), word_diff(one.base, one.mine, none)
    else:
        theirs, mine = escape(_plain(one.name, one.theirs)), escape(_plain(one.name, one.mine))
    cells = (escape(_plain(one.name, one.base)), theirs, mine)
    return f'<tr><td class="faint">{name}</td>' + "".join(f'<td class="wrap">{cell}</td>' for cell in cells) + "</tr>"


def _plain(name: str, value: object) -> str:
    if name == "status":
        return STATUS_NAMES.get(str(value), str(value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value or "").replace("_", " ") or ("the program's text" if name == "text" else "\N{EN DASH}")
