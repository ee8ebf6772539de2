"""The SAE report as the evaluate page shows it: strips, plots and tables of sae-report.json."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import streamlit as st

from saerad_core.ui.charts import colours, layout
from saerad_core.ui.components import FactItem, empty_state, fact_strip, heading, html, number, score, share
from saerad_core.ui.feature_rows import label_name
from saerad_core.ui.state import Here, folder_name

if TYPE_CHECKING:
    import plotly.graph_objects as go

WAYS = {
    "single": (
        "best single feature",
        "single",
        "The one feature whose code tells the label best on training patients.",
    ),
    "k1": ("1 feature, probe", "1", "A logistic regression on the feature with the greatest difference of means."),
    "k5": ("5 features, probe", "5", "A logistic regression on the 5 features with the greatest difference of means."),
    "k15": (
        "15 features, probe",
        "15",
        "A logistic regression on the 15 features with the greatest difference of means.",
    ),
    "dense": ("whole embedding, probe", "whole", "A logistic regression on the embedding that the encoder gives."),
}
"""Way to tell a label -> name, name at the head of a column, what it is."""
CONFIG = {"displayModeBar": False}


def sae_report(here: Here) -> None:
    """All of it, or how to make it."""
    figures = here.explorer.sae_report()
    if figures is None:
        empty_state(
            "The dictionary hasn't been measured yet.",
            f"Run `python -m saerad_core sae-report {folder_name(here.workspace)}` once; it takes about a minute.",
        )
        return
    _dictionary(figures)
    left, right = st.columns(2, gap="medium")
    with left:
        _firing(figures["firing"])
    with right:
        _monosemanticity(figures["monosemanticity"])
    if figures["probes"]["labels"]:
        _probes(here, figures["probes"])
    if figures["recovery"]:
        _recovery(here, figures["recovery"])


def _dictionary(figures: dict[str, Any]) -> None:
    rebuilt, firing, between = figures["rebuilding"], figures["firing"], figures["pw_mcc"]
    k = figures["sae"]["k"]
    html(
        heading(
            "The dictionary",
            f"Figures of the {figures['split']} split, which nothing was fitted on, unless a figure says otherwise.",
            "simulated X-rays" if figures["simulated"] else "",
        )
    )
    items = [
        FactItem(score(rebuilt["explained_variance"]), "explained variance", "Of the tokens, by the dictionary."),
        FactItem(score(rebuilt["pca_explained_variance"]), f"by PCA-{k}", f"Explained variance of {k} principal components of the training tokens."),
        FactItem(score(rebuilt["cosine"]), "cosine", "Mean cosine between a token and itself rebuilt; a dash where the build didn't measure it."),
        FactItem(number(rebuilt["l0"], 1), "L0", "Features with an activation above 0 in a token, on average."),
        FactItem(share(firing["before"]["dead_share"]), "dead", "Share of features with a code of 0 on every training X-ray."),
        FactItem(share(firing["active"]["dense_share"]), "dense", "Share of features that are active on over 10% of the training X-rays."),
    ]  # fmt: skip
    if between:
        items.append(FactItem(score(between["mean"]), "PW-MCC", f"Mean |cosine| of matched features of {len(between['dictionaries'])} dictionaries."))  # fmt: skip
    html(fact_strip(items))


def _firing(firing: dict[str, Any]) -> None:
    html(heading("How often features are active", "Features by the share of training X-rays on which they are active; never active ones are left out."))  # fmt: skip
    histogram = firing["active"]["histogram"]
    _chart(bars(histogram["edges"], histogram["counts"], "share of training X-rays", log=True), "firing")


def _monosemanticity(found: dict[str, Any]) -> None:
    says = (
        "Mean cosine of the X-rays that a feature is active on, weighted by both activations, over X-rays of different patients "
        "(Pach et al. 2025). The dotted line is the mean of any two X-rays."
    )
    html(heading("Monosemanticity score", says, f"{number(found['active']['features'])} features"))
    histogram = found["active"]["histogram"]
    figure = bars(histogram["edges"], histogram["counts"], "monosemanticity score")
    figure.add_vline(x=found["mean_similarity"], line={"color": colours().accent, "width": 1, "dash": "dot"})
    _chart(figure, "monosemanticity")


def _probes(here: Here, found: dict[str, Any]) -> None:
    n = len(found["labels"])
    html(
        heading(
            "What a few features tell",
            f"Mean AUROC over {n} labels with its 95% interval over test patients; features chosen and probes fitted on training patients.",
        )
    )
    ways = [way for way in WAYS if way in found["mean"]]
    left, right = st.columns(2, gap="medium")
    with left:
        _chart(intervals([WAYS[way][0] for way in ways], [found["mean"][way] for way in ways]), "probes")
    with right, st.container(height=300, border=False):
        head = "".join(f'<th class="r" title="{escape(WAYS[way][2])}">{escape(WAYS[way][1])}</th>' for way in ways)
        rows = "".join(
            f'<tr><td><a class="nav" href="{escape(here.links.feature(int(one["feature_id"])))}">{escape(label_name(one["label"]))}</a></td>'
            + "".join(_cell(one[way]) for way in ways)
            + "</tr>"
            for one in sorted(found["labels"], key=lambda one: -one["single"]["auroc"])
        )
        html(f'<table class="rows"><tr><th>label</th>{head}</tr>{rows}</table>')


def _recovery(here: Here, found: list[dict[str, Any]]) -> None:
    html(
        heading(
            "Which features stand for what was drawn",
            "Simulated X-rays only. Features are chosen on training patients; AUROC, F1 and the absorbed share are over test patients.",
        )
    )
    heads = (
        ("AUROC", "Of the best feature, on test patients."),
        ("share it", "Active features of which at least half of the patients who show them have the concept."),
        ("split into", "Features of which each adds at least .03 to the F1 of the ones before."),
        ("F1, first", "Of the first of these alone."),
        ("F1, all", "Of any of these being active."),
        ("absorbed", "Share of X-rays on which a general main feature is silent and one of a narrower concept is active instead."),
    )  # fmt: skip
    head = "".join(f'<th class="r" title="{escape(says)}">{escape(name)}</th>' for name, says in heads)
    rows = "".join(
        f'<tr><td><a class="nav" href="{escape(here.links.feature(int(one["feature_id"])))}">{escape(_name(one))}</a></td>'
        f'{_cell(one)}<td class="r">{number(one["sharing"])}</td><td class="r">{number(len(one["split_features"]))}</td>'
        f'<td class="r">{score(one["main_f1"])}</td><td class="r">{score(one["split_f1"])}</td><td class="r">{share(one["absorbed"])}</td></tr>'
        for one in sorted(found, key=lambda one: (one["finding"], ("finding", "side", "place").index(one["level"])))
    )
    with st.container(height=420, border=False):
        html(f'<table class="rows"><tr><th>concept</th>{head}</tr>{rows}</table>')


def _name(one: dict[str, Any]) -> str:
    return " ".join(part for part in (label_name(one["finding"]), one["side"], one["place"]) if part)


def _cell(one: dict[str, Any]) -> str:
    says = f"95 % interval {score(one['lo'])} to {score(one['hi'])}"
    return f'<td class="r" title="{escape(says)}">{score(one["auroc"])}</td>'


def _chart(figure: go.Figure, key: str) -> None:
    st.plotly_chart(figure, key=f"sae_{key}", theme=None, config=CONFIG)


def bars(edges: Sequence[float], counts: Sequence[int], x: str, log: bool = False) -> go.Figure:
    """Features by a figure of theirs; bins between neighbouring ``edges``."""
    import plotly.graph_objects as go

    c = colours()
    low, high = list(edges[:-1]), list(edges[1:])
    form = ".2~%" if log else ".2f"
    middle = [(a * b) ** 0.5 if log else (a + b) / 2 for a, b in zip(low, high, strict=True)]
    figure = go.Figure(
        go.Bar(
            x=middle,
            width=[b - a for a, b in zip(low, high, strict=True)],
            y=list(counts),
            customdata=[list(pair) for pair in zip(low, high, strict=True)],
            hovertemplate=f"%{{y}} features, {x} %{{customdata[0]:{form}}} to %{{customdata[1]:{form}}}<extra></extra>",
            marker={"color": c.bar, "line": {"width": 0}},
        )
    )
    layout(figure, x=x, y="features", height=240)
    if log:
        # One bar a bin of equal width: its own number is the axis, since a bar's width on a logarithmic one is not its bin's.
        figure.data[0].update(x=list(range(len(low))), width=0.94)
        places = range(0, len(edges), 4)
        figure.update_xaxes(
            tickvals=[len(low) - 0.5 - place for place in places],
            ticktext=[f"{edges[-1 - place]:.2%}" for place in places],
        )
    return figure


def intervals(names: Sequence[str], figures: Sequence[dict[str, float]]) -> go.Figure:
    """AUROCs with their intervals, one a row, the first at the top."""
    import plotly.graph_objects as go

    c = colours()
    values = [one["auroc"] for one in figures]
    figure = go.Figure(
        go.Scatter(
            x=values,
            y=list(names),
            mode="markers",
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [one["hi"] - one["auroc"] for one in figures],
                "arrayminus": [one["auroc"] - one["lo"] for one in figures],
                "color": c.quiet,
                "thickness": 1.5,
            },
            customdata=[[one["lo"], one["hi"]] for one in figures],
            hovertemplate="%{y}: %{x:.3f}, 95% interval %{customdata[0]:.3f} to %{customdata[1]:.3f}<extra></extra>",
            marker={"color": c.accent, "size": 9},
        )
    )
    layout(figure, x="mean AUROC on unseen patients", y="", height=240)
    figure.update_yaxes(autorange="reversed", automargin=True, showgrid=False)
    figure.update_layout(margin={"l": 8})
    return figure
