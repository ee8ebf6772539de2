"""The X-rays that show the feature, and the viewer on request."""

from __future__ import annotations

import streamlit as st

from saerad_core.explorer import BANDS, FeatureRow
from saerad_core.ui.components import empty_state, heading, html, xray_grid
from saerad_core.ui.desk.address import on
from saerad_core.ui.desk.impact_panel import pin_all
from saerad_core.ui.feature_xrays import xray_cell
from saerad_core.ui.login import may
from saerad_core.ui.state import Here
from saerad_core.ui.viewer import stored_picture, xray_viewer

SHOWN = 12
"""X-rays beside the text, one a patient."""


def xrays(here: Here, row: FeatureRow, *, blind: bool = False) -> None:
    """The strongest training X-rays, heatmaps while H is held."""
    if not row.alive:
        empty_state(
            "This feature is silent.", "It isn't active in any training X-ray, so there is nothing to describe."
        )
        return
    images, _ = here.explorer.top_images(row.feature_id, BANDS[0], SHOWN)
    says = "Training X-rays with the highest activation, one a patient. Hold H for the heatmaps."
    if blind:
        says += " Their reports are shown after your reading."
    html(heading("Strongest", says, "one a patient"))
    # Report texts would say what a blind reader is to find.
    cells = [xray_cell(here, row, image, phrases=[] if blind else None) for image in images]
    cells = [cell._replace(caption="", line="") if blind else cell for cell in cells]
    html(xray_grid(cells, cell="9.4rem"))
    _viewer(here, row, [image.image_id for image in images])


def _viewer(here: Here, row: FeatureRow, names: list[str]) -> None:
    shown = on("viewer")

    def toggle() -> None:
        if shown:
            st.query_params.pop("viewer", None)
        else:
            st.query_params["viewer"] = "1"

    st.button(
        "Close the viewer" if shown else "Open in the viewer", key="desk_viewer", shortcut="V", type="tertiary",
        on_click=toggle, help="Window and level, zoom, heatmap: the feature's strongest X-rays in full.",
    )  # fmt: skip
    if shown and names:
        chosen = st.pills(
            "X-ray",
            names[:6],
            default=names[0],
            required=True,
            key=f"desk_film_{row.feature_id}",
            label_visibility="collapsed",
        )
        film = chosen or names[0]
        pinned = film in here.explorer.curation.snapshot().pins()
        st.button(
            "Unpin this X-ray" if pinned else "Pin this X-ray", key=f"desk_pin_film_{film}", type="tertiary", on_click=pin_all,
            args=(here, [film]), kwargs={"on": not pinned}, disabled=not may("curate"),
            help="Pinned X-rays' reports are watched while descriptions are edited.",
        )  # fmt: skip
        xray_viewer(stored_picture(here, film, [row.feature_id]), key=f"desk_viewer_{row.feature_id}")
