"""Fifteen inputs out of many, chosen one after another: the effort that features and principal components get alike in benchmarks.nih_folds."""

from __future__ import annotations

import numpy as np

from saerad_core.evaluation.candidate_figures import Material
from saerad_core.evaluation.probes import choose_penalty, fit_probes

PENALTY = 30.0
"""Of the regressions that choosing fits; those that are scored have theirs chosen on the validation patients."""


def forward(z: np.ndarray, shown: np.ndarray, most: int) -> list[int]:
    """Forward selection for one label: each time the input with the greatest score statistic (Rao 1948) given those chosen.

    Unlike a ranking by what each input tells by itself it passes over inputs that say the same again.

    Args:
        z: float [N, m] of training X-rays, standardised.
        shown: bool [N].
        most: inputs to choose.
    """
    y, picked = shown.astype(np.float64)[:, None], []
    chance = np.full(len(z), y.mean())
    for _ in range(min(most, z.shape[1])):
        weight = chance * (1 - chance)
        statistic = np.abs(z.T @ (y[:, 0] - chance)) / np.sqrt(np.square(z).T @ weight + 1e-9)
        statistic[picked] = -1
        picked.append(int(statistic.argmax()))
        fitted = fit_probes(z[:, picked], y, np.ones_like(y), PENALTY)
        chance = 1 / (1 + np.exp(-fitted.logits(z[:, picked])[:, 0].astype(np.float64)))
    return picked


def told(x: np.ndarray, material: Material, most: int) -> dict[str, np.ndarray]:
    """Scores [n, L] of validation and test X-rays by logistic regressions on ``most`` inputs [N, m] a label.

    Inputs are chosen and regressions fitted on training patients, penalties chosen on validation patients but where those are scored.
    """
    train, check, test = (material.splits == split for split in ("train", "validate", "test"))
    mean, spread = x[train].mean(0), x[train].std(0)
    z = np.where(spread > 1e-9, (x - mean) / np.maximum(spread, 1e-9), 0).astype(np.float64)
    found: dict[str, list] = {"validate": [], "test": []}
    for label in material.labels:
        y = material.shown[:, [label]].astype(np.float32)
        known = np.ones_like(y)
        picked = forward(z[train], y[train, 0], most)
        inputs = z[:, picked]
        blind = fit_probes(inputs[train], y[train], known[train], PENALTY)
        fitted = choose_penalty(inputs[train], y[train], known[train], inputs[check], y[check], known[check])
        found["validate"].append(blind.logits(inputs[check])[:, 0])
        found["test"].append(fitted.logits(inputs[test])[:, 0])
    return {split: np.stack(columns, axis=1) for split, columns in found.items()}
