"""evaluation.json as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from saerad_core.evaluation.sae_report_text import figure_text, table
from saerad_core.evaluation.systems import OURS
from saerad_core.vocabulary import TERMS

GROUPS: dict[str, tuple[str, ...]] = {
    "Facts": ("fact_f1", "fact_precision", "fact_recall", "finding_f1", "sure_precision", "wrong_side", "normal_called_abnormal"),
    "Statements and labels": ("statement_f1", "statement_precision", "statement_recall", "positive_f1", "label14_micro", "label14_macro", "label5_micro", "label5_macro"),
    "Words": ("bleu1", "bleu4", "rouge_l", "meteor", "invented_prior", "words"),
}  # fmt: skip
"""Heading -> measures of its table."""
MAIN = "fact_f1"
ORDER = "This program first, then the best of the first column first; in brackets the 95% interval over patients. A dash: nothing to count."
AGAINST = (
    "This program's figure less the other's on the same X-rays, with its 95% interval: above 0 this program is better. "
    "p is of paired exchanges by patient, corrected for the number of comparisons (Holm)."
)


def markdown(figures: dict[str, Any]) -> str:
    """Goals, tables of all ways of reporting, views, and what has to be known to read them."""
    parts = [f"# Evaluation of {figures['workspace']}", figures["notice"]]
    parts.append(f"{figures['n_images']} {figures['split']} X-rays of {figures['n_patients']} patients.")
    if figures["goals"]:
        rows = [
            (one["goal"], one["name"], figure_text(one["value"]), "met" if one["met"] else "missed")
            for one in figures["goals"]
        ]
        parts += ["## Goals", "What this project set itself for simulated X-rays, and what this program reached."]
        parts.append(table(("goal", "judged by", "measured", "verdict"), rows))
    for title, names in GROUPS.items():
        parts += [f"## {title}", ORDER, ways_table(figures, figures["figures"], names), _columns(figures, names)]
    parts += [
        f"## This program beside each other way, {figures['measures'][MAIN]['title']}",
        AGAINST,
        _against(figures),
    ]
    if figures.get("losses", {}).get("causes"):
        parts += ["## Where facts are lost", losses_table(figures["losses"]), losing_findings(figures["losses"])]
    for view, some in figures["views"].items():
        parts += [
            f"## Facts, {view} alone: {some['n_images']} X-rays of {some['n_patients']} patients",
            ways_table(figures, some["figures"], GROUPS["Facts"]),
        ]
    parts += ["## The ways of reporting", _ways(figures)]
    parts += ["## To be read with it", "\n".join(f"- {note}" for note in figures["notes"])]
    return "\n\n".join(parts) + "\n"


def _columns(figures: dict[str, Any], names: Sequence[str]) -> str:
    """What each column says, and which way is better."""
    told = (figures["measures"][name] for name in names)
    return "\n".join(f"- {one['title']}: {one['says']}{_better(one['better'])}" for one in told)


def _better(which: str) -> str:
    return f" {which.capitalize()} is better." if which else ""


def _ways(figures: dict[str, Any]) -> str:
    return "\n".join(f"- {one['title']}: {one['says']}" for one in figures["systems"].values())


def ways_table(figures: dict[str, Any], shown: dict[str, Any], names: Sequence[str]) -> str:
    """A row a way of reporting; the first measure with its interval."""
    order = sorted(shown, key=lambda way: (way != OURS, -(shown[way][names[0]]["value"] or 0)))
    rows = [
        (
            figures["systems"][way]["title"],
            _first(shown[way][names[0]]),
            *(_digits(name, shown[way][name]["value"]) for name in names[1:]),
        )
        for way in order
    ]
    return table(("reports by", *(figures["measures"][name]["title"] for name in names)), rows)


def losses_table(found: dict[str, Any]) -> str:
    """A row a cause: facts missed and wrong by it, and the exact fact F1 without it."""
    rows = [
        (one["title"], str(one["missed"]), str(one["wrong"]), figure_text(one["f1_mended"]), one["says"])
        for one in found["causes"].values()
    ]
    return table(("lost by", "missed", "wrong", "exact fact F1 without it", ""), rows)


def losing_findings(found: dict[str, Any]) -> str:
    """A row a finding: facts right, missed and wrong, and how well features and probe tell it."""
    rows = [
        (
            TERMS[one["finding"]].name if one["finding"] in TERMS else one["finding"],
            *(str(one[name]) for name in ("right", "missed", "wrong")),
            *(figure_text(one[name]) for name in ("features", "probe")),
        )
        for one in found["findings"]
    ]
    return table(("finding", "right", "missed", "wrong", "AUROC by features", "by the dense probe"), rows)


def _first(one: dict[str, Any]) -> str:
    if one["lo"] is None:
        return figure_text(one["value"])
    return f"{figure_text(one['value'])} ({figure_text(one['lo'])} to {figure_text(one['hi'])})"


def _digits(name: str, value: float | None) -> str:
    return figure_text(value, 1 if name == "words" else 3)


def _against(figures: dict[str, Any]) -> str:
    rows = []
    for way, some in figures["against_ours"].items():
        one = some[MAIN]
        rows.append(
            (figures["systems"][way]["title"], f"{one['difference']:+.3f} ({one['lo']:+.3f} to {one['hi']:+.3f})", figure_text(one["p_adjusted"], 4))
        )  # fmt: skip
    return table(("compared with", "difference", "p"), rows)
