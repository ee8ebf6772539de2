"""maps.safetensors: every feature's mean map, and the score of its maps where masks or boxes were there to test them.

The file is optional: a workspace without it has heatmaps whose truth is untested. docs/workspace-format.md says what it holds.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from saerad_core.errors import WorkspaceError
from saerad_core.heatmap.map_score import MapScore

FEWEST = 5
"""Patients with a mask on whom a feature must fire for its maps to be scored."""


class Judged(NamedTuple):
    """A feature's maps against the masks of one label."""

    label: str
    """The label, among those with masks, that the feature tells best."""
    unseen: int
    """Of the patients, those whose X-rays the dictionary was not trained on."""
    score: MapScore


class MeanMap(NamedTuple):
    """A feature's mean map."""

    values: np.ndarray
    """float32 [grid, grid]."""
    patients: int


class MapsWritten(NamedTuple):
    """What ``write`` takes."""

    means: np.ndarray
    """float32 [m, grid, grid]; 0 where there is none."""
    patients: np.ndarray
    """int32 [m]: behind each mean."""
    tested: Mapping[int, Judged]
    kind: str
    """What the maps were tested by: masks, boxes; "" where there was nothing to test by."""
    labels: Mapping[str, int]
    """Labels with a known place -> patients with one."""
    method: str
    """Name in methods.METHODS."""
    sae: str
    """Identity of the dictionary, as the curation's: maps of another one don't count."""


def write(path: Path, maps: MapsWritten) -> None:
    """Write the file in one step; means take a byte a patch."""
    m, grid = maps.means.shape[:2]
    peaks = maps.means.reshape(m, -1).max(1, initial=0).astype(np.float32)
    scaled = np.round(maps.means / np.where(peaks > 0, peaks, 1)[:, None, None] * 255).astype(np.uint8)
    features = sorted(maps.tested)
    labels = sorted(maps.labels)
    arrays = {
        "means": scaled,
        "peaks": peaks,
        "patients": maps.patients.astype(np.int32),
        "tested": np.array(features, dtype=np.int32),
        "tested_labels": np.array([labels.index(maps.tested[f].label) for f in features], dtype=np.int32),
        "unseen": np.array([maps.tested[f].unseen for f in features], dtype=np.int32),
        "scores": np.array([maps.tested[f].score for f in features], dtype=np.float32).reshape(
            -1, len(MapScore._fields)
        ),
    }
    told = {
        "grid": str(grid),
        "kind": maps.kind,
        "labels": json.dumps({name: maps.labels[name] for name in labels}),
        "method": maps.method,
        "sae": maps.sae,
    }
    part = path.with_suffix(".part")
    save_file({name: np.ascontiguousarray(value) for name, value in arrays.items()}, part, metadata=told)
    part.replace(path)


class FeatureMaps:
    """Reads such a file."""

    def __init__(self, path: Path) -> None:
        """Open it.

        Raises:
            WorkspaceError: it is damaged.
        """
        try:
            with safe_open(path, framework="numpy") as file:
                told = file.metadata() or {}
                self._arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
            self.sae, self.kind, self.method = told["sae"], told["kind"], told["method"]
            self.labels: dict[str, int] = json.loads(told["labels"])
            self._row = {int(feature): i for i, feature in enumerate(self._arrays["tested"])}
        except (OSError, SafetensorError, KeyError, ValueError) as error:
            raise WorkspaceError(
                f"{path.name} of this workspace can't be read; run `python -m saerad_core maps` on it again."
            ) from error

    @cached_property
    def _names(self) -> list[str]:
        return sorted(self.labels)

    def judged(self, feature_id: int) -> Judged | None:
        """The score of a feature's maps; None where too few patients with a mask show it."""
        row = self._row.get(feature_id)
        if row is None:
            return None
        numbers = [float(value) for value in self._arrays["scores"][row]]
        score = MapScore(round(numbers[0]), *numbers[1:])
        return Judged(self._names[int(self._arrays["tested_labels"][row])], int(self._arrays["unseen"][row]), score)

    def mean(self, feature_id: int) -> MeanMap | None:
        """A feature's mean map; None where it has none."""
        n = int(self._arrays["patients"][feature_id]) if feature_id < len(self._arrays["patients"]) else 0
        if not n:
            return None
        return MeanMap(
            self._arrays["means"][feature_id].astype(np.float32) / 255 * self._arrays["peaks"][feature_id], n
        )

    @property
    def all_judged(self) -> dict[int, Judged]:
        """Every feature with a score."""
        return {feature: found for feature in self._row if (found := self.judged(feature)) is not None}
