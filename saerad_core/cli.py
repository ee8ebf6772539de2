"""The command line: python -m saerad_core demo | build | info | report | evaluate."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from typing import Annotated

import typer

from saerad_core import NOTICE
from saerad_core.errors import SaeRadError
from saerad_core.progress import Reporter
from saerad_core.workspace import DatasetInfo, Workspace

app = typer.Typer(add_completion=False, no_args_is_help=True, help=f"SAE-Rad. {NOTICE}", pretty_exceptions_enable=False)


@app.command()
def demo(
    patients: Annotated[int | None, typer.Option(help="Simulated patients; the default makes 2,040 X-rays.")] = None,
    out: Annotated[Path | None, typer.Option(help="Workspace folder; default data/demo.")] = None,
    device: str = "auto",
) -> None:
    """Build (or finish building) the demo workspace of simulated X-rays."""
    from saerad_core.pipeline import build as run_build
    from saerad_core.pipeline import demo_settings

    settings = demo_settings(out, patients, device)
    workspace = run_build(settings, Reporter(settings.out / "build.json"))
    typer.echo(json.dumps(summary(workspace), indent=2))


@app.command()
def build(
    images: Annotated[Path, typer.Option(help="Folder of PNG, JPEG or DICOM files.")],
    metadata: Annotated[Path, typer.Option(help="CSV with file, patient_id and, where known, study_id, view, sex, age, "
                                                "labels (joined by |), indication, findings, impression, split.")],
    out: Annotated[Path, typer.Option(help="Workspace folder, data/NAME.")],
    encoder: Annotated[str, typer.Option(help="Hub id or folder of a DINOv2-like model.")] = "microsoft/rad-dino",
    dataset: str = "folder",
    tokens: Annotated[str, typer.Option(help="cls (the paper's) or patch.")] = "patch",
    width: Annotated[int | None, typer.Option(help="Features; default: what the number of X-rays supports.")] = None,
    k: Annotated[int, typer.Option(help="Active features a token.")] = 15,
    image_size: Annotated[int | None, typer.Option(help="Pixels of the encoder's input; default: the model's own.")] = None,
    device: str = "auto",
    title: Annotated[str, typer.Option(help="Shown in the app.")] = "",
    pseudo_reports: Annotated[bool, typer.Option(help="The reports are other patients', matched by label: say so.")] = False,
    download: Annotated[bool, typer.Option("--download", help="Fetch the encoder from the hub where it isn't here.")] = False,
    workers: int = 2,
    seed: int = 0,
) -> None:  # fmt: skip
    """Build a workspace of your own X-rays."""
    from saerad_core.pipeline import BuildSettings
    from saerad_core.pipeline import build as run_build

    if tokens not in ("cls", "patch"):
        raise SaeRadError(f"--tokens is cls or patch, not {tokens!r}.")
    info = DatasetInfo(
        kind=dataset,
        title=title or out.name,
        pseudo_reports=pseudo_reports,
        options={"images": str(images.resolve()), "metadata": str(metadata.resolve()), "seed": seed},
    )
    settings = BuildSettings(
        info,
        encoder,
        out,
        tokens,
        width,
        k,
        device=device,
        image_size=image_size,
        download=download,
        seed=seed,
        workers=workers,
    )
    workspace = run_build(settings, Reporter(out / "build.json"))
    typer.echo(json.dumps(summary(workspace), indent=2))


def summary(workspace: Workspace) -> dict:
    """What `info --json` prints."""
    manifest = workspace.manifest
    return {
        "images": manifest.counts.images,
        "patients": manifest.counts.patients,
        "features": manifest.counts.features,
        "alive": manifest.counts.alive,
        "l0": manifest.metrics.l0,
        "explained_variance": manifest.metrics.explained_variance,
        "pca_explained_variance": manifest.metrics.pca_explained_variance,
        "dead_share": manifest.metrics.dead_share,
        "described": manifest.counts.described,
        "active_per_image": manifest.counts.active_per_image,
        "tokens": manifest.sae.tokens,
        "rule": manifest.sae.rule,
        "encoder": manifest.encoder.id,
        "dataset": manifest.dataset.title or manifest.dataset.kind,
        "simulated": manifest.dataset.simulated,
        "funnel": manifest.funnel,
        "schema_version": manifest.schema_version,
        "notice": NOTICE,
    }


@app.command()
def info(workspace: Path, as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False) -> None:
    """What a workspace holds."""
    facts = summary(Workspace.open(workspace))
    if as_json:
        typer.echo(json.dumps(facts, indent=2))
    else:
        for name, value in facts.items():
            typer.echo(f"{name:24} {value}")


@app.command()
def report(
    workspace: Path,
    image: Path,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    device: str = "auto",
) -> None:
    """Write the report of one X-ray, every sentence with its evidence."""
    from saerad_core.engine import Engine

    try:
        data = image.read_bytes()
    except OSError as error:
        raise SaeRadError(f"{image} can't be read; give the path of a PNG, JPEG or DICOM file.") from error
    analysis = Engine(Workspace.open(workspace), device=device).analyse(data)
    if as_json:
        typer.echo(json.dumps(analysis.report.as_json() | {"notice": NOTICE}, indent=2))
        return
    typer.echo("FINDINGS")
    for sentence in analysis.report.findings:
        typer.echo(f"  {sentence.text}  [{', '.join(f'#{e.feature_id}' for e in sentence.evidence)}]")
    typer.echo("IMPRESSION")
    for sentence in analysis.report.impression:
        typer.echo(f"  {sentence.text}")
    for warning in analysis.report.warnings:
        typer.echo(f"! {warning}")
    typer.echo(NOTICE)


@app.command()
def evaluate(
    workspace: Path,
    out: Annotated[Path | None, typer.Option("--json", help="Where the figures are written.")] = None,
    split: str = "test",
) -> None:
    """Concept recovery and report scores beside baselines, on patients that nothing was fitted on."""
    from saerad_core.evaluation.run import evaluate as run_evaluate

    opened = Workspace.open(workspace)
    figures = run_evaluate(opened, split=split)
    text = json.dumps(figures, indent=2) + "\n"
    (opened.root / "evaluation.json").write_text(text, encoding="utf-8")
    if out is not None:
        out.write_text(text, encoding="utf-8")
    else:
        typer.echo(text)


def run() -> None:
    """Run the command; an error of ours is one sentence on stderr and exit code 2."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    try:
        app()
    except SaeRadError as error:
        typer.echo(str(error), err=True)
        sys.exit(2)
