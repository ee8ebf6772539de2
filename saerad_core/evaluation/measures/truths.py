"""Against the truth: facts that are right, sides that are wrong, findings that are invented, normal X-rays that are called abnormal."""

from __future__ import annotations

import numpy as np

from saerad_core.evaluation.facts import hits
from saerad_core.evaluation.measures.base import Measure, Told, f1_of, ratio, share_or_zero


def _exact(told: Told) -> np.ndarray:
    return np.stack(hits(told.stated, told.truth), axis=1).astype(np.float64)


def _finding(told: Told) -> np.ndarray:
    return np.stack(hits(told.stated, told.truth, "finding"), axis=1).astype(np.float64)


def _wrong_side(told: Told) -> np.ndarray:
    """Facts with a side whose finding is there: all of them, and those on a side that it isn't on."""
    rows = np.zeros((len(told.texts), 2))
    for row, (said, true) in enumerate(zip(told.stated, told.truth, strict=True)):
        sides: dict[str, set[str]] = {}
        for fact in true:
            if fact.side:
                sides.setdefault(fact.finding, set()).add(fact.side)
        named = {(fact.finding, fact.side) for fact in said if fact.side and fact.finding in sides}
        rows[row] = sum(side not in sides[finding] for finding, side in named), len(named)
    return rows


def _sure(told: Told) -> np.ndarray:
    """Facts stated without a hedge: those that are true, and all."""
    rows = np.zeros((len(told.texts), 2))
    for row, (some, true) in enumerate(zip(told.statements, told.truth, strict=True)):
        said = {s.fact for s in some if s.present and s.certainty == "certain"}
        rows[row] = len(said & true), len(said)
    return rows


def _called(told: Told) -> np.ndarray:
    normal = np.array([not true for true in told.truth], dtype=np.float64)
    return np.stack([normal * np.array([bool(said) for said in told.stated]), normal], axis=1)


MEASURES: dict[str, Measure] = {
    "fact_precision": Measure(
        "fact precision", "Of the facts stated as present, hedged or not, the share that is true; side and place count.",
        lambda told: _exact(told)[:, :2] @ np.array([[1.0, 1.0], [0.0, 1.0]]), share_or_zero,
    ),
    "fact_recall": Measure(
        "fact recall", "Of the true facts, the share that is stated; side and place count.",
        lambda told: _exact(told)[:, [0, 2]] @ np.array([[1.0, 1.0], [0.0, 1.0]]), share_or_zero,
    ),
    "fact_f1": Measure("exact fact F1", "Harmonic mean of fact precision and recall; side and place count.", _exact, f1_of),
    "finding_f1": Measure("finding F1", "The same without sides and places.", _finding, f1_of),
    "sure_precision": Measure(
        "right when sure", "Of the facts stated without a hedge, the share that is true; side and place count.", _sure, ratio
    ),
    "wrong_side": Measure(
        "wrong side", "Of the sides named for findings that are there, the share on which they aren't.", _wrong_side, ratio, "lower"
    ),
    "normal_called_abnormal": Measure(
        "normals called abnormal", "Of the X-rays without any fact, the share whose report states one.", _called, ratio, "lower"
    ),
}  # fmt: skip
