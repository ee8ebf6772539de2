"""Where a feature lies on the map of features: a small picture of all of them, and a mark."""

from __future__ import annotations

import base64
import io
from html import escape

import numpy as np
import streamlit as st

from saerad_core.explorer import AtlasPoints, FeatureRow
from saerad_core.ui.components import heading, html
from saerad_core.ui.palette import colour_of
from saerad_core.ui.state import Here, version_of

SIDE = 160
"""Cells along a side of the picture."""


def small_map(here: Here, row: FeatureRow) -> None:
    """Nothing while the map is still being drawn."""
    points = here.explorer.atlas()
    if points is None:
        return
    at = np.flatnonzero(points.ids == row.feature_id)
    if not len(at):
        return
    picture, (x0, y0, x1, y1) = _cloud(str(here.workspace.root), version_of(here.workspace), points)
    left = (float(points.x[at[0]]) - x0) / (x1 - x0)
    top = 1 - (float(points.y[at[0]]) - y0) / (y1 - y0)
    html(
        heading(
            "On the map", "All features by UMAP of their decoder directions; this one is the mark. Opens the atlas."
        )
    )
    html(
        f'<a class="map nav" href="{escape(here.links.page("atlas", ids=row.feature_id))}" aria-label="Open the atlas">'
        f'<img src="{picture}" alt="All features, brighter where they are many">'
        f'<i style="left:{left:.1%};top:{top:.1%};background:{colour_of(row.finding)}"></i></a>'
    )


@st.cache_data(max_entries=4, show_spinner=False)
def _cloud(root: str, version: str, _points: AtlasPoints) -> tuple[str, tuple[float, float, float, float]]:
    """All points as a data address, and what it shows: left, bottom, right, top."""
    from PIL import Image

    # The outermost thousandth would leave the rest in a corner.
    (x0, x1), (y0, y1) = (np.quantile(values, (0.001, 0.999)) for values in (_points.x, _points.y))
    x0, y0, x1, y1 = x0 - 0.5, y0 - 0.5, x1 + 0.5, y1 + 0.5
    counts, _, _ = np.histogram2d(-_points.y, _points.x, SIDE, ((-y1, -y0), (x0, x1)))
    alpha = np.where(counts > 0, 70 + 185 * np.sqrt(counts / max(counts.max(), 1)), 0)
    grey = np.full((SIDE, SIDE, 4), 141, np.uint8)
    grey[..., 3] = alpha.astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(grey, "RGBA").save(file, format="PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}", (
        float(x0),
        float(y0),
        float(x1),
        float(y1),
    )
