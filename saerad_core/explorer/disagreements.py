"""What speaks against a feature: X-rays on which it fires though report or label says no, and labelled ones on which it is silent."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from saerad_core.explorer.labels import training_with
from saerad_core.store.activations import Firing
from saerad_core.store.roster import Roster

LOOKED_THROUGH = 120
"""Strongest X-rays, one a patient, whose reports are read for a denial."""
LEAST_TELLING = 0.6
"""AUROC from which a label counts as what a feature stands for."""


class Disagreement(NamedTuple):
    """X-rays that speak against a feature."""

    rows: np.ndarray
    """int32, one a patient."""
    patients: int
    """How many there are over all; ``rows`` may hold the first only."""


def unlabelled(roster: Roster, firing: Firing, label: str, n: int) -> Disagreement:
    """The strongest active training X-rays, one a patient, of patients who never have the label.

    Args:
        roster: of the workspace.
        firing: the feature's active training X-rays, strongest first.
        label: what the feature stands for.
        n: at most so many.
    """
    shown = training_with(roster, label)
    has = np.zeros(len(roster.patient.names), dtype=bool)
    has[roster.patient.codes[shown]] = True
    rows = firing.rows[~has[roster.patient.codes[firing.rows]]]
    rows = rows[roster.first_of_patients(rows)]
    return Disagreement(rows[:n], len(rows))


def silent(roster: Roster, firing: Firing, label: str, n: int) -> Disagreement:
    """Training X-rays with the label, of patients on none of whose X-rays the feature fires; those with the fewest other labels first."""
    fires = np.zeros(len(roster.patient.names), dtype=bool)
    fires[roster.patient.codes[firing.rows]] = True
    rows = np.flatnonzero(training_with(roster, label))
    rows = rows[~fires[roster.patient.codes[rows]]]
    rows = rows[np.argsort(roster.label_counts[rows], kind="stable")]
    rows = rows[roster.first_of_patients(rows)]
    return Disagreement(rows[:n].astype(np.int32), len(rows))
