"""What speaks against a feature: X-rays on which it fires though report or label says no, and labelled ones on which it is silent."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from saerad_core.explorer.labels import TrainingLabels
from saerad_core.store.activations import Firing


class Disagreement(NamedTuple):
    """X-rays that speak against a feature."""

    rows: np.ndarray
    """int32, one a patient."""
    patients: int
    """How many there are over all; ``rows`` may hold the first only."""


def unlabelled(known: TrainingLabels, firing: Firing, label: str, n: int) -> Disagreement:
    """The strongest active training X-rays, one a patient, of patients who never have the label.

    Args:
        known: labels of the workspace's training X-rays.
        firing: the feature's active training X-rays, strongest first.
        label: what the feature stands for.
        n: at most so many.
    """
    roster = known.roster
    rows = firing.rows[~known.patients(label)[roster.patient.codes[firing.rows]]]
    rows = rows[roster.first_of_patients(rows)]
    return Disagreement(rows[:n], len(rows))


def silent(known: TrainingLabels, firing: Firing, label: str, n: int) -> Disagreement:
    """Training X-rays with the label, of patients on none of whose X-rays the feature fires; those with the fewest other labels first."""
    roster = known.roster
    fires = np.zeros(len(roster.patient.names), dtype=bool)
    fires[roster.patient.codes[firing.rows]] = True
    rows = np.flatnonzero(known.xrays(label))
    rows = rows[~fires[roster.patient.codes[rows]]]
    rows = rows[np.argsort(roster.label_counts[rows], kind="stable")]
    rows = rows[roster.first_of_patients(rows)]
    return Disagreement(rows[:n].astype(np.int32), len(rows))
