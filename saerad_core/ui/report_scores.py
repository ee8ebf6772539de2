"""Ways of reporting side by side on the evaluate page: figures with intervals, paired tests, views, goals and extras of evaluation.json."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import streamlit as st

from saerad_core.ui.asked import asked_for
from saerad_core.ui.charts import colours, layout
from saerad_core.ui.components import FactItem, fact_strip, heading, html, number, score, share, tip
from saerad_core.ui.report_losses import report_losses

if TYPE_CHECKING:
    import plotly.graph_objects as go

GROUPS: dict[str, tuple[str, tuple[str, ...]]] = {
    "facts": (
        "Facts",
        ("fact_f1", "fact_precision", "fact_recall", "finding_f1", "sure_precision", "wrong_side", "normal_called_abnormal"),
    ),
    "statements": ("Statements", ("statement_f1", "statement_precision", "statement_recall", "positive_f1", "positive_statements")),
    "labels": (
        "Labels",
        ("label14_micro", "label14_macro", "label5_micro", "label5_macro", "label14_micro_sure", "label14_macro_sure"),
    ),
    "words": ("Words", ("bleu1", "bleu4", "rouge_l", "meteor", "invented_prior", "words", "sentences")),
}  # fmt: skip
"""Word of the address -> name, measures in the order of columns."""
COUNTS = ("words", "sentences", "positive_statements")
"""Measures that are no share."""
HEIGHT = 320
OURS = "ours"


def report_scores(figures: dict[str, Any]) -> None:
    """All of it, for what `evaluate` of this version wrote."""
    html(
        heading(
            "Reports beside baselines",
            f"Reports of {figures['n_images']} {figures['split']} X-rays of {figures['n_patients']} patients, the same for all rows. Intervals (95%) "
            "are over resampled patients; point at a figure for its interval and, against this program, the paired test.",
            "simulated X-rays and reports"
            if figures["simulated"]
            else "pseudo-reports"
            if figures["pseudo_reports"]
            else "",
        )
    )
    html("".join(f'<p class="quiet">{escape(one)}</p>' for one in figures["notes"][:1]))
    _goals(figures["goals"])
    left, right = st.columns([1.6, 1], vertical_alignment="center")
    with left:
        group = _choice("measures", "facts", {key: name for key, (name, _) in GROUPS.items()}, "Measures")
    with right:
        views = {"all": "All views"} | {view: view for view in figures["views"]}
        view = _choice("view", "all", views, "View")
    shown = figures["figures"] if view == "all" else figures["views"][view]["figures"]
    names = GROUPS[group][1]
    order = sorted(shown, key=lambda way: (way != OURS, -(shown[way][names[0]]["value"] or 0)))
    html(_table(figures, shown, order, names, against=view == "all"))
    measure = _choice("measure", names[0], {name: figures["measures"][name]["title"] for name in names}, "Plotted")
    st.plotly_chart(
        _dots(figures, shown, order, measure), key="report_dots", theme=None, config={"displayModeBar": False}
    )
    if view != "all":
        part = figures["views"][view]
        html(
            f'<p class="quiet">{view}: {number(part["n_images"])} X-rays of {number(part["n_patients"])} patients.</p>'
        )
    _coverage(figures["coverage"])
    report_losses(figures.get("losses", {}))
    if "judged" in figures:
        _judged(figures)
    for name, told in figures.get("extras", {}).items():
        _extra(figures, name, told)
    if "paper" in figures:
        _paper(figures["paper"])


def _choice(name: str, default: str, options: dict[str, str], label: str) -> str:
    """One of ``options``, as the address asks for it."""
    key, follow = asked_for(name, default, options=options)
    said = st.segmented_control(
        label, list(options), key=key, format_func=options.__getitem__, required=True, label_visibility="collapsed", on_change=follow
    )  # fmt: skip
    return said or default


def _value(name: str, value: float | None) -> str:
    return number(value, 1) if name in COUNTS else score(value)


def _table(
    figures: dict[str, Any], shown: dict[str, Any], order: list[str], names: tuple[str, ...], *, against: bool
) -> str:
    head = "".join(
        f'<th class="r">{tip(figures["measures"][name]["title"], figures["measures"][name]["says"])}</th>'
        for name in names
    )
    body = ""
    for way in order:
        system = figures["systems"][way]
        strong = ' style="color:var(--accent)"' if way == OURS else ""
        cells = ""
        for name in names:
            one = shown[way][name]
            says = _interval(name, one)
            if against and way != OURS:
                says += _against(name, figures["against_ours"][way][name])
            cells += f'<td class="r" title="{escape(says)}">{escape(_value(name, one["value"]))}</td>'
        body += f'<tr><td{strong} title="{escape(system["says"])}">{escape(system["title"])}</td>{cells}</tr>'
    return f'<table class="rows"><tr><th>Reports by</th>{head}</tr>{body}</table>'


def _interval(name: str, one: dict[str, Any]) -> str:
    if one["lo"] is None:
        return "No interval: too little to count."
    return f"95% interval {_value(name, one['lo'])} to {_value(name, one['hi'])}."


def _against(name: str, one: dict[str, Any]) -> str:
    if one["difference"] is None or one["lo"] is None:
        return ""
    digits = 1 if name in COUNTS else 3
    p = one["p_adjusted"]
    said = "" if p is None else f", p {'< .01' if p < 0.01 else f'= {p:.2f}'} (paired, Holm)"
    return f" This program's less it: {one['difference']:+.{digits}f} ({one['lo']:+.{digits}f} to {one['hi']:+.{digits}f}){said}."


def _goals(goals: list[dict[str, Any]]) -> None:
    if not goals:
        return
    body = "".join(
        f'<tr><td>{escape(row["goal"])}</td><td>{escape(row["name"])}</td><td class="r">{score(row["value"])}</td><td style="padding-left:1.4rem">{"met" if row["met"] else "missed"}</td></tr>'
        for row in goals
    )
    html(
        f'<table class="rows"><tr><th>Goal</th><th>Judged by</th><th class="r">measured</th><th></th></tr>{body}</table>'
    )


def _dots(figures: dict[str, Any], shown: dict[str, Any], order: list[str], measure: str) -> go.Figure:
    """A dot with its interval for every way of reporting."""
    import plotly.graph_objects as go

    look = colours()
    ways = [way for way in order if shown[way][measure]["value"] is not None]
    ones = [shown[way][measure] for way in ways]

    def bound(one: dict[str, Any], end: str) -> float:
        return one["value"] if one[end] is None else one[end]

    figure = go.Figure(
        go.Scatter(
            x=[one["value"] for one in ones],
            y=[figures["systems"][way]["title"] for way in ways],
            mode="markers",
            marker={"size": 9, "color": [look.accent if way == OURS else look.quiet for way in ways]},
            error_x={
                "type": "data", "symmetric": False, "color": look.bar, "thickness": 1.5, "width": 0,
                "array": [bound(one, "hi") - one["value"] for one in ones], "arrayminus": [one["value"] - bound(one, "lo") for one in ones],
            },
            customdata=[[bound(one, "lo"), bound(one, "hi")] for one in ones],
            hovertemplate="%{y}: %{x:.3f} (%{customdata[0]:.3f} to %{customdata[1]:.3f})<extra></extra>",
        )
    )  # fmt: skip
    better = {"higher": "more is better", "lower": "less is better"}.get(figures["measures"][measure]["better"], "")
    title = figures["measures"][measure]["title"]
    layout(figure, x=f"{title}, {better}" if better else title, y="reports by", height=HEIGHT)
    figure.update_yaxes(autorange="reversed", automargin=True, showgrid=False, title_standoff=12)
    return figure.update_xaxes(rangemode="tozero")


def _coverage(found: dict[str, Any]) -> None:
    html(
        fact_strip(
            [
                FactItem(share(found["mean"]), "of an X-ray's activation is described", "Mean share of an X-ray's activation that described features carry, over the scored X-rays."),
                FactItem(share(found["abstains"]), "of X-rays would get no report", "Scored X-rays on which the program abstains, because described features explain too little. They are scored here all the same."),
            ]
        )
    )  # fmt: skip


def _judged(figures: dict[str, Any]) -> None:
    found = figures["judged"]
    says = f"By {found['model']}: for each sentence, whether the other report entails it. {found['n_images']} X-rays; {found['unjudged']} without a readable verdict are left out."
    html(heading("Judged by a language model", says))
    rows = [
        (figures["systems"][way]["title"], *(score(one[name]["value"]) for name in ("precision", "recall", "f1")))
        for way, one in found["figures"].items()
    ]
    html(_plain(("Reports by", "precision", "recall", "F1"), rows))


def _extra(figures: dict[str, Any], name: str, told: dict[str, Any]) -> None:
    html(
        heading(
            f"By {name}",
            "Metrics of another program, where it and its models are on the machine that ran the evaluation.",
        )
    )
    columns = list(dict.fromkeys(metric for some in told["figures"].values() for metric in some))
    if columns:
        rows = [
            (figures["systems"][way]["title"], *(score(some.get(one)) for one in columns))
            for way, some in told["figures"].items()
        ]
        html(_plain(("Reports by", *columns), rows))
    html("".join(f'<p class="quiet">{escape(sentence)}</p>' for sentence in dict.fromkeys(told["missing"].values())))


def _paper(table: dict[str, dict[str, float | None]]) -> None:
    html(
        heading(
            "The paper's table",
            "Table 1 of SAE-Rad with the published figures known to us, per cent. Rows of different judges don't compare.",
        )
    )
    columns = list(next(iter(table.values())))
    html(
        _plain(
            ("", *columns),
            [(name, *("" if v is None else f"{v:.1f}" for v in some.values())) for name, some in table.items()],
        )
    )


def _plain(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    top = "".join(f'<th class="{"r" if i else ""}">{escape(str(name))}</th>' for i, name in enumerate(head))
    body = "".join(
        "<tr>"
        + "".join(f'<td class="{"r" if i else ""}">{escape(str(cell))}</td>' for i, cell in enumerate(row))
        + "</tr>"
        for row in rows
    )
    return f'<table class="rows"><tr>{top}</tr>{body}</table>'
