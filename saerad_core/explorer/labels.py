"""How well a feature, from a chosen strength on, tells a label: precision and recall over patients."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from saerad_core.store.activations import Firing
from saerad_core.store.roster import Roster


class Share(NamedTuple):
    """A share of patients with its 95% interval (Wilson, JASA 22:209, 1927)."""

    n: int
    of: int
    lo: float
    hi: float

    @property
    def value(self) -> float | None:
        """None of nobody."""
        return self.n / self.of if self.of else None


def share(n: int, of: int) -> Share:
    """``n`` of ``of`` patients."""
    if not of:
        return Share(0, 0, 0.0, 1.0)
    z, p = 1.96, n / of
    middle, half = p + z * z / (2 * of), z * np.sqrt(p * (1 - p) / of + z * z / (4 * of * of))
    scale = 1 + z * z / of
    return Share(int(n), int(of), float(max((middle - half) / scale, 0)), float(min((middle + half) / scale, 1)))


class Association(NamedTuple):
    """A feature against one label over training patients."""

    label: str
    precision: Share
    """Of the patients with an X-ray that fires, those with one that fires and has the label."""
    recall: Share
    """Of the patients with the label, those with one that fires and has the label."""


def associations(roster: Roster, firing: Firing, labels: list[str], threshold: float) -> list[Association]:
    """Every label against the X-rays of ``firing`` from ``threshold`` on.

    Args:
        roster: of the workspace.
        firing: the feature's active training X-rays.
        labels: which labels.
        threshold: smallest activation that counts.
    """
    patient = roster.patient.codes
    rows = firing.rows[firing.activations >= np.float32(threshold)]
    fires = len(np.unique(patient[rows]))
    found = []
    for label in labels:
        shown = training_with(roster, label)
        both = len(np.unique(patient[rows[shown[rows]]]))
        found.append(Association(label, share(both, fires), share(both, len(np.unique(patient[shown])))))
    return found


def training_with(roster: Roster, label: str) -> np.ndarray:
    """bool [N]: training X-rays with a label."""
    return roster.labelled(label) & roster.train
