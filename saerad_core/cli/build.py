"""Commands that make a workspace: demo, build, train."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Annotated

import typer

from saerad_core.cli.look import summary
from saerad_core.errors import SaeRadError
from saerad_core.progress import Reporter
from saerad_core.workspace import DatasetInfo, Workspace


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
    out: Annotated[Path, typer.Option(help="Workspace folder, data/NAME.")],
    dataset: Annotated[str, typer.Option(help="folder (X-rays of your own), mimic-cxr, openi, chexpert-plus, nih or padchest; "
                                              "docs/datasets.md says what each needs.")] = "folder",
    root: Annotated[Path | None, typer.Option(help="Folder of a published dataset, laid out as published.")] = None,
    images: Annotated[Path | None, typer.Option(help="folder: PNG, JPEG or DICOM files. mimic-cxr, openi, chexpert-plus: the "
                                                     "images, where they aren't in --root.")] = None,
    metadata: Annotated[Path | None, typer.Option(help="folder: CSV, TSV or Parquet with file, patient_id and, where known, study_id, "
                                                       "view, sex, age, labels (joined by |), indication, findings, impression, "
                                                       "split.")] = None,
    reports: Annotated[Path | None, typer.Option(help="mimic-cxr: mimic-cxr-reports.zip or a folder, where it isn't in --root.")] = None,
    views: Annotated[Path | None, typer.Option(help="openi: CSV of image and view, or the torchxrayvision wheel.")] = None,
    encoder: Annotated[str, typer.Option(help="Hub id or folder of a DINOv2-like model.")] = "microsoft/rad-dino",
    tokens: Annotated[str, typer.Option(help="cls (the paper's) or patch.")] = "patch",
    width: Annotated[int | None, typer.Option(help="Features; default: what the number of X-rays supports.")] = None,
    k: Annotated[int, typer.Option(help="Active features a token.")] = 15,
    architecture: Annotated[str, typer.Option(help="topk, batch_topk, matryoshka, jumprelu or gated (the paper's).")] = "topk",
    target_l0: Annotated[float | None, typer.Option(help="Active features a token that gated and jumprelu are steered to; default: k.")] = None,
    pool: Annotated[str, typer.Option(help="max or mean: of a patch SAE's codes over an X-ray's patches, which is the X-ray's.")] = "max",
    sweep: Annotated[bool, typer.Option(help="Try a few learning rates first.")] = True,
    image_size: Annotated[int | None, typer.Option(help="Pixels of the encoder's input; default: the model's own.")] = None,
    device: str = "auto",
    title: Annotated[str, typer.Option(help="Shown in the app.")] = "",
    pseudo_reports: Annotated[bool, typer.Option(help="The reports are other patients', matched by label: say so.")] = False,
    download: Annotated[bool, typer.Option("--download", help="Fetch the encoder from the hub where it isn't here.")] = False,
    engine: Annotated[str, typer.Option(help="local, or ray: a cluster that sees the same folders.")] = "local",
    workers: Annotated[int | None, typer.Option(help="Decoding processes; default: the cores there are.")] = None,
    patch_budget: Annotated[float, typer.Option(help="GB that all patches may take; above it the SAE is trained on a sample first.")] = 20.0,
    seed: int = 0,
) -> None:  # fmt: skip
    """Build a workspace of a published dataset or of your own X-rays."""
    from saerad_core.datasets import open_dataset
    from saerad_core.pipeline import BuildSettings
    from saerad_core.pipeline import build as run_build

    if tokens not in ("cls", "patch"):
        raise SaeRadError(f"--tokens is cls or patch, not {tokens!r}.")
    if pool not in ("max", "mean"):
        raise SaeRadError(f"--pool is max or mean, not {pool!r}.")
    paths = {"root": root, "images": images, "metadata": metadata, "reports": reports, "views": views}
    given = {name: str(path.resolve()) for name, path in paths.items() if path is not None}
    check_options(dataset, set(given))
    if engine not in ("local", "ray"):
        raise SaeRadError(f"--engine is local or ray, not {engine!r}.")
    info = DatasetInfo(
        kind=dataset, title=title or out.name, pseudo_reports=pseudo_reports, options=given | {"seed": seed}
    )
    # A listing of hundreds of thousands takes a while; every few seconds a line says how far it is.
    logging.getLogger("saerad_core.datasets").setLevel(logging.INFO)
    # Before anything is loaded: a listing that isn't as expected ends here, in a sentence.
    opened = open_dataset(info)
    for step, n in opened.funnel.items():
        typer.echo(f"  {step:42} {n:>9,}", err=True)
    typer.echo(f"{len(opened):,} X-rays go through {encoder} into {out}.", err=True)
    settings = BuildSettings(
        info,
        encoder,
        out,
        tokens,
        width,
        k,
        architecture,
        target_l0,
        pool,
        sweep,
        device=device,
        image_size=image_size,
        download=download,
        seed=seed,
        workers=workers,
        engine=engine,
        patch_budget=int(patch_budget * 10**9),
    )
    # The plan goes to stderr, as progress does: stdout is the summary alone.
    announce = lambda text: typer.echo(text, err=True)  # noqa: E731
    workspace = run_build(settings, Reporter(out / "build.json"), opened, announce=announce)
    typer.echo(json.dumps(summary(workspace), indent=2))


def train(
    workspace: Path,
    sweep: Annotated[bool, typer.Option("--sweep", help="Train all architectures at several L0s, draw the frontier and recommend one; "
                                                        "goes on where it was stopped.")] = False,
    architecture: Annotated[str | None, typer.Option(help="topk (default), batch_topk, matryoshka, jumprelu or gated (the paper's); "
                                                          "of a sweep: names joined by commas, default all.")] = None,
    width: Annotated[int | None, typer.Option(help="Features; default: what the number of patients supports.")] = None,
    k: Annotated[int, typer.Option(help="Active features a token; a sweep compares architectures there.")] = 15,
    l0s: Annotated[str, typer.Option(help="Sweep: active features a token, joined by commas.")] = "8,15,30",
    tokens: Annotated[str, typer.Option(help="Sweep: patch, cls, or both joined by a comma.")] = "patch,cls",
    target_l0: Annotated[float | None, typer.Option(help="Active features a token that gated and jumprelu are steered to; default: k.")] = None,
    pool: Annotated[str, typer.Option(help="max or mean: of a patch SAE's codes over an X-ray's patches, which is the X-ray's; not of a sweep.")] = "max",
    archetypes: Annotated[int, typer.Option(help="Data points that an archetypal decoder mixes; 0: a free decoder.")] = 0,
    steps: Annotated[int | None, typer.Option(help="At most; training stops early on the validation patients.")] = None,
    lr: Annotated[float | None, typer.Option(help="Learning rate that trials start from; not of a sweep.")] = None,
    rates: Annotated[bool, typer.Option(help="Try a few learning rates first; a sweep always does.")] = True,
    device: Annotated[str, typer.Option(help="auto (a GPU where there is one), cpu or cuda.")] = "auto",
    seed: int = 0,
) -> None:  # fmt: skip
    """Train another SAE on a workspace's kept tokens, into its candidates/; the workspace's own stays as it is."""
    from saerad_core.encoder import resolved
    from saerad_core.sae.config import SaeConfig
    from saerad_core.sae.registry import make
    from saerad_core.sae.width import recommended_width
    from saerad_core.stages.train import train_candidate

    opened = Workspace.open(workspace)
    manifest = opened.manifest
    if sweep:
        _sweep(opened, architecture, l0s, tokens, k, width, steps, seed)
        return
    config = SaeConfig(
        d_in=manifest.encoder.d,
        d_sae=width or recommended_width(manifest.counts.patients, manifest.sae.tokens),
        k=k,
        tokens=manifest.sae.tokens,
        lr=lr or SaeConfig.lr,
        steps=steps or SaeConfig.steps,
        seed=seed,
        architecture=architecture or SaeConfig.architecture,
        target_l0=target_l0,
        archetypes=archetypes,
        pool=pool,
    )
    if pool not in ("max", "mean"):
        raise SaeRadError(f"--pool is max or mean, not {pool!r}.")
    make(SaeConfig(1, 1, architecture=config.architecture))
    found = train_candidate(opened, config, Reporter(None), sweep=rates, device=resolved(device))
    typer.echo(json.dumps({"folder": str(found.folder)} | found.figures, indent=2))


def _sweep(
    workspace: Workspace,
    architecture: str | None,
    l0s: str,
    tokens: str,
    k: int,
    width: int | None,
    steps: int | None,
    seed: int,
) -> None:
    from saerad_core.evaluation.frontier import SweepSettings
    from saerad_core.evaluation.frontier import sweep as run_sweep
    from saerad_core.sae.config import SaeConfig
    from saerad_core.sae.registry import REGISTRY, make

    try:
        wanted = tuple(int(one) for one in l0s.split(","))
    except ValueError as error:
        raise SaeRadError(f"--l0s is whole numbers joined by commas, not {l0s!r}.") from error
    kinds = tuple(tokens.split(","))
    if not set(kinds) <= {"cls", "patch"}:
        raise SaeRadError(f"--tokens is patch, cls or both joined by a comma, not {tokens!r}.")
    names = tuple(REGISTRY) if architecture is None else tuple(architecture.split(","))
    for name in names:
        make(SaeConfig(1, 1, architecture=name))
    if min(wanted) < 1 or k not in wanted:
        raise SaeRadError(f"Architectures are compared at --k {k}; let it be one of --l0s, all at least 1.")
    settings = SweepSettings(names, wanted, kinds, k, width, seed=seed)
    settings.steps = steps or settings.steps
    figures = run_sweep(workspace, settings, Reporter(workspace.sweep_file))
    found = figures["recommended"]
    typer.echo((workspace.root / "frontier.md").read_text(encoding="utf-8"))
    typer.echo(found["sentence"] if found else "None is recommended.", err=True)


def switch(
    workspace: Path,
    candidate: Annotated[str, typer.Argument(help="Name of a folder in the workspace's candidates/.")],
) -> None:
    """Give a workspace another SAE; curated descriptions are offered as suggestions on the features that point the same way."""
    from saerad_core.switching import switch as run_switch

    opened = Workspace.open(workspace)
    found = run_switch(opened, candidate, Reporter(opened.progress_file))
    for what, says in (
        ("carried", "offered as suggestions"),
        ("unmatched", "no feature is alike"),
        ("not_offered", "rejected, or without a text"),
    ):
        typer.echo(f"{len(found[what])} curated features: {says}")
        for one in found[what]:
            partner = f"#{one['new_feature_id']}" if one["new_feature_id"] is not None else "-"
            typer.echo(
                f"  #{one['feature_id']} -> {partner} (cosine {one['cosine']:.2f}), {one['status']} by {one['author']}: {one['text']}"
            )
    typer.echo(json.dumps(summary(opened), indent=2))


def check_options(kind: str, given: set[str]) -> None:
    """Raise SaeRadError where the dataset isn't known, lacks an option or doesn't take one."""
    from saerad_core.datasets import OPTIONS

    if kind not in OPTIONS:
        raise SaeRadError(f"--dataset is one of {', '.join(OPTIONS)}, not {kind!r}.")
    takes, needs = OPTIONS[kind]
    for name in needs:
        if name not in given:
            raise SaeRadError(f"--dataset {kind} needs --{name}: {takes[name]}")
    for name in sorted(given - set(takes)):
        raise SaeRadError(f"--dataset {kind} takes no --{name}; it takes {', '.join(f'--{one}' for one in takes)}.")
