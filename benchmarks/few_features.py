"""Fifteen inputs out of many: the effort that features and principal components get alike in benchmarks.nih_folds."""

from __future__ import annotations

import numpy as np

from saerad_core.evaluation.candidate_figures import Material
from saerad_core.evaluation.probes import choose_penalty, fit_probes

PENALTY = 30.0
"""Of the regressions that choosing fits; those that are scored have theirs chosen on the validation patients."""
HEAVY = 3_000.0
"""Of the regression on all inputs that chooses by weight: hundreds of X-rays, a thousand inputs."""


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


def together(z: np.ndarray, shown: np.ndarray, most: int) -> dict[str, list[int]]:
    """The same inputs for all labels, as the first principal components are: fewer choices to make from few patients.

    Args:
        z: float [N, m] of training X-rays, standardised.
        shown: bool [N, L].
        most: inputs to choose.

    Returns:
        by difference: with the greatest sum over labels of the squared correlation; by weight: of the squared weights of a heavily
        penalised regression on all inputs.
    """
    y = shown.astype(np.float64)
    spread = (y - y.mean(0)) / np.sqrt(y.mean(0) * (1 - y.mean(0))).clip(1e-9)
    apart = np.square(z.T @ spread).sum(1)
    weights = np.square(fit_probes(z, shown.astype(np.float32), np.ones_like(y), HEAVY).weights).sum(1)
    return {
        "by difference": np.argsort(-apart)[:most].tolist(),
        "by weight": np.argsort(-weights)[:most].tolist(),
    }


def told(x: np.ndarray, material: Material, most: int) -> dict[str, dict[str, np.ndarray]]:
    """Scores [n, L] of validation and test X-rays by logistic regressions on ``most`` inputs [N, m]: way of choosing -> split -> scores.

    Inputs are chosen and regressions fitted on training patients, penalties chosen on validation patients but where those are scored.
    """
    train, check, test = (material.splits == split for split in ("train", "validate", "test"))
    mean, spread = x[train].mean(0), x[train].std(0)
    z = np.where(spread > 1e-9, (x - mean) / np.maximum(spread, 1e-9), 0).astype(np.float64)
    shown = material.shown[:, material.labels]
    labels = range(shown.shape[1])
    ways = {way: [picked] * len(labels) for way, picked in together(z[train], shown[train], most).items()}
    ways["one after another"] = [forward(z[train], shown[train, i], most) for i in labels]
    found: dict[str, dict[str, np.ndarray]] = {}
    for way, picked in ways.items():
        scores: dict[str, list] = {"validate": [], "test": []}
        for i in labels:
            y, inputs = shown[:, [i]].astype(np.float32), z[:, picked[i]]
            known = np.ones_like(y)
            blind = fit_probes(inputs[train], y[train], known[train], PENALTY)
            fitted = choose_penalty(inputs[train], y[train], known[train], inputs[check], y[check], known[check])
            scores["validate"].append(blind.logits(inputs[check])[:, 0])
            scores["test"].append(fitted.logits(inputs[test])[:, 0])
        found[way] = {split: np.stack(columns, axis=1) for split, columns in scores.items()}
    return found
