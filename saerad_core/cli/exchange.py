"""Commands that carry curation out of a workspace and into it: export, import, repair."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from saerad_core.errors import SaeRadError
from saerad_core.workspace import Workspace

PICTURES = 6
"""X-rays of each feature in a packet."""


def export(
    workspace: Path,
    form: Annotated[str, typer.Option("--format", help="csv, parquet, jsonl, neuronpedia or html (a packet for a reader without the app).")] = "csv",
    out: Annotated[Path | None, typer.Option(help="File to write; default: NAME-curation and the format's suffix, here.")] = None,
    features: Annotated[str, typer.Option(help="Only these, by number, joined by commas.")] = "",
    named: Annotated[str, typer.Option("--list", help="Only the features of this list.")] = "",
    images: Annotated[bool, typer.Option(help="html: put X-rays into the file. Mind what your agreement on the data allows.")] = False,
) -> None:  # fmt: skip
    """Write what people and the program say of the features, with scores, history and evidence."""
    from saerad_core.exchange import FORMATS, collect
    from saerad_core.explorer.scores import Scores
    from saerad_core.store.activations import ActivationStore
    from saerad_core.store.curation import CurationStore

    if form not in FORMATS:
        raise SaeRadError(f"--format is one of {', '.join(FORMATS)}, not {form!r}.")
    opened = Workspace.open(workspace)
    curation = CurationStore(opened)
    chosen = _chosen(features, opened.manifest.counts.features)
    if named:
        lists = curation.snapshot().lists()
        if named not in lists:
            raise SaeRadError(
                f"There is no list {named!r}; there {'are' if lists else 'is'} {', '.join(lists) or 'none'}."
            )
        chosen = [one for one in lists[named] if chosen is None or one in chosen]
    activations = ActivationStore(opened.activations_db) if opened.activations_db.exists() else None
    scores = Scores(opened, activations, curation.sae).exported if activations is not None else None
    found = collect(opened, curation, activations, chosen, PICTURES if images else 0, scores)
    path = out or Path(f"{opened.root.resolve().name}-curation{FORMATS[form].suffix}")
    path.write_bytes(FORMATS[form].write(found))
    for sentence in (*curation.notices, *found.notices):
        typer.echo(sentence, err=True)
    typer.echo(f"{len(found.features)} features are in {path}.")


def import_(
    workspace: Path,
    file: Annotated[Path, typer.Argument(help="A .csv, .parquet or .jsonl that export wrote, or a table with feature_id and text.")],
    author: Annotated[str, typer.Option(help="Whose changes those are that were made by hand in the file.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would happen.")] = False,
) -> None:  # fmt: skip
    """Take over what an exported file says beyond what is here; conflicts are shown and left alone."""
    from saerad_core.exchange import carry_out, plan, read
    from saerad_core.store.curation import CurationStore

    opened = Workspace.open(workspace)
    curation = CurationStore(opened)
    found = plan(read(file), curation, opened.manifest.counts.features)
    typer.echo(found.in_words())
    if dry_run:
        typer.echo("Nothing was written.")
        return
    if any(step.acts for step in found.steps) and not author.strip():
        raise SaeRadError("Columns of the file were changed by hand; say by whom with --author NAME.")
    typer.echo(f"{carry_out(found, curation, author)} events were added.")


def repair(workspace: Path) -> None:
    """Bring edits that curation.jsonl has lost back from curation.duckdb, where it still has them whole."""
    from saerad_core.store.curation.repair import repair as run_repair

    typer.echo(run_repair(Workspace.open(workspace)))


def _chosen(features: str, count: int) -> list[int] | None:
    if not features.strip():
        return None
    try:
        chosen = [int(one) for one in features.split(",")]
    except ValueError as error:
        raise SaeRadError(f"--features is numbers joined by commas, not {features[:40]!r}.") from error
    for one in chosen:
        if not 0 <= one < count:
            raise SaeRadError(f"There is no feature {one}; this workspace has {count}, from 0.")
    return chosen
