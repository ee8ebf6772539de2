"""Commands that make a workspace: demo, build."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from saerad_core.cli.look import summary
from saerad_core.errors import SaeRadError
from saerad_core.progress import Reporter
from saerad_core.workspace import DatasetInfo


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
