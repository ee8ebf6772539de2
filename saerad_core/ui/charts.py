"""Plots. Plotly is imported when one is drawn; colours, template and background are always set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import streamlit as st

from saerad_core.explorer import Bin

if TYPE_CHECKING:
    import plotly.graph_objects as go

HEIGHT = 190
"""Pixels; plots beside one another have the same."""


class Colours(NamedTuple):
    """What a plot needs of the theme."""

    ink: str
    quiet: str
    line: str
    bar: str
    accent: str


_DARK = Colours("#e4e7eb", "#8d95a0", "#24292f", "#4a5563", "#5cc8d7")
_LIGHT = Colours("#191d22", "#5a626c", "#dcdfe3", "#aab2bc", "#0b7285")


def colours() -> Colours:
    """Of the theme that the browser shows."""
    return _LIGHT if st.context.theme.type == "light" else _DARK


def layout_of(x: str, y: str, height: int = HEIGHT) -> dict:
    """The look that all plots share, as plotly's own mapping."""
    c = colours()

    def axis(title: str) -> dict:
        return {
            "gridcolor": c.line,
            "zerolinecolor": c.line,
            "linecolor": c.line,
            "tickfont": {"size": 11},
            "title": {"text": title, "font": {"size": 12}},
        }

    return {
        "template": "none",
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"color": c.quiet, "family": "Source Sans, sans-serif"},
        "margin": {"l": 52, "r": 8, "t": 6, "b": 40},
        "height": height,
        "showlegend": False,
        "hoverlabel": {"bgcolor": "#1b2026", "font": {"color": "#e4e7eb"}, "bordercolor": "#24292f"},
        "xaxis": axis(x),
        "yaxis": axis(y),
    }


def layout(figure: go.Figure, *, x: str, y: str, height: int = HEIGHT) -> go.Figure:
    """Give a figure the look that all plots share."""
    return figure.update_layout(layout_of(x, y, height))


def histogram(
    bins: Sequence[Bin], threshold: float, interval: tuple[float, float], mark: float | None = None
) -> go.Figure:
    """How strongly training X-rays show the feature.

    Args:
        bins: bars.
        threshold: dotted line; from it on the feature counts as active.
        interval: bars that reach into it are in colour.
        mark: activation of the X-ray that the reader came from.
    """
    import plotly.graph_objects as go

    c = colours()
    bars = {
        "type": "bar",
        "x": [(item.lo + item.hi) / 2 for item in bins],
        "width": [(item.hi - item.lo) * 0.94 for item in bins],
        "y": [item.n for item in bins],
        "customdata": [[item.lo, item.hi] for item in bins],
        "hovertemplate": "%{y} X-rays, activation %{customdata[0]:.2f} to %{customdata[1]:.2f}<extra></extra>",
        "marker": {
            "color": [c.accent if item.hi > interval[0] and item.lo < interval[1] else c.bar for item in bins],
            "line": {"width": 0},
        },
    }
    lines, notes = [], []
    if mark is not None:
        lines.append(_upright(mark, {"color": c.ink, "width": 1.5}))
        says = {"text": "this X-ray", "font": {"color": c.ink, "size": 11}, "showarrow": False}
        notes.append({"x": mark, "y": 1, "yref": "y domain", "xanchor": "left", "yanchor": "top"} | says)
    if threshold > 0:
        lines.append(_upright(threshold, {"color": c.accent, "width": 1, "dash": "dot"}))
    chosen = {
        "dragmode": "select",
        "selectdirection": "h",
        "newselection": {"line": {"color": c.accent, "width": 1}},
        **({"shapes": lines} if lines else {}),
        **({"annotations": notes} if notes else {}),
    }
    # In one piece and unchecked (a test checks it): each update_layout and add_vline copies the whole figure, and checking takes six
    # times as long as all the rest. A page has this figure for every feature that one looks at.
    # {} is "none", which only the check would put in the browser's words.
    layout = layout_of("activation", "X-rays") | chosen | {"template": {}}
    for axis in ("xaxis", "yaxis"):
        # Numbers that lie level and may stand over the edge needn't be measured: the browser lays the page out anew for each.
        layout[axis] = layout[axis] | {"tickangle": 0, "ticklabeloverflow": "allow"}
    return go.Figure({"data": [bars], "layout": layout}, _validate=False)


def _upright(x: float, line: dict) -> dict:
    """A line over the whole height of the plot."""
    return {"type": "line", "x0": x, "x1": x, "y0": 0, "y1": 1, "yref": "y domain", "line": line}


def concept_bars(names: Sequence[str], aurocs: Sequence[float]) -> go.Figure:
    """One bar a finding, best at the top, from chance to one."""
    import plotly.graph_objects as go

    c = colours()
    figure = go.Figure(
        go.Bar(
            x=[value - 0.5 for value in aurocs],
            base=0.5,
            y=list(names),
            orientation="h",
            customdata=list(aurocs),
            hovertemplate="%{y}: AUROC %{customdata:.3f}<extra></extra>",
            marker={"color": [c.accent if value >= 0.85 else c.bar for value in aurocs], "line": {"width": 0}},
        )
    )
    layout(figure, x="AUROC on unseen patients", y="finding", height=max(300, 19 * len(names) + 60))
    figure.update_xaxes(range=[min(0.5, *aurocs), 1.0])
    figure.update_yaxes(autorange="reversed", automargin=True, showgrid=False, title_standoff=12)
    figure.update_layout(margin={"l": 8})
    return figure


def training_curve(lines: Sequence[dict], column: str, name: str) -> go.Figure:
    """One figure of an SAE's training by step; validation looks, where they hold it, as dots."""
    import plotly.graph_objects as go

    c = colours()
    steps = [line for line in lines if line["kind"] == "step" and line.get(column) is not None]
    looks = [line for line in lines if line["kind"] == "look" and line.get(column) is not None]
    shown = [("training", steps, "lines", c.bar)]
    if column in ("explained_variance", "l0"):
        shown.append(("validation", looks, "markers", c.accent))
    figure = go.Figure()
    for title, some, mode, colour in shown:
        figure.add_trace(
            go.Scatter(
                x=[line["step"] for line in some],
                y=[line[column] for line in some],
                mode=mode,
                name=title,
                line={"color": colour},
                marker={"color": colour},
                hovertemplate=f"{title}, step %{{x}}: %{{y:.4g}}<extra></extra>",
            )
        )
    return layout(figure, x="step", y=name)
