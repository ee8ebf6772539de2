"""Who can have written a report of the study. One more is a function and a line in SOURCES."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from saerad_core.evaluation.systems.base import compose_all
from saerad_core.evaluation.systems.retrieval import nearest_texts
from saerad_core.sae.codes import open_codes
from saerad_core.stages.activate import load_thresholds
from saerad_core.stages.describe import Composer, report_texts
from saerad_core.store.activations import ActivationStore
from saerad_core.workspace import Workspace

NOTHING = "No abnormality is found."
"""What a blinded report says in place of the writer's own sentence."""


class Source(NamedTuple):
    """One way to come by a report."""

    title: str
    write: Callable[[Workspace, Sequence[int]], list[str]]
    """Texts of X-rays by images.row."""
    own: bool = False
    """Whether the text is the X-ray's own report, which doesn't leave the workspace in exports."""


def _ours(workspace: Workspace, rows: Sequence[int]) -> list[str]:
    composer = Composer.open(workspace)
    texts = compose_all(composer, open_codes(workspace.codes), load_thresholds(workspace), rows)
    # The one sentence that speaks of features would tell a reader who wrote the report.
    return [text.replace(composer.wording.nothing(), NOTHING) for text in texts]


def _findings(workspace: Workspace) -> list[str]:
    images = ActivationStore(workspace.activations_db).images()
    whole = report_texts(images)
    return [
        text if isinstance(text, str) and text.strip() else both
        for text, both in zip(images["findings"], whole, strict=True)
    ]


def _own(workspace: Workspace, rows: Sequence[int]) -> list[str]:
    texts = _findings(workspace)
    return [texts[row] for row in rows]


def _nearest(workspace: Workspace, rows: Sequence[int]) -> list[str]:
    splits = ActivationStore(workspace.activations_db).images()["split"].to_numpy().astype(str)
    embeddings = np.load(workspace.embeddings)
    return nearest_texts(embeddings, np.flatnonzero(splits == "train"), np.asarray(rows), _findings(workspace))


SOURCES: dict[str, Source] = {
    "ours": Source("This program", _ours),
    "own": Source("The X-ray's own report", _own, own=True),
    "nearest": Source("Nearest X-ray's report", _nearest, own=True),
}
"""Key in addresses and in study.jsonl -> source."""
