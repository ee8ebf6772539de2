"""The frontier's figures as Markdown."""

from __future__ import annotations

from typing import Any

from saerad_core.evaluation.recommend import name_of
from saerad_core.evaluation.sae_report_text import figure_text, interval_text, table


def markdown(figures: dict[str, Any]) -> str:
    """The recommendation, the table of all candidates, and the paper's architecture against the one recommended."""
    n, patients = figures["n_images"], figures["n_patients"]
    simulated = "simulated " if figures["simulated"] else ""
    found = figures["recommended"]
    parts = [
        f"# Frontier of the workspace {figures['workspace']}",
        f"> {figures['notice']}",
        found["sentence"] if found else f"No candidate has about {figures['k']} active features a token, so none is recommended.",
        f"Trained on {n['train']} X-rays of {patients['train']} {simulated}patients; learning rate, early stopping and recommendation chosen on {n['validate']} "
        f"X-rays of {patients['validate']}; every figure below is of {n['test']} X-rays of {patients['test']} test patients, "
        f"who choose nothing. AUROCs are means over {len(figures['labels'])} labels with 95% intervals over patients.",
        "## Candidates",
        table(HEAD, [_row(one, found) for one in figures["candidates"]]),
    ]  # fmt: skip
    if found:
        parts += ["## Why not the others", table(("candidate", "on the validation patients"), _others(figures))]
    if figures["missing"]:
        parts.append(f"Not trained: {', '.join(figures['missing'])}.")
    return "\n\n".join(parts) + "\n"


HEAD = (
    "candidate", "tokens", "features", "asked L0", "L0", "explained variance", "PCA at equal k", "dead", "best single feature",
    "15 features", "15 features, mean over patches", "dense probe",
)  # fmt: skip


def _row(one: dict[str, Any], found: dict[str, Any] | None) -> tuple[str, ...]:
    test = one["test"]
    told = test.get("auroc", {})
    name = one["architecture"] + (" (present)" if one["label"] == "own" else "")
    if found and one["label"] == found["label"]:
        name = f"**{name}**"

    def cell(pool: str, way: str) -> str:
        return interval_text(told[pool][way], "value") if pool in told else "–"

    return (
        name, one["tokens"], str(one["width"]), f"{one['target_l0']:g}", figure_text(test["l0"], 1),
        figure_text(test["explained_variance"]), figure_text(test["pca_explained_variance"]), figure_text(one["dead_share"]),
        cell("max", "single"), cell("max", "k15"), cell("mean", "k15"), interval_text(test["dense"], "value") if "dense" in test else "–",
    )  # fmt: skip


def _others(figures: dict[str, Any]) -> list[tuple[str, str]]:
    compared = figures["recommended"]["compared"]
    return [
        (f"{name_of(one)}, asked L0 {one['target_l0']:g}", compared[one["label"]])
        for one in figures["candidates"]
        if one["label"] in compared
    ]
