"""The command that downloads a public dataset: fetch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from saerad_core.errors import SaeRadError
from saerad_core.progress import Reporter


def fetch(
    dataset: Annotated[str, typer.Argument(help="openi; the others need an account with whoever publishes them.")],
    out: Annotated[Path, typer.Option(help="Folder that the dataset is put in; --root of the build.")],
    images: Annotated[str, typer.Option(help="png, dicom (80.7 GB), both, or none.")] = "png",
    url: Annotated[str | None, typer.Option(help="Folder of the archives, where it isn't the publisher's.")] = None,
    keep_archives: Annotated[bool, typer.Option("--keep-archives", help="Keep the .tgz files once unpacked.")] = False,
) -> None:
    """Download a public dataset; run again, it goes on where it was."""
    from saerad_core.datasets.fetch import OPENI, OPENI_TERMS, OPENI_URL, plan
    from saerad_core.datasets.fetch import fetch as run_fetch

    if dataset != "openi":
        raise SaeRadError(
            f"Only openi can be fetched, not {dataset!r}; docs/datasets.md says where the others are had."
        )
    wanted = {"png": ["png"], "dicom": ["dicom"], "both": ["png", "dicom"], "none": []}
    if images not in wanted:
        raise SaeRadError(f"--images is png, dicom, both or none, not {images!r}.")
    url = f"{(url or OPENI_URL).rstrip('/')}/"
    parts = [OPENI[name] for name in ("reports", *wanted[images])]
    for line in plan(parts, out, url):
        typer.echo(line, err=True)
    typer.echo(
        f"Terms: {OPENI_TERMS}. No checksums are published: sizes are checked, and archives are read through.", err=True
    )
    run_fetch(parts, out, url, Reporter(None), keep=keep_archives)
    typer.echo(f"Done. To build a workspace: python -m saerad_core build --dataset openi --root {out} --out data/openi")
    if not (out / "indiana_projections.csv").exists():
        typer.echo("The build needs a list of which views are frontal, --views; docs/datasets.md says where one is.")
