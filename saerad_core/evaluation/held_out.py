"""Linear probes whose thresholds come from patients that they weren't fitted on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from saerad_core.descriptions.calibration import Calibration, calibrate
from saerad_core.evaluation.probes import Probes, choose_penalty, fit_probes

FOLDS = 5
SHRINK = 20.0
"""Positives at which a label's own calibration weighs as much as that of all."""


@dataclass(frozen=True)
class HeldOut:
    """Probes and what turns their logits into decisions."""

    probes: Probes
    calibration: Calibration

    def probabilities(self, x: np.ndarray) -> np.ndarray:
        """Calibrated, [N, L], of inputs [N, d]."""
        return self.calibration.probabilities(self.probes.logits(x))


def held_out(
    x: np.ndarray,
    y: np.ndarray,
    known: np.ndarray,
    train: np.ndarray,
    validate: np.ndarray,
    patients: np.ndarray,
    levels: np.ndarray | None = None,
    shrink: float = SHRINK,
) -> HeldOut:
    """Fit on the training X-rays, penalty by the validation X-rays, calibration and thresholds from held-out folds of the one and from the other.

    Args:
        x: [N, d].
        y: [N, L] in {0, 1}.
        known: [N, L] in {0, 1}; unknown ones don't count.
        train: rows.
        validate: rows; may be none.
        patients: [N] numbers.
        levels: [L]; labels of one level share what each can't learn by itself. None: all do.
        shrink: see calibrate.
    """
    x = x.astype(np.float32)
    probes = choose_penalty(x[train], y[train], known[train], x[validate], y[validate], known[validate])
    scores = np.zeros(y.shape)
    fold = np.random.default_rng(0).permutation(int(patients.max(initial=-1)) + 1)[patients] % FOLDS
    for number in range(FOLDS):
        fit, away = train[fold[train] != number], train[fold[train] == number]
        if len(away):
            scores[away] = fit_probes(x[fit], y[fit], known[fit], probes.penalty).logits(x[away])
    scores[validate] = probes.logits(x[validate])
    seen = np.concatenate([train, validate])
    levels = np.zeros(y.shape[1], dtype=np.int64) if levels is None else levels
    return HeldOut(probes, calibrate(scores[seen], y[seen], known[seen], levels, shrink))
