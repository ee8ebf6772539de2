"""The report page before an X-ray is open: upload one, or take one of the workspace's."""

from __future__ import annotations

import streamlit as st

from saerad_core.ui.components import XrayCell, chips, heading, html, pseudo_chip, simulated_chip, xray_grid
from saerad_core.ui.report_source import LIMIT, keep_upload
from saerad_core.ui.state import Here

OFFERED = 12
"""X-rays of the test split that are offered, one a patient."""


def choose(here: Here) -> None:
    """Upload or pick."""
    labels = ([simulated_chip()] if here.simulated else []) + ([pseudo_chip()] if here.pseudo_reports else [])
    html(
        (chips(labels) if labels else "")
        + '<div class="hero">Read a chest X-ray</div>'
        + '<p class="lead">A frontal radiograph as PNG, JPEG or DICOM. It is kept in memory for this session only and never written to disk.</p>'
    )
    st.file_uploader(
        "X-ray",
        key=f"file_{st.session_state.get('file_turn', 0)}",
        on_change=keep_upload,
        max_upload_size=LIMIT,
        help=f"One frontal chest X-ray, PNG (8 or 16 bit), JPEG or DICOM (CR, DX), at most {LIMIT} MB.",
        label_visibility="collapsed",
    )
    if here.simulated:
        _offer_drawn(here)
    page = int(st.session_state.get("offer", 0))
    images = here.explorer.unseen_images(OFFERED, page)
    if not images:
        return
    with st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute"):
        html(
            heading(
                "Or one that the model hasn't seen",
                "X-rays of patients of the test split: nothing was trained or fitted on them.",
                "test patients",
            )
        )
        if st.button("Others", key="others", help="Twelve other test patients."):
            st.session_state["offer"] = page + 1
            st.rerun()
    html(
        xray_grid(
            [
                XrayCell(
                    here.links.thumb(image.image_id), here.links.image(image.image_id), label=f"X-ray {image.image_id}"
                )
                for image in images
            ],
            cell="9.5rem",
        )
    )


def _offer_drawn(here: Here) -> None:
    from secrets import randbelow

    def draw() -> None:
        st.query_params["drawn"] = str(randbelow(100_000))

    st.button(
        "Draw a new simulated X-ray",
        key="draw",
        on_click=draw,
        help="A patient that was never seen before; afterwards the report can be held against what was drawn.",
    )
