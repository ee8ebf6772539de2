"""Where facts are lost, on the evaluate page: a bar a cause, and the findings that lose most."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import streamlit as st

from saerad_core.ui.charts import colours, layout
from saerad_core.ui.components import heading, html, number, score, tip
from saerad_core.ui.feature_rows import label_name

if TYPE_CHECKING:
    import plotly.graph_objects as go

MOST = 12
"""Findings listed, those that lose most."""
HEIGHT = 300


def report_losses(found: dict[str, Any]) -> None:
    """For what `evaluate` wrote as ``losses``."""
    if not found.get("causes"):
        return
    html(
        heading(
            "Where facts are lost",
            "Why true facts are missing from this program's reports, and why facts in them are wrong; each has one cause, the first that holds. "
            "A fact is a finding with its side and place: one on the wrong side counts as missed and as wrong.",
        )
    )
    left, right = st.columns([1.15, 1], gap="medium")
    with left:
        st.plotly_chart(_bars(found["causes"]), key="losses", theme=None, config={"displayModeBar": False})
        html(_causes(found))
    with right:
        html(_findings(found["findings"]))
        if sum(found.get("grades", {}).values()):
            html(f'<p class="quiet">{escape(grades_said(found["grades"]))}</p>')


def grades_said(grades: dict[str, int]) -> str:
    """How severities are worded, in one sentence."""
    n = sum(grades.values())
    return (
        f"Of {n} facts that are stated rightly and have a severity, {grades['right'] / n:.0%} have the right one, {grades['step'] / n:.0%} the "
        f"next, {grades['further'] / n:.0%} one further off and {grades['unsaid'] / n:.0%} none; severity doesn't count in the facts."
    )


def _bars(causes: dict[str, dict[str, Any]]) -> go.Figure:
    import plotly.graph_objects as go

    look = colours()
    titles = [one["title"] for one in causes.values()]
    bars = [
        go.Bar(
            x=[one[kind] for one in causes.values()],
            y=titles,
            orientation="h",
            name=kind,
            marker={"color": colour, "line": {"width": 0}},
            hovertemplate=f"%{{y}}: %{{x}} facts {kind}<extra></extra>",
        )
        for kind, colour in (("missed", look.accent), ("wrong", look.bar))
    ]
    figure = layout(go.Figure(bars), x="facts of the scored X-rays", y="cause", height=HEIGHT)
    figure.update_layout(
        barmode="stack",
        showlegend=True,
        legend={"orientation": "h", "x": 1, "xanchor": "right", "y": 1, "yanchor": "bottom", "traceorder": "normal"},
        margin={"t": 28},
    )
    return figure.update_yaxes(autorange="reversed", automargin=True, showgrid=False, title_standoff=14)


def _causes(found: dict[str, Any]) -> str:
    head = "".join(
        f'<th class="r">{tip(name, says)}</th>'
        for name, says in (
            ("missed", "True facts that the report doesn't state, by this cause."),
            ("wrong", "Facts that the report states and that aren't true, by this cause."),
            ("F1 without it", f"Exact fact F1 if the facts lost by this cause alone were right; it is {found['f1']:.3f}."),
        )
    )  # fmt: skip
    body = "".join(
        f'<tr><td title="{escape(one["says"])}">{escape(one["title"])}</td><td class="r">{number(one["missed"])}</td>'
        f'<td class="r">{number(one["wrong"])}</td><td class="r">{score(one["f1_mended"])}</td></tr>'
        for one in found["causes"].values()
    )
    return f'<table class="rows"><tr><th>Lost by</th>{head}</tr>{body}</table>'


def _findings(findings: list[dict[str, Any]]) -> str:
    head = "".join(
        f'<th class="r">{tip(name, says)}</th>'
        for name, says in (
            ("right", "Facts of the finding that are stated and true."),
            ("missed", "True facts of the finding that aren't stated."),
            ("wrong", "Stated facts of the finding that aren't true."),
            ("features", "AUROC of the finding, wherever it is, by the probability that the active features add up to; over the scored X-rays."),
            ("probe", "The same by a linear probe on the dense embedding."),
        )
    )  # fmt: skip
    body = "".join(
        f"<tr><td>{escape(label_name(one['finding']))}</td>"
        + "".join(f'<td class="r">{number(one[name])}</td>' for name in ("right", "missed", "wrong"))
        + "".join(f'<td class="r">{score(one[name])}</td>' for name in ("features", "probe"))
        + "</tr>"
        for one in findings[:MOST]
    )
    more = len(findings) - MOST
    rest = f'<p class="quiet">and {more} findings that lose fewer.</p>' if more > 0 else ""
    return f'<table class="rows"><tr><th>Finding</th>{head}</tr>{body}</table>{rest}'
