"""Is this the kind of image that the workspace was made from? Two percentiles among its own X-rays.

Distance: how far the embedding lies from the nearest training X-rays of other patients (k-nearest-neighbour novelty, Sun et
al. 2022, "Out-of-distribution detection with deep nearest neighbors"). Rebuild error: the share of the image's tokens that the
dictionary leaves unexplained. A photograph, a hip or a CT slice is far, a chest X-ray of another hospital mostly isn't; the rebuild
error can't tell these apart (low-contrast X-rays of another machine are rebuilt worse than photographs), so it only warns of gaps.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from saerad_core.errors import WorkspaceError
from saerad_core.retrieval import ImageIndex

NEIGHBOURS = 5
"""Training X-rays, of other patients, whose mean distance counts."""
SEARCHED = 64
"""X-rays asked of the index to find them: validation and test X-rays and the patient's own are passed over."""
FEWEST_HELD_OUT = 20
"""Validation X-rays from which errors are placed among theirs: a dictionary rebuilds what it was trained on too well to compare with
(of NIH test X-rays 77% were rebuilt worse than 99% of the training X-rays)."""
MOST_REFERENCES = 5_000
"""Training X-rays that the percentiles are taken among; more take minutes and change nothing that is shown."""
FEWEST_SEEN = 100
"""Validation X-rays from which an error beyond all of theirs means that nobody knows how good a report is; of fewer it happens to a fellow too often."""
FLAG_AT = 99.0
"""Percentile from which the image is flagged."""


@dataclass(frozen=True)
class Typicality:
    """How unlike the training X-rays an image is."""

    distance: float
    """Mean cosine distance to the nearest training X-rays."""
    distance_percentile: float
    """Share of training X-rays, in percent, that lie nearer to theirs."""
    error: float
    """Share of the tokens' squared distance from the dictionary's b_dec that is left unexplained."""
    error_percentile: float
    """Share of validation X-rays (of training X-rays, where those are few), in percent, that are explained better."""
    unseen: bool = False
    """Whether it is explained worse than every one of FEWEST_SEEN or more of them."""

    @property
    def flagged(self) -> bool:
        """Whether a reader should doubt that the image belongs here. By the distance alone: see benchmarks/results/gate.json."""
        return self.distance_percentile >= FLAG_AT

    @property
    def poorly_explained(self) -> bool:
        """Whether the features leave more unsaid than of nearly all validation X-rays, as of films of another make or contrast."""
        return self.error_percentile >= FLAG_AT

    @property
    def warning(self) -> str:
        """A sentence for the reader; "" where nothing is unusual."""
        if self.flagged:
            return (
                "This may not be a chest X-ray like those of this workspace: it lies further from them than nearly all of "
                "them do from each other; don't rely on the report."
            )
        if self.poorly_explained:
            return "The features explain this X-ray worse than nearly all of the workspace's own, so the report may miss findings."
        return ""

    def as_json(self) -> dict[str, Any]:
        told = {name: round(value, 4) for name, value in asdict(self).items() if name != "unseen"}
        return told | {"flagged": self.flagged}


class Gate:
    """The workspace's own distances and errors, and whose X-ray each row of the index is."""

    def __init__(self, path: Path, index: ImageIndex) -> None:
        """Open what build wrote.

        Raises:
            WorkspaceError: it is missing or damaged.
        """
        try:
            found = load_file(path)
            self._distances, self._errors, self._patients = found["distances"], found["errors"], found["patients"]
        except (OSError, KeyError, SafetensorError) as error:
            raise WorkspaceError(f"{path.name} of this workspace is missing or damaged; build it again.") from error
        self._index = index

    @staticmethod
    def build(
        index: ImageIndex,
        embeddings: np.ndarray,
        errors: np.ndarray,
        patient_ids: np.ndarray,
        splits: np.ndarray,
        path: Path,
    ) -> None:
        """Measure the training X-rays and write ``path``.

        Args:
            index: of all N X-rays.
            embeddings: float [N, d], what the index holds.
            errors: float32 [N, 2]: squared error of the tokens, and their squared distance from b_dec.
            patient_ids: [N].
            splits: [N]: train, validate or test.
            path: safetensors file.
        """
        train, held_out = splits == "train", np.flatnonzero(splits == "validate")
        _, patients = np.unique(patient_ids, return_inverse=True)
        patients = np.where(train, patients, -1).astype(np.int32)
        rows = np.flatnonzero(train)
        if len(rows) > MOST_REFERENCES:
            rows = np.sort(np.random.default_rng(0).choice(rows, MOST_REFERENCES, replace=False))
        distances = [_distance(index, embeddings[row], patients, int(patients[row])) for row in rows]
        arrays = {
            "distances": np.sort(np.array(distances, dtype=np.float32)),
            "errors": np.sort(_share(errors[held_out if len(held_out) >= FEWEST_HELD_OUT else rows])).astype(
                np.float32
            ),
            "patients": patients,
        }
        part = path.with_suffix(".part")
        save_file(arrays, part)
        part.replace(path)

    @property
    def limits(self) -> tuple[float, float]:
        """Distance and error from which an image is flagged."""
        return float(np.percentile(self._distances, FLAG_AT)), float(np.percentile(self._errors, FLAG_AT))

    def distance(self, vector: np.ndarray, row: int | None = None) -> float:
        """How far an image is from its nearest training X-rays; arguments as of judge. Safe to ask from any thread."""
        patient = -1 if row is None else int(self._patients[row])
        return _distance(self._index, vector, self._patients, patient)

    def judge(
        self, vector: np.ndarray, error: np.ndarray, row: int | None = None, distance: float | None = None
    ) -> Typicality:
        """Place one image among the training X-rays.

        Args:
            vector: float32 [d], L2-normalised embedding.
            error: float32 [2], as in build.
            row: of the image in the workspace, where it is one of its own: its patient's X-rays don't count as near.
            distance: where it is known already.
        """
        if distance is None:
            distance = self.distance(vector, row)
        share = float(_share(np.asarray(error, dtype=np.float64)[None])[0])
        unseen = len(self._errors) >= FEWEST_SEEN and share > float(self._errors[-1])
        return Typicality(
            distance, _percentile(self._distances, distance), share, _percentile(self._errors, share), unseen
        )


def _distance(index: ImageIndex, vector: np.ndarray, patients: np.ndarray, patient: int) -> float:
    near = [
        s for row, s in index.search(np.asarray(vector, np.float32), SEARCHED) if patients[row] not in (-1, patient)
    ]
    # Where all that is near is the patient's own or held out, nothing else is near: as far as two X-rays get.
    return 1 - float(np.mean(near[:NEIGHBOURS])) if near else 1.0


def _share(errors: np.ndarray) -> np.ndarray:
    return errors[:, 0] / np.maximum(errors[:, 1], 1e-12)


def _percentile(sorted_values: np.ndarray, value: float) -> float:
    return 100 * float(np.searchsorted(sorted_values, value, side="left")) / max(1, len(sorted_values))
