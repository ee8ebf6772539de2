"""Commands that measure a workspace's dictionary, its heatmaps, its pictures and its descriptions: sae-report, maps, markers, score."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from saerad_core.descriptions.judge import LEAST
from saerad_core.progress import Reporter
from saerad_core.workspace import Workspace


def sae_report(
    workspace: Path,
    seeds: Annotated[
        list[Path] | None,
        typer.Option(help="Folder of a dictionary trained from another seed, for PW-MCC; may be given again."),
    ] = None,
    out: Annotated[Path | None, typer.Option("--json", help="Write the figures here too.")] = None,
    split: str = "test",
) -> None:
    """Write sae-report.md and sae-report.json: how good the dictionary is, on patients that nothing was fitted on."""
    from saerad_core.evaluation import sae_report as module

    opened = Workspace.open(workspace)
    figures = module.sae_report(opened, split, seeds or ())
    module.write(opened, figures)
    if out is not None:
        out.write_text(module.as_json(figures), encoding="utf-8")
    typer.echo((opened.root / "sae-report.md").read_text(encoding="utf-8"))


def maps(
    workspace: Path,
    boxes: Annotated[
        Path | None,
        typer.Option(
            help="List of boxes to test heatmaps by, in the form of NIH's BBox_List_2017.csv, gzipped or not; kept in the workspace."
        ),
    ] = None,
    device: str = "auto",
) -> None:
    """Test the heatmaps of a finished workspace where masks or boxes are known, and draw every feature's mean map; builds do it by themselves."""
    from saerad_core.stages.maps import measure_again

    opened = Workspace.open(workspace)
    found = measure_again(opened, boxes, Reporter(None), device)
    better = sum(one.score.beats_prior for one in found.all_judged.values())
    typer.echo(
        f"{len(found.all_judged)} features tested by {found.kind or 'nothing, since no place of a finding is known'}; "
        f"the maps of {better} point better than the prior. Mean maps: {opened.maps_file.name}, {opened.maps_file.stat().st_size:,} bytes; "
        f"strongest X-rays: {opened.strongest_patches.stat().st_size if opened.strongest_patches.exists() else 0:,} bytes."
    )


def markers(workspace: Path) -> None:
    """Look which border zones of a finished workspace's pictures hold a marker or burned-in text; builds do it by themselves. No letter is read."""
    from saerad_core.images.zones import ZONES
    from saerad_core.stages.markers import mark_again
    from saerad_core.store.markers import UNKNOWN

    opened = Workspace.open(workspace)
    zones = mark_again(opened, Reporter(None))
    known = zones[zones != UNKNOWN]
    typer.echo(
        f"{len(known):,} of {len(zones):,} X-rays looked at: {int((known > 0).sum()):,} with a mark; "
        + ", ".join(f"{zone} {int((known >> bit & 1).sum()):,}" for bit, zone in enumerate(ZONES))
        + "."
    )


def score(workspace: Path) -> None:
    """Score the descriptions of a finished workspace on its validation and test patients, and flag doubtful features; builds do it by themselves."""
    from saerad_core.stages.score import score_again
    from saerad_core.store.curation import sae_id
    from saerad_core.store.scores import load_scores

    opened = Workspace.open(workspace)
    score_again(opened, Reporter(None))
    table = load_scores(opened.scores_file, sae_id(opened))
    assert table is not None
    described = (table["text"] != "").to_numpy()
    for split, says in (
        ("validate", "decides which descriptions explain something in reports"),
        ("test", "decides nothing"),
    ):
        areas = table[f"{split}_auroc"].to_numpy(dtype=float)[described]
        holds = int((table[f"{split}_lo"].to_numpy(dtype=float)[described] > LEAST).sum())
        known = areas[~np.isnan(areas)]
        middle = f"{np.median(known):.3f}" if len(known) else "none"
        typer.echo(
            f"{split}: {len(known):,} of {len(areas):,} descriptions scored, median AUROC {middle}; "
            f"{holds:,} hold (interval above {LEAST}); {says}."
        )
    flags = Counter(str(flag) for some in table["flags"] for flag in some)
    typer.echo("flags: " + (", ".join(f"{name} {n:,}" for name, n in flags.most_common()) or "none"))
