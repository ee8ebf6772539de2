"""Commands that measure a workspace's dictionary: sae-report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

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
