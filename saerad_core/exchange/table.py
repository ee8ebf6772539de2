"""What is exported: a line for each feature that has words, with its scores, its history and where the words come from."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from saerad_core.exchange.notices import notices
from saerad_core.store.activations import ActivationStore
from saerad_core.store.curation import FIELDS, WORKSPACE, CurationStore, Event, FeatureState
from saerad_core.store.curation.events import as_dict
from saerad_core.workspace import Workspace

COLUMNS: dict[str, str] = {
    "feature_id": "int", "text": "text", "status": "text", "finding": "text", "side": "text", "place": "text", "severity": "text",
    "device": "text", "artefact": "text", "no_clinical_meaning": "bool", "tags": "json", "assigned": "text", "merged_into": "int",
    "machine_text": "text", "human_score": "float", "machine_score": "float", "unseen": "json", "flags": "json", "frequency": "float", "n_patients": "int", "z": "float",
    "evidence_image_ids": "json", "scores": "json", "notes": "json", "author": "text", "at": "text", "revision": "int",
    "workspace": "text", "sae": "text", "notice": "text", "history": "json",
}  # fmt: skip
"""Name -> kind of each column, in order; json is a list. docs/workspace-format.md says what they hold."""
Line = dict[str, Any]
Scored = Callable[[int, str], tuple[Mapping[str, Mapping[str, float | None]], list[str]]]
"""Of a feature and its words: split -> figures (store/scores.py), and the feature's flags."""


@dataclass(frozen=True)
class Export:
    """Everything that a format may write."""

    workspace: Workspace
    sae: str
    lines: list[Line]
    """By feature; one of feature_id -1 holds the history of the workspace itself, where it has any."""
    notices: list[str]
    pictures: dict[int, list[tuple[str, float]]] = field(default_factory=dict)
    """Feature -> (image_id, activation) of its strongest training X-rays, one a patient; empty where they aren't wanted."""

    @property
    def features(self) -> list[Line]:
        """The lines of features."""
        return [line for line in self.lines if line["feature_id"] != WORKSPACE]


def collect(
    workspace: Workspace,
    curation: CurationStore,
    activations: ActivationStore | None = None,
    features: Sequence[int] | None = None,
    pictures: int = 0,
    scores: Scored | None = None,
) -> Export:
    """What there is to export.

    Args:
        workspace: whose.
        curation: what people said there.
        activations: what the program found; None: only people's words.
        features: only these, in this order, whether or not they have words; None: all that have words or events.
        pictures: how many X-rays of each feature.
        scores: how a feature's words do on unseen patients; None where the workspace can't tell.
    """
    now = curation.snapshot()
    histories: dict[int, list[Event]] = {}
    for event in curation.events():
        histories.setdefault(event.feature_id, []).append(event)
    found = _found(activations)
    said = notices(workspace)
    wanted: Iterable[int] = sorted({*histories, *(i for i, one in found.items() if one["text"])})
    if features is not None:
        wanted = list(dict.fromkeys(features))
    lines = [
        _line(one, now[one], found.get(one, {}), histories.get(one, []), scores)
        | {"workspace": workspace.root.name, "sae": curation.sae, "notice": " ".join(said)}
        for one in wanted
    ]
    shown = _pictures(activations, list(wanted), pictures)
    return Export(workspace, curation.sae, lines, said, shown)


def _line(
    feature_id: int, state: FeatureState, found: dict[str, Any], history: Sequence[Event], scores: Scored | None
) -> Line:
    machine = state.machine_score()
    unseen, flags = ({}, []) if scores is None else scores(feature_id, state.text or found.get("text", ""))
    known = unseen.get("validate", {}).get("auroc")
    return {
        "feature_id": feature_id,
        "text": state.text,
        "status": state.status,
        **{name: getattr(state.fields, name) for name in FIELDS},
        "tags": list(state.tags),
        "assigned": state.assigned,
        "merged_into": state.merged_into,
        "machine_text": found.get("text", ""),
        "human_score": state.human_score(),
        "machine_score": known if machine is None else machine,
        "unseen": [{"split": split, **told} for split, told in unseen.items()],
        "flags": flags,
        "frequency": found.get("frequency"),
        "n_patients": found.get("n_patients"),
        "z": found.get("z"),
        "evidence_image_ids": found.get("image_ids", []),
        "scores": [one._asdict() for one in state.scores],
        "notes": [one._asdict() for one in state.notes],
        "author": state.author,
        "at": state.at,
        "revision": state.revision,
        "history": [as_dict(one) for one in history],
    }


def _found(activations: ActivationStore | None) -> dict[int, dict[str, Any]]:
    """What the program found of each feature."""
    if activations is None:
        return {}
    frame = activations.features().merge(activations.descriptions(), on="feature_id", how="left")
    found = {}
    for record in frame.to_dict("records"):
        text, images = record.get("text"), record.get("image_ids")
        found[int(record["feature_id"])] = {
            "text": text if isinstance(text, str) else "",
            "image_ids": [str(one) for one in images] if isinstance(images, (list, np.ndarray)) else [],
            "n_patients": int(record["n_patients"]),
            **{name: _number(record.get(name)) for name in ("frequency", "z")},
        }
    return found


def _number(value: Any) -> float | None:  # noqa: ANN401
    return float(value) if isinstance(value, (int, float)) and math.isfinite(value) else None


def _pictures(
    activations: ActivationStore | None, features: Sequence[int], count: int
) -> dict[int, list[tuple[str, float]]]:
    wanted = [one for one in features if one != WORKSPACE]
    if activations is None or not count or not wanted:
        return {}
    names = activations.roster.image_id
    return {
        feature: [
            (names[int(row)].as_py(), float(value)) for row, value in zip(firing.rows, firing.activations, strict=True)
        ]
        for feature, firing in activations.top_images_of(wanted, count, split="train").items()
    }
