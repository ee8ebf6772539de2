"""Where a workspace comes from, as tables for the overview: dataset, funnel, encoder, how it was made.

No path is shown: a folder's name may be a hospital's or a person's.
"""

from __future__ import annotations

from html import escape

from saerad_core.ui.components import number, share, tip
from saerad_core.workspace import DatasetInfo, EncoderInfo, Manifest

ADAPTERS = {
    "mimic-cxr": "MIMIC-CXR", "openi": "Open-i", "chexpert-plus": "CheXpert Plus", "nih": "NIH ChestX-ray14", "padchest": "PadChest",
    "folder": "X-rays of one's own", "simulated": "drawn by this program",
}  # fmt: skip
SHOWN_OPTIONS = {"seed": "Of the draw of splits.", "patients": "Simulated patients."}
"""Options that hold no path and no free text."""
STEPS = {
    "listed": "X-rays that the dataset lists.",
    "listed once": "A file that is listed twice counts once.",
    "simulated X-rays": "X-rays drawn.",
    "readable": "Rows of the listing that can be read.",
    "frontal": "PA and AP views; lateral ones are not taken.",
    "file found": "The file is where the listing says.",
    "patient known": "The listing names the patient; splits and counts are by patient.",
    "with report": "Findings or impression in words.",
    "embedded": "The file could be decoded, and the encoder read it: these are the workspace's X-rays.",
}
"""Each step leaves some of the one before it."""
SPLITS = {
    "train": "Features, thresholds and descriptions are learnt from these.",
    "validate": "Training stops, and probabilities are calibrated, by these.",
    "test": "Nothing is learnt from these; figures are measured on them.",
}
_FACTS = {
    "program": "Program and version.",
    "date": "Day on which the build ended, UTC.",
    "python": "Version of Python.",
}


def funnel_table(funnel: dict[str, int]) -> str:
    """X-rays left after each step with their share of the first."""
    steps = {name: funnel[name] for name in STEPS if name in funnel}
    if not steps:
        return '<p class="quiet">The dataset kept no counts.</p>'
    first = next(iter(steps.values()))
    rows = [_counted(name, STEPS[name], n, first, "of the first step", bar=True) for name, n in steps.items()]
    return f'<table class="rows">{"".join(rows)}</table>'


def taken_table(funnel: dict[str, int]) -> str:
    """Patients, X-rays with findings and by split, then what was left out and why; "" where nothing was counted."""
    first = next((funnel[name] for name in STEPS if name in funnel), 0)
    rows = []
    if "with findings" in funnel:
        rows.append(
            _counted(
                "with findings", "X-rays taken whose report has findings in words.", funnel["with findings"], first
            )
        )
    for name in ("patients", "simulated patients"):
        if name in funnel:
            rows.append(_counted(name, "Patients of the X-rays taken.", funnel[name], 0))
    taken = sum(funnel.get(name, 0) for name in SPLITS)
    rows += [
        _counted(name, says, funnel[name], taken, "of the X-rays of all splits")
        for name, says in SPLITS.items()
        if name in funnel
    ]
    for name, n in funnel.items():
        if n and name.startswith("left out: "):
            rows.append(_counted(name, "Left out while the listing was read.", n, first))
        elif n and name == "refused files":
            rows.append(_counted(name, "Files that no decoder could or would read.", n, first))
    return f'<table class="rows">{"".join(rows)}</table>' if rows else ""


def _counted(name: str, says: str, n: int, of: int, of_what: str = "of the first step", *, bar: bool = False) -> str:
    part = min(n / of, 1.0) if of else None
    drawn = f'<span class="bar"><i style="width:{part:.1%}"></i></span>' if bar and part is not None else ""
    title = f' title="{escape(f"{share(part)} {of_what}")}"' if part is not None else ""
    return (
        f'<tr><td>{tip(name, says)}</td><td class="r">{drawn}</td><td class="r">{number(n)}</td>'
        f'<td class="r"{title}>{share(part) if part is not None else ""}</td></tr>'
    )


def dataset_table(dataset: DatasetInfo) -> str:
    rows = [
        ("dataset", dataset.title or dataset.kind, "Title that it was built under."),
        ("read as", ADAPTERS.get(dataset.kind, dataset.kind), f"Adapter {dataset.kind}; docs/datasets.md says how it reads."),
    ]  # fmt: skip
    rows += [
        (name, number(int(dataset.options[name])), says)
        for name, says in SHOWN_OPTIONS.items()
        if isinstance(dataset.options.get(name), int)
    ]
    return _table(rows)


def encoder_table(encoder: EncoderInfo, name: str) -> str:
    """``name`` stands for the encoder; its id may be a path."""
    return _table(
        [
            ("encoder", name, "The frozen vision transformer."),
            ("revision", encoder.revision[:12], "Of the model on its hub."),
            ("embedding", f"{number(encoder.d)} numbers" if encoder.d else "", "Size of a token's embedding."),
            ("image size", f"{encoder.image_size} px" if encoder.image_size else "", "Side of the square that an X-ray is brought to."),
            ("patches", f"{encoder.patch_grid} \N{MULTIPLICATION SIGN} {encoder.patch_grid}" if encoder.patch_grid else "", "Of an X-ray."),
            ("precision", encoder.precision, "Of the matrix products, at the build and live alike."),
            ("fingerprint", encoder.fingerprint[:12], f"sha256 over weights, config and preprocessing: {encoder.fingerprint}"),
        ]
    )  # fmt: skip


def made_table(manifest: Manifest) -> str:
    """Program, day, time taken, versions and the command."""
    made = manifest.provenance
    rows = [(name, str(made.get(name, "")), says) for name, says in _FACTS.items()]
    seconds = sum(stage.seconds for stage in manifest.stages.values())
    took = f"{number(seconds / 60)} min" if seconds >= 120 else f"{number(seconds)} s"
    stages = ", ".join(f"{name} {number(stage.seconds)} s" for name, stage in manifest.stages.items())
    rows.append(("took", took if manifest.stages else "", f"All stages: {stages}."))
    versions = ", ".join(f"{name} {version}" for name, version in made.get("versions", {}).items())
    rows.append(("libraries", f"{len(made.get('versions', {}))} versions kept" if versions else "", versions))
    rows.append(
        ("command", plain_command(str(made.get("command", ""))), "As it was given; folders and free text are left out.")
    )
    return _table(rows)


def plain_command(command: str) -> str:
    """The command without whatever may be a path, a title or an address."""
    words, hidden = [], False
    for word in command.split(" "):
        if word.startswith("--"):
            name, equals, _ = word.partition("=")
            words.append(name + (f"{equals}\N{HORIZONTAL ELLIPSIS}" if equals else ""))
            hidden = name.removeprefix("--") in _HIDDEN
            if hidden and not equals:
                words.append("\N{HORIZONTAL ELLIPSIS}")
        elif not hidden:
            words.append("\N{HORIZONTAL ELLIPSIS}" if "/" in word or "\\" in word else word)
    return " ".join(words)


_HIDDEN = {"root", "images", "metadata", "reports", "views", "out", "title", "encoder"}


def _table(rows: list[tuple[str, str, str]]) -> str:
    told = "".join(
        f'<tr><td>{tip(name, says)}</td><td class="r wrap">{escape(value)}</td></tr>'
        for name, value, says in rows
        if value
    )
    return f'<table class="rows">{told}</table>'
