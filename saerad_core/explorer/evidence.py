"""One feature's active training X-rays, and what is counted of them for its page."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from saerad_core.explorer import disagreements
from saerad_core.explorer.confounders import Confounder, Divided, facets
from saerad_core.explorer.labels import Association, TrainingLabels, associations
from saerad_core.store.activations import ActivationStore, Firing
from saerad_core.store.roster import Roster


class Training:
    """What all features are compared with: the training split's patients, labels and facets."""

    def __init__(self, roster: Roster, zones: np.ndarray | None = None) -> None:
        """``zones``: of markers and burned-in text, as store.markers has them; None where nobody looked."""
        self.roster, self._zones = roster, zones
        self.labels = TrainingLabels(roster)
        self.patients = len(np.unique(roster.patient.codes[roster.train]))

    @cached_property
    def divided(self) -> list[Divided]:
        """By view, sex, age and so on, and by each zone of burned-in text."""
        return [Divided(self.labels, facet) for facet in facets(self.roster, self._zones)]


class FeatureEvidence:
    """One feature over the training split; every answer is in milliseconds and none asks the disk again."""

    def __init__(self, store: ActivationStore, training: Training, feature_id: int) -> None:
        self.feature_id = feature_id
        self._training = training
        firing = store.firing(feature_id)
        self.firing: Firing = firing.take(training.roster.train[firing.rows])
        """Active training X-rays, strongest first."""
        self.all_rows = firing
        """Those of every split."""

    def activation_of(self, row: int) -> float | None:
        """Activation on one X-ray of any split; None where it isn't active there."""
        at = np.flatnonzero(self.all_rows.rows == row)
        return float(self.all_rows.activations[at[0]]) if len(at) else None

    def between(self, lo: float, hi: float) -> tuple[int, int]:
        """X-rays and patients whose activation is from ``lo`` to ``hi``."""
        values = self.firing.activations
        rows = self.firing.rows[(values >= np.float32(lo)) & (values <= np.float32(hi))]
        return len(rows), len(np.unique(self._training.roster.patient.codes[rows]))

    def associations(self, labels: list[str], threshold: float) -> list[Association]:
        """Every label against the X-rays from ``threshold`` on."""
        return associations(self._training.labels, self.firing, labels, threshold)

    def confounders(self, label: str) -> list[Confounder]:
        """The feature against view, sex, age, follow-up number, devices and burned-in text; ``label``: that it tells best, or ""."""
        return [one.confounder(self.firing, label) for one in self._training.divided]

    def unlabelled(self, label: str, n: int) -> disagreements.Disagreement:
        """Where it fires on patients who never have the label."""
        return disagreements.unlabelled(self._training.labels, self.firing, label, n)

    def silent(self, label: str, n: int) -> disagreements.Disagreement:
        """Labelled patients on whom it never fires."""
        return disagreements.silent(self._training.labels, self.firing, label, n)
