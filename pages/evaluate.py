"""Evaluate: how well single features tell findings, and how right the reports are, beside simple baselines."""

from html import escape

import streamlit as st

from saerad_core.ui.charts import concept_bars
from saerad_core.ui.components import FactItem, empty_state, fact_strip, foot, heading, html, number, score
from saerad_core.ui.feature_rows import label_name
from saerad_core.ui.frontier_view import frontier_block
from saerad_core.ui.report_scores import report_scores
from saerad_core.ui.sae_report_view import sae_report
from saerad_core.ui.state import Here, folder_name, here
from saerad_core.ui.training import training_block

METHODS = {
    "ours": ("This program", "Reports compiled from the active features' calibrated evidence."),
    "nearest": ("Nearest X-ray's report", "The report of the training X-ray with the most similar embedding."),
    "probe_template": (
        "Linear probes and a template",
        "A linear probe a finding on the dense embedding, its answers put into a template.",
    ),
    "all_normal": ("Always normal", "Says of every X-ray that it is normal."),
    "all_positive": ("Always everything", "Says of every X-ray that it shows every finding."),
}
"""Key in evaluation.json -> name, what it is."""
SCORES = {
    "precision": ("precision", "Of the facts that the reports state, the share that is true."),
    "recall": ("recall", "Of the true facts, the share that the reports state."),
    "f1": ("F1", "Harmonic mean of precision and recall."),
    "macro_f1": ("macro F1", "Mean F1 over findings, rare ones counting as much as common ones."),
    "normal_called_abnormal": ("normals called abnormal", "Share of X-rays without a finding whose report states one."),
}


def concepts(now: Here, items: list[dict]) -> None:
    told = [item for item in items if item.get("auroc") is not None]
    ranked = sorted(told, key=lambda item: item["auroc"], reverse=True)
    values = sorted(item["auroc"] for item in told)
    median = (
        values[len(values) // 2] if len(values) % 2 else (values[len(values) // 2 - 1] + values[len(values) // 2]) / 2
    )
    html(
        fact_strip(
            [
                FactItem(
                    score(median),
                    "median AUROC",
                    "Median over the findings of the best single feature's AUROC on unseen patients. 0.5 is chance.",
                ),
                FactItem(
                    f"{sum(v >= 0.85 for v in values)} of {len(values)}",
                    "findings at .85 or more",
                    "Findings for which one feature reaches an AUROC of 0.85 on unseen patients.",
                ),
                FactItem(
                    f"{sum(v < 0.65 for v in values)} of {len(values)}",
                    "findings under .65",
                    "Findings that no single feature tells well.",
                ),
            ]
        )
    )
    html(
        heading(
            "Best single feature of each finding",
            "The feature was chosen on training patients; its AUROC is over patients that nothing was fitted on.",
        )
    )
    left, right = st.columns([1.5, 1], gap="medium")
    with left:
        st.plotly_chart(
            concept_bars([label_name(i["finding"]) for i in ranked], [i["auroc"] for i in ranked]),
            key="concepts",
            theme=None,
            config={"displayModeBar": False},
        )
    with right, st.container(height=len(ranked) * 19 + 60 if len(ranked) > 12 else 300, border=False):
        rows = "".join(
            f'<tr><td><a class="nav" href="{escape(now.links.feature(int(item["feature_id"])))}">{escape(label_name(item["finding"]))}</a></td>'
            f'<td class="r">#{int(item["feature_id"])}</td><td class="r" title="{_interval(item)}">{score(item["auroc"])}</td></tr>'
            for item in ranked
        )
        html(f'<table class="rows">{rows}</table>')


def _interval(item: dict) -> str:
    lo, hi = item.get("lo"), item.get("hi")
    return (
        f"95 % interval {score(lo)} to {score(hi)}"
        if lo is not None and hi is not None
        else "AUROC over patients of the test split"
    )


def reports(scores: dict[str, dict]) -> None:
    html(
        heading(
            "Facts in reports",
            "A fact is a finding with its side and place; a report's fact is right if the X-ray's truth (or its own report) holds it. Same X-rays for all rows.",
        )
    )
    shown = [name for name in SCORES if any(name in row for row in scores.values())]
    head = "".join(f'<th class="r" title="{escape(SCORES[name][1])}">{SCORES[name][0]}</th>' for name in shown)
    body = ""
    for method in sorted(scores, key=lambda m: (m != "ours", -scores[m].get("f1", 0))):
        name, says = METHODS.get(method, (label_name(method).capitalize(), ""))
        strong = ' style="color:var(--accent)"' if method == "ours" else ""
        cells = "".join(f'<td class="r">{score(scores[method].get(key))}</td>' for key in shown)
        body += f'<tr><td{strong} title="{escape(says)}">{escape(name)}</td>{cells}</tr>'
    html(f'<table class="rows" style="max-width:52rem"><tr><th>Reports by</th>{head}</tr>{body}</table>')


def certainty(figures: dict[str, dict]) -> None:
    html(
        heading(
            "Whether words mean what they say",
            "Of what our reports state as certain, likely or possible on test patients, the share that is true. Certain is meant to be right at least 19 times in 20.",
        )
    )
    body = "".join(
        f'<tr><td>{word}</td><td class="r">{number(one["n"])}</td><td class="r" title="{escape(_interval(one))}">{score(one.get("precision"))}</td>'
        f'<td class="r">{score(one.get("finding_precision"))}</td></tr>'
        for word, one in figures.items()
    )
    html(
        '<table class="rows" style="max-width:52rem"><tr><th>Said as</th><th class="r" title="Statements on test X-rays.">n</th>'
        '<th class="r" title="With the right side and place.">right</th><th class="r" title="Side and place not looked at.">right finding</th></tr>'
        f"{body}</table>"
    )


now = here()
figures = now.explorer.evaluation()
if figures is None:
    empty_state(
        "This workspace hasn't been scored yet.",
        f"Run `python -m saerad_core evaluate {folder_name(now.workspace)}` once; it takes a few minutes and this page then shows the figures.",
    )
else:
    if figures.get("concepts"):
        concepts(now, figures["concepts"])
    if figures.get("figures"):
        report_scores(figures)
    elif figures.get("reports"):
        # What an earlier version wrote.
        reports(figures["reports"])
    if figures.get("certainty"):
        certainty(figures["certainty"])
sae_report(now)
frontier_block(now)
training_block(now)
if figures is not None:
    n = figures.get("n_patients")
    foot(
        f"{number(n)} {figures.get('split', 'test')} patients" if n else "Patients of the test split",
        f"evaluation.json of workspace {now.name}",
    )
