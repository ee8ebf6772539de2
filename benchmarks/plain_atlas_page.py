"""The map of features as one would write it in Streamlit: plotly's scattergl in a fragment. What benchmarks/explorer.py compares with.

As quick as plotly goes: float32, no text a point, one trace a family, ids in customdata, the figure made once.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from saerad_core.explorer import Explorer
from saerad_core.ui.palette import FAMILIES, GREY, UNDESCRIBED, family_of
from saerad_core.workspace import Workspace

st.set_page_config(layout="wide")


@st.cache_resource
def _explorer() -> Explorer:
    return Explorer(Workspace.open(Path(os.environ["PLAIN_WORKSPACE"])))


@st.cache_resource
def _figure() -> go.Figure:
    points = _explorer().atlas()
    families = np.array([family_of(finding) for finding in points.finding])
    figure = go.Figure()
    for family, colour in [(UNDESCRIBED, GREY), *((name, colour) for name, (colour, _) in FAMILIES.items())]:
        at = np.flatnonzero(families == family)
        figure.add_trace(
            go.Scattergl(
                x=points.x[at],
                y=points.y[at],
                mode="markers",
                customdata=points.ids[at],
                marker={"size": 4, "color": colour},
                hoverinfo="none",
            )
        )
    figure.update_layout(template="none", dragmode="lasso", height=700, showlegend=False)
    figure.update_yaxes(scaleanchor="x")
    return figure


@st.fragment
def show() -> None:
    event = st.plotly_chart(_figure(), key="atlas", theme=None, on_select="rerun", selection_mode=("points", "lasso"))
    ids = [point["customdata"] for point in event["selection"]["points"]]
    rows = [_explorer().row(int(one[0] if isinstance(one, list) else one)) for one in ids[:40]]
    listed = "".join(f'<a class="feature">#{row.feature_id} {row.text}</a><br>' for row in rows)
    st.html(f'<div class="heading">Features <b>{len(ids) or ""}</b></div>{listed}')


show()
