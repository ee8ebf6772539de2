"""The command line: python -m saerad_core demo | build | fetch | train | switch | info | report | recreate | evaluate | sae-report | maps | markers | score | describe | meanings | export | import | repair."""

from __future__ import annotations

import logging
import sys

import typer

from saerad_core import NOTICE
from saerad_core.cli.build import build, demo, switch, train
from saerad_core.cli.describe import describe
from saerad_core.cli.exchange import export, import_, repair
from saerad_core.cli.fetch import fetch
from saerad_core.cli.look import evaluate, info, recreate, report
from saerad_core.cli.meanings import meanings
from saerad_core.cli.metrics import maps, markers, sae_report, score
from saerad_core.errors import SaeRadError

app = typer.Typer(add_completion=False, no_args_is_help=True, help=f"SAE-Rad. {NOTICE}", pretty_exceptions_enable=False)
for command in (
    demo,
    build,
    fetch,
    train,
    switch,
    info,
    report,
    recreate,
    evaluate,
    sae_report,
    maps,
    markers,
    score,
    describe,
    meanings,
    export,
    repair,
):
    app.command()(command)
app.command("import")(import_)


def run() -> None:
    """Run the command; an error of ours is one sentence on stderr and exit code 2."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    try:
        app()
    except SaeRadError as error:
        typer.echo(str(error), err=True)
        sys.exit(2)
