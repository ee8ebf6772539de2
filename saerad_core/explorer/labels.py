"""How well a feature, from a chosen strength on, tells a label: precision and recall over patients."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from saerad_core.store.activations import Firing
from saerad_core.store.roster import Roster


class Share(NamedTuple):
    """A share of patients with its 95% interval (Wilson, JASA 22:209, 1927)."""

    n: float
    """Patients; a part of one whose X-rays differ."""
    of: int
    lo: float
    hi: float

    @property
    def value(self) -> float | None:
        """None of nobody."""
        return self.n / self.of if self.of else None


def share(n: float, of: int) -> Share:
    """``n`` of ``of`` patients."""
    if not of:
        return Share(0, 0, 0.0, 1.0)
    z, p = 1.96, n / of
    middle, half = p + z * z / (2 * of), z * np.sqrt(p * (1 - p) / of + z * z / (4 * of * of))
    scale = 1 + z * z / of
    return Share(n, int(of), float(max((middle - half) / scale, 0)), float(min((middle + half) / scale, 1)))


class Association(NamedTuple):
    """A feature against one label over training patients."""

    label: str
    precision: Share
    """Of the patients with an X-ray that fires, those with one that fires and has the label."""
    recall: Share
    """Of the patients with the label, those with one that fires and has the label."""


class TrainingLabels:
    """Which training X-rays and patients have each label; counted once for each."""

    def __init__(self, roster: Roster) -> None:
        self.roster = roster
        self._kept: dict[str, tuple[np.ndarray, np.ndarray, int]] = {}

    def _of(self, label: str) -> tuple[np.ndarray, np.ndarray, int]:
        kept = self._kept.get(label)
        if kept is None:
            shown = self.roster.labelled(label) & self.roster.train
            patients = np.zeros(len(self.roster.patient.names), dtype=bool)
            patients[self.roster.patient.codes[shown]] = True
            kept = self._kept[label] = shown, patients, int(patients.sum())
        return kept

    def xrays(self, label: str) -> np.ndarray:
        """bool [N]: training X-rays with the label."""
        return self._of(label)[0]

    def patients(self, label: str) -> np.ndarray:
        """bool [patients]: those with such an X-ray."""
        return self._of(label)[1]

    def n_patients(self, label: str) -> int:
        """How many those are."""
        return self._of(label)[2]


def associations(known: TrainingLabels, firing: Firing, labels: list[str], threshold: float) -> list[Association]:
    """Every label against the X-rays of ``firing`` from ``threshold`` on.

    Args:
        known: labels of the workspace's training X-rays.
        firing: the feature's active training X-rays.
        labels: which labels.
        threshold: smallest activation that counts.
    """
    patient = known.roster.patient.codes
    rows = firing.rows[firing.activations >= np.float32(threshold)]
    fires = len(np.unique(patient[rows]))
    found = []
    for label in labels:
        both = len(np.unique(patient[rows[known.xrays(label)[rows]]]))
        found.append(Association(label, share(both, fires), share(both, known.n_patients(label))))
    return found
