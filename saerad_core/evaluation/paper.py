"""The rows of SAE-Rad's Table 1 beside what a MIMIC-CXR workspace gives.

Abdulaal et al., An X-Ray Is Worth 15 Features: Sparse Autoencoders for Interpretable Radiology Report Generation, 2024 (arXiv 2410.03334).
Their figures are of RAD-DINO embeddings of MIMIC-CXR's official test split and of RadFact with a large language model; only some are known
to us, and a figure that isn't stands empty.
"""

from __future__ import annotations

from typing import Any

DATASET = "mimic-cxr"
PUBLISHED: dict[str, dict[str, float]] = {
    "SAE-Rad, published": {"radfact_precision": 38.45, "radfact_recall": 32.42, "radfact_f1": 35.18, "bleu4": 1.9},
    "SAE-Rad without indication, published": {"radfact_f1": 32.67},
}
"""Row -> column -> figure in per cent."""
COLUMNS: dict[str, str] = {
    "radfact_precision": "RadFact precision",
    "radfact_recall": "RadFact recall",
    "radfact_f1": "RadFact F1",
    "bleu4": "BLEU-4",
    "bleu1": "BLEU-1",
    "rouge_l": "ROUGE-L",
    "meteor": "METEOR",
    "label14_macro": "label F1, 14, macro",
    "label5_macro": "label F1, 5, macro",
}
_RULES = {
    "radfact_precision": "statement_precision",
    "radfact_recall": "statement_recall",
    "radfact_f1": "statement_f1",
}
_JUDGED = {"radfact_precision": "precision", "radfact_recall": "recall", "radfact_f1": "f1"}


def table(figures: dict[str, Any]) -> dict[str, dict[str, float | None]]:
    """Row -> column -> per cent, None where it isn't known: the published rows, then every way of reporting of ``figures``."""
    rows: dict[str, dict[str, float | None]] = {
        name: {column: some.get(column) for column in COLUMNS} for name, some in PUBLISHED.items()
    }
    judged = figures.get("judged", {}).get("figures", {})
    for way, some in figures["figures"].items():
        title = figures["systems"][way]["title"]
        rows[title] = {column: _per_cent(some.get(_RULES.get(column, column))) for column in COLUMNS}
        if way in judged:
            rows[f"{title}, judged"] = {
                column: _per_cent(judged[way].get(_JUDGED.get(column, ""))) for column in COLUMNS
            }
    return rows


def markdown(figures: dict[str, Any]) -> str:
    """The table, and what has to be known to read it."""
    lines = ["| | " + " | ".join(COLUMNS.values()) + " |", "|---" * (len(COLUMNS) + 1) + "|"]
    for name, some in table(figures).items():
        lines.append(
            f"| {name} | " + " | ".join("" if value is None else f"{value:.2f}" for value in some.values()) + " |"
        )
    judge = figures.get("judged")
    said = [
        f"{figures['n_images']} X-rays of {figures['n_patients']} patients of the {figures['split']} split. Per cent.",
        "RadFact's columns are of statements read by rules, in rows called judged of a language model's verdicts; published ones are of another "
        "language model, so that rows of different judges don't compare.",
        *(
            [f"Judge: {judge['model']}; {judge['unjudged']} X-rays are left out because it gave no readable verdict."]
            if judge
            else []
        ),
        *figures["notes"],
        figures["notice"],
    ]
    return "\n".join(lines) + "\n\n" + "\n".join(f"- {one}" for one in said) + "\n"


def _per_cent(one: dict[str, Any] | None) -> float | None:
    return None if one is None or one["value"] is None else round(100 * one["value"], 2)
