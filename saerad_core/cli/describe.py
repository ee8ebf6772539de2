"""The command that has a language model describe features."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from saerad_core.errors import SaeRadError
from saerad_core.progress import Reporter
from saerad_core.workspace import Workspace


def describe(
    workspace: Path,
    writer: Annotated[str, typer.Option(help="Base URL of an OpenAI-compatible server, or a folder with a model for transformers; default: what SAERAD_LLM_* say.")] = "",
    model: Annotated[str, typer.Option(help="The server's model; default: SAERAD_LLM_MODEL. Its key comes from SAERAD_LLM_KEY alone.")] = "",
    only: Annotated[str, typer.Option(help="all, undescribed, or weak: whose words don't hold on validation patients.")] = "all",
    features: Annotated[str, typer.Option(help="Only these, by number, joined by commas.")] = "",
    limit: Annotated[int, typer.Option(help="At most so many; 0 for all.")] = 0,
    concurrency: Annotated[int, typer.Option(min=1, max=256, help="Questions under way at once.")] = 4,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what it would take; asks nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask before starting.")] = False,
) -> None:  # fmt: skip
    """Have a language model describe features from reports of X-rays on which they fire and don't. Its words are scored on unseen patients and
    proposed to curators. Reports of training patients go to the model: with a server, they leave this machine."""
    from saerad_core.explorer import Explorer, FeatureQuery
    from saerad_core.llm import chosen_model
    from saerad_core.stages import model_words as asking

    settings = asking.AskSettings(concurrency=concurrency)
    chosen = chosen_model(_environment(writer, model))
    if chosen is None:
        raise SaeRadError(
            "Name a model: --writer URL --model NAME, --writer FOLDER, or SAERAD_LLM_* in the environment."
        )
    if only not in ("all", "undescribed", "weak"):
        raise SaeRadError(f"--only is all, undescribed or weak, not {only!r}.")
    opened = Workspace.open(workspace)
    explorer = Explorer(opened)
    query = {"all": FeatureQuery(), "undescribed": FeatureQuery(described=False), "weak": FeatureQuery(holds="weak")}[
        only
    ]
    wanted = [int(one) for one in explorer.catalogue.find(query)]
    if features:
        try:
            asked = {int(one) for one in features.split(",")}
        except ValueError:
            raise SaeRadError(f"--features is numbers joined by commas, not {features!r}.") from None
        wanted = [one for one in wanted if one in asked]
    wanted = wanted[:limit] if limit else wanted
    packs, answers = asking.Packs(opened, explorer.store), asking.Answers(opened.root / "model-words.jsonl")
    what = asking.estimate(packs, chosen.name, wanted, answers, settings)
    typer.echo(f"{chosen.name}, {concurrency} questions at once: {what.in_words()}")
    if dry_run:
        typer.echo("Nothing was asked.")
        return
    if not yes:
        typer.confirm("Start?", abort=True)
    progress = Reporter(None)
    proposing = asking.Proposing(explorer.curation, explorer.scores.unseen, chosen.name)
    progress.stage(f"Asking {chosen.name}", len(wanted))
    try:
        found = asking.ask_all(packs, chosen, wanted, answers, settings, progress, proposing.add)
    finally:
        # What came before a failure isn't lost.
        proposing.write()
    progress.finish()
    good = [one for one in found if one.text]
    typer.echo(
        f"{len(good):,} of {len(found):,} features described, {proposing.written:,} new proposals by {proposing.author!r}."
    )
    for reason, n in asking.reasons(found):
        typer.echo(f"{n:,} without: {reason}")


def _environment(writer: str, model: str) -> dict[str, str]:
    """SAERAD_LLM_*, with what the command line says instead."""
    told = {name: value for name, value in os.environ.items() if name.startswith("SAERAD_LLM_")}
    if writer:
        told.pop("SAERAD_LLM_URL", None)
        told.pop("SAERAD_LLM_FOLDER", None)
        told["SAERAD_LLM_URL" if "://" in writer else "SAERAD_LLM_FOLDER"] = writer
    if model:
        told["SAERAD_LLM_MODEL"] = model
    return told
