"""The figures of an SAE report as Markdown."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

WAYS = {
    "single": "best single feature",
    "k1": "sparse probe, 1 feature",
    "k5": "sparse probe, 5 features",
    "k15": "sparse probe, 15 features",
    "dense": "dense probe of the embedding",
}
"""Key of a way to tell a label -> its name."""


def markdown(figures: dict[str, Any]) -> str:
    """The whole report; docs/metrics.md defines its words."""
    parts = [
        f"# SAE report of the workspace {figures['workspace']}",
        f"> {figures['notice']}",
        "\n".join(f"- {note}" for note in figures["notes"]),
        f"Scored on the {figures['split']} split: {figures['n_images']} X-rays of {figures['n_patients']} "
        f"{'simulated ' if figures['simulated'] else ''}patients.",
        *_dictionary(figures),
        *_monosemanticity(figures["monosemanticity"]),
        *_probes(figures["probes"]),
        *(_recovery(figures["recovery"]) if figures["recovery"] else []),
        *(_consistency(figures["pw_mcc"]) if figures["pw_mcc"] else []),
    ]
    return "\n\n".join(parts) + "\n"


def _dictionary(figures: dict[str, Any]) -> list[str]:
    sae, rebuilt, firing = figures["sae"], figures["rebuilding"], figures["firing"]
    rows = [
        ("architecture", f"{sae['architecture']}, {sae['tokens']} tokens, {sae['width']} features, k = {sae['k']}"),
        ("explained variance", figure_text(rebuilt["explained_variance"])),
        (f"explained variance of PCA with {sae['k']} components", figure_text(rebuilt["pca_explained_variance"])),
        (
            "cosine",
            figure_text(rebuilt["cosine"])
            if rebuilt["cosine"] is not None
            else "not measured by the build that made this workspace",
        ),
        ("L0 of a token", figure_text(rebuilt["l0"], 1)),
        ("active features of an X-ray, by the rule", figure_text(firing["active_per_image"], 1)),
        ("dead share, before the rule", figure_text(firing["before"]["dead_share"])),
        ("dead share, by the rule", figure_text(firing["active"]["dead_share"])),
        (
            f"dense share (fires on over {firing['dense_above']:.0%} of training X-rays), before the rule",
            figure_text(firing["before"]["dense_share"]),
        ),
        ("dense share, by the rule", figure_text(firing["active"]["dense_share"])),
    ]
    histogram = firing["active"]["histogram"]
    edges = zip(histogram["edges"][:-1], histogram["edges"][1:], histogram["counts"], strict=True)
    return [
        "## The dictionary",
        table(("figure", "value"), rows),
        "## How many features are active on which share of training X-rays",
        table(("more than", "at most", "features"), ((f"{low:.2%}", f"{high:.2%}", str(n)) for low, high, n in edges)),
    ]


def _monosemanticity(found: dict[str, Any]) -> list[str]:
    rows = [
        (
            says,
            str(some["features"]),
            figure_text(some["mean"]),
            " / ".join(figure_text(q) for q in some["quartiles"]),
            figure_text(some["above_mean_similarity"]),
        )
        for says, some in (("codes before the rule", found["before"]), ("active features", found["active"]))
    ]
    return [
        "## Monosemanticity",
        f"Any two X-rays of different patients have a mean cosine of {figure_text(found['mean_similarity'])}: a score means something above that.",
        table(("weights", "features", "mean", "quartiles", "share above that mean"), rows),
    ]


def _probes(found: dict[str, Any]) -> list[str]:
    if not found["labels"]:
        return ["## What features tell of labels", "No label has enough patients."]
    ways = list(found["mean"])
    means = [
        (
            _way(way),
            interval_text(found["mean"][way]),
            interval_text(found["less_than_dense"][way], sign=True) if way in found["less_than_dense"] else "",
        )
        for way in ways
    ]
    rows = [
        (
            one["label"].replace("_", " "),
            str(one["n_positive_patients"]),
            f"#{one['feature_id']}",
            *(interval_text(one[way]) for way in ways),
        )
        for one in found["labels"]
    ]
    return [
        "## What features tell of labels (AUROC)",
        table(("told by", f"mean of {len(rows)} labels", "less the dense probe's"), means),
        table(("label", "patients", "best feature", *(_way(way) for way in ways)), rows),
        *(
            [f"Too few patients: {', '.join(name.replace('_', ' ') for name in found['left_out'])}."]
            if found["left_out"]
            else []
        ),
    ]


def _recovery(found: list[dict[str, Any]]) -> list[str]:
    rows = [
        (
            " ".join(part for part in (one["side"], one["finding"].replace("_", " "), one["place"]) if part),
            str(one["n_patients"]),
            f"#{one['feature_id']}",
            interval_text(one),
            str(one["sharing"]),
            " ".join(f"#{f}" for f in one["split_features"]) or "none",
            f"{figure_text(one['main_f1'])} / {figure_text(one['split_f1'])}",
            {None: "", True: "yes", False: "no"}[one["general"]],
            "" if one["absorbed"] is None else figure_text(one["absorbed"]),
        )
        for one in found
    ]
    head = (
        "concept",
        "patients",
        "best feature",
        "AUROC",
        "features that share it",
        "split into",
        "F1 of the first / of all",
        "general",
        "absorbed",
    )
    return ["## Concept recovery, against what was drawn", table(head, rows)]


def _consistency(found: dict[str, Any]) -> list[str]:
    names = found["dictionaries"]
    rows = [(names[pair["first"]], names[pair["second"]], figure_text(pair["mcc"])) for pair in found["pairs"]]
    return ["## Between seeds", f"PW-MCC {figure_text(found['mean'])}.", table(("first", "second", "MCC"), rows)]


def _way(way: str) -> str:
    return WAYS.get(way, f"sparse probe, {way[1:]} features")


def figure_text(value: float | None, digits: int = 3) -> str:
    """A figure, or a dash where there is none."""
    return "–" if value is None or value != value else f"{value:.{digits}f}"


def interval_text(one: dict[str, Any], key: str = "auroc", *, sign: bool = False) -> str:
    """A figure with its interval."""
    plus = "+" if sign and one[key] > 0 else ""
    return f"{plus}{figure_text(one[key])} ({figure_text(one['lo'])} to {figure_text(one['hi'])})"


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table."""
    head = list(head)
    lines = [head, ["---"] * len(head), *(list(row) for row in rows)]
    # Labels come from a dataset's file: a bar or a line break in one would end its cell.
    return "\n".join(
        "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in line) + " |" for line in lines
    )
