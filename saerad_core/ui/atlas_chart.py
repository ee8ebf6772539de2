"""The map of features as a plot: one WebGL trace a family, stable ids in customdata, no text a point."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from saerad_core.explorer import AtlasPoints
from saerad_core.ui.charts import colours, layout
from saerad_core.ui.palette import FAMILIES, GREY, UNDESCRIBED, family_of

if TYPE_CHECKING:
    import plotly.graph_objects as go

HEIGHT = 700


def atlas_figure(workspace: str, version: str, points: AtlasPoints, revision: int) -> go.Figure:
    """The figure of a workspace, made once for each theme and state of the descriptions."""
    theme = "light" if st.context.theme.type == "light" else "dark"
    return _figure(workspace, version, revision, theme, points)


@st.cache_data(max_entries=8, show_spinner=False)
def _figure(workspace: str, version: str, revision: int, theme: str, _points: AtlasPoints) -> go.Figure:
    import plotly.graph_objects as go

    points = _points
    families = np.array([family_of(finding) for finding in points.finding])
    figure = go.Figure()
    # Grey first: what has no finding lies under what has one.
    for family, colour in [(UNDESCRIBED, GREY), *((name, colour) for name, (colour, _) in FAMILIES.items())]:
        here = np.flatnonzero(families == family)
        if not len(here):
            continue
        faint = family == UNDESCRIBED
        figure.add_trace(
            go.Scattergl(
                x=points.x[here],
                y=points.y[here],
                mode="markers",
                name=family,
                customdata=_customdata(points, here, texts=not faint),
                hovertemplate="%{customdata[1]}<br>#%{customdata[0]}<extra></extra>"
                if not faint
                else "#%{customdata}, no finding<extra></extra>",
                marker={
                    "size": 4 if faint else 6,
                    "color": colour,
                    "opacity": 0.45 if faint else 0.9,
                    "line": {"width": 0},
                },
                unselected={"marker": {"opacity": 0.15}},
            )
        )
    layout(figure, x="UMAP 1", y="UMAP 2", height=HEIGHT)
    figure.update_xaxes(showticklabels=False, showgrid=False, zeroline=False)
    # One scale for both, so that a lasso looks like what it encloses.
    figure.update_yaxes(showticklabels=False, showgrid=False, zeroline=False, scaleanchor="x")
    figure.update_layout(
        dragmode="lasso", uirevision=f"{workspace}-{version}", margin={"l": 28, "r": 0, "t": 4, "b": 28}
    )
    figure.update_layout(
        newselection={"line": {"color": colours().accent, "width": 1}}, modebar={"bgcolor": "rgba(0,0,0,0)"}
    )
    return figure


def _customdata(points: AtlasPoints, here: np.ndarray, *, texts: bool) -> Any:
    # Texts only where there are some: with one for each of 49,152 points the plot weighs four times as much.
    if not texts:
        return points.ids[here]
    return [[int(points.ids[i]), points.text[i]] for i in here]


def chosen_ids(event: Any) -> list[int] | None:
    """Feature ids of what was selected on the map; None where nothing ever was in this session."""
    selection = event["selection"] if event else None
    if not selection:
        return None
    points = selection.get("points", [])
    drawn = points or selection.get("box") or selection.get("lasso")
    if not drawn:
        return None
    return sorted({_id(point["customdata"]) for point in points if point.get("customdata") is not None})


def _id(customdata: Any) -> int:
    # A plain number where the trace carries ids alone; number and text where it carries both.
    return int(customdata[0]) if isinstance(customdata, list) else int(customdata)
