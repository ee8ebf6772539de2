"""The command that prepares search by meaning: meanings."""

from __future__ import annotations

from pathlib import Path

import typer

from saerad_core.progress import Reporter
from saerad_core.workspace import Workspace


def meanings(workspace: Path) -> None:
    """Work out what descriptions mean, with the sentence model of SAERAD_SENTENCE_FOLDER; goes on where it was stopped."""
    from saerad_core.explorer.meaning import Meanings
    from saerad_core.llm import ModelError
    from saerad_core.llm.sentences import VARIABLE, sentence_model
    from saerad_core.store.activations import ActivationStore

    opened = Workspace.open(workspace)
    model = sentence_model()
    if model is None:
        raise ModelError(f"{VARIABLE} isn't set; let it name a folder with a sentence-embedding model.")
    # Readers' own words are few: the app works those out when it is first asked.
    texts = [str(text) for text in ActivationStore(opened.activations_db).descriptions()["text"]]
    n = Meanings(opened.meanings_dir, model).make(texts, Reporter(None))
    typer.echo(f"{n} texts were new, of {len(set(texts))} different ones of {len(texts)} descriptions.")
