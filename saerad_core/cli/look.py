"""Commands that look at a finished workspace: info, report, evaluate."""

from __future__ import annotations

import json
from pathlib import Path
from time import perf_counter
from typing import Annotated

import typer

from saerad_core import NOTICE
from saerad_core.workspace import Workspace


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
        "pool": manifest.sae.pool,
        "rule": manifest.sae.rule,
        "encoder": manifest.encoder.id,
        "dataset": manifest.dataset.title or manifest.dataset.kind,
        "simulated": manifest.dataset.simulated,
        "funnel": manifest.funnel,
        "schema_version": manifest.schema_version,
        "notice": NOTICE,
    }


def info(workspace: Path, as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False) -> None:
    """What a workspace holds."""
    facts = summary(Workspace.open(workspace))
    if as_json:
        typer.echo(json.dumps(facts, indent=2))
    else:
        for name, value in facts.items():
            typer.echo(f"{name:24} {value}")


def report(
    workspace: Path,
    image: Path,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    device: str = "auto",
) -> None:
    """Write the report of one X-ray, every sentence with its evidence."""
    from saerad_core.images.sandbox import decode_sandboxed

    opened = Workspace.open(workspace)
    # Before the engine is loaded: a file that is refused needn't wait for it.
    began = perf_counter()
    radiograph = decode_sandboxed(image)
    timings = {"decode": round((perf_counter() - began) * 1000, 2)}
    from saerad_core.engine import Engine

    engine = Engine(opened, device=device)
    # So that the timings are the X-ray's and not those of loading the models.
    engine.warm()
    analysis = engine.analyse_pixels(radiograph.pixels, radiograph.facts, timings)
    if as_json:
        from saerad_core.reports.exports.audit import audit_row, models_of
        from saerad_core.reports.exports.document import stored

        audit = audit_row(analysis.report, models_of(opened, engine.composer), engine.composer)
        kept = stored(analysis.report) | {"timings_ms": analysis.report.timings_ms}
        typer.echo(json.dumps(kept | {"audit": audit, "notice": NOTICE}, indent=2))
        return
    # A sentence that the checker flagged isn't read out.
    typer.echo("FINDINGS")
    for sentence in (s for s in analysis.report.findings if s.stands):
        typer.echo(f"  {sentence.text}  [{', '.join(f'#{e.feature_id}' for e in sentence.evidence)}]")
    typer.echo("IMPRESSION")
    for sentence in (s for s in analysis.report.impression if s.stands):
        typer.echo(f"  {sentence.text}")
    for warning in analysis.report.warnings:
        typer.echo(f"! {warning}")
    typer.echo(NOTICE)


def recreate(workspace: Path, file: Path) -> None:
    """Write a report again from the audit row of its JSON file, and say whether it is the same bit for bit."""
    from saerad_core.errors import WorkspaceError
    from saerad_core.reports.exports import audit
    from saerad_core.reports.exports.document import stored
    from saerad_core.stages.describe import Composer

    try:
        told = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WorkspaceError(f"{file} is not a report's JSON file; choose one that this program saved.") from error
    opened = Workspace.open(workspace)
    composer = Composer.open(opened)
    told = told if isinstance(told, dict) else {}
    row = told.get("audit") or {}
    again = audit.recreate(row, audit.models_of(opened, composer), composer)
    kept = stored(again)
    typer.echo(json.dumps(kept | {"audit": row, "notice": NOTICE}, indent=2))
    same = all(told.get(name) == value for name, value in json.loads(json.dumps(kept)).items())
    typer.echo("The report is the same." if same else "The file's report was changed after it was saved.", err=True)
    if not same:
        raise typer.Exit(1)


def evaluate(
    workspace: Path,
    out: Annotated[Path | None, typer.Option("--json", help="Write the figures here too.")] = None,
    split: str = "test",
    systems: Annotated[
        str, typer.Option(help="Ways of reporting to score, with commas; all where it isn't given.")
    ] = "",
    judge: Annotated[
        bool,
        typer.Option(
            help="Let the language model of SAERAD_LLM_* judge entailment too. It gets all reports: with a server, they leave this machine."
        ),
    ] = False,
    extra: Annotated[list[str] | None, typer.Option(help="radeval: its metrics, where it and its models are.")] = None,
) -> None:
    """Concept recovery and report scores beside baselines, on patients that nothing was fitted on."""
    from saerad_core.errors import WorkspaceError
    from saerad_core.evaluation import paper
    from saerad_core.evaluation.evaluation_text import markdown
    from saerad_core.evaluation.run import evaluate as run_evaluate
    from saerad_core.evaluation.systems import SYSTEMS
    from saerad_core.llm import chosen_model
    from saerad_core.progress import Reporter

    opened = Workspace.open(workspace)
    model = chosen_model() if judge else None
    if judge and model is None:
        raise WorkspaceError(
            "--judge needs a language model; set SAERAD_LLM_URL and SAERAD_LLM_MODEL, or SAERAD_LLM_FOLDER."
        )
    wanted = [name.strip() for name in systems.split(",") if name.strip()] or list(SYSTEMS)
    figures = run_evaluate(opened, split, wanted, judge=model, extras=extra or (), progress=Reporter(None))
    text = json.dumps(figures, indent=2) + "\n"
    part = opened.root / "evaluation.json.part"
    part.write_text(text, encoding="utf-8")
    part.replace(opened.root / "evaluation.json")
    (opened.root / "evaluation.md").write_text(markdown(figures), encoding="utf-8")
    for told in figures.get("extras", {}).values():
        for sentence in dict.fromkeys(told["missing"].values()):
            typer.echo(sentence, err=True)
    if "paper" in figures:
        (opened.root / "paper-table.md").write_text(paper.markdown(figures), encoding="utf-8")
        typer.echo(paper.markdown(figures))
    if out is not None:
        out.write_text(text, encoding="utf-8")
    elif "paper" not in figures:
        typer.echo(text)
