"""The pinned X-rays: whose reports curators watch while they edit. The list has an address (part=pinned) and everybody sees the same."""

from __future__ import annotations

import streamlit as st

from saerad_core.ui.components import XrayCell, empty_state, heading, html, marked, xray_grid
from saerad_core.ui.desk.author import author_box
from saerad_core.ui.desk.impact_panel import pin_all
from saerad_core.ui.login import may
from saerad_core.ui.state import Here


@st.fragment
def show_pinned(here: Here) -> None:
    """The page's part."""
    left, right = st.columns([1, 2.3], gap="medium")
    pins = here.explorer.curation.snapshot().pins()
    with left:
        author_box()
        _pin_box(here)
        if pins and may("curate"):
            gone = st.multiselect("Take off", pins, key=f"pins_off_{len(pins)}", placeholder="pinned X-rays")
            st.button(
                "Take off",
                key="pins_take_off",
                disabled=not gone,
                on_click=pin_all,
                args=(here, gone),
                kwargs={"on": False},
            )
    with right:
        says = "On the desk, What would change writes their reports before and after an edit."
        html(heading("Pinned X-rays", says, str(len(pins))))
        if not pins:
            empty_state("No X-ray is pinned.", "Name one on the left, or pin the one in the desk's viewer.")
            return
        images = [image for image in (here.explorer.image(one) for one in pins) if image is not None]
        cells = [
            XrayCell(
                here.links.thumb(image.image_id), here.links.image(image.image_id), tag=image.split,
                caption=marked(image.impression or image.report, limit=90), label=f"X-ray {image.image_id}", line=image.image_id,
            )
            for image in images
        ]  # fmt: skip
        html(xray_grid(cells, cell="9.4rem"))


def _pin_box(here: Here) -> None:
    def add() -> None:
        name = (st.session_state["pins_name"] or "").strip()
        if name and here.explorer.has_image(name):
            pin_all(here, [name])
            st.session_state["pins_name"] = ""
        elif name:
            st.session_state["pins_unknown"] = True

    st.text_input(
        "Pin an X-ray", key="pins_name", on_change=add, disabled=not may("curate"), placeholder="its name",
        help="As its page and the links of its pictures call it.",
    )  # fmt: skip
    if st.session_state.pop("pins_unknown", False):
        html('<div class="warning">There is no X-ray of this name here; copy it from the X-ray\'s page.</div>')
