"""Precision, recall and F1 of stated facts, counted over X-rays, with intervals over patients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from saerad_core.descriptions.statements import facts_of
from saerad_core.vocabulary import Fact

LEVELS = ("exact", "side", "finding")
"""exact: finding, side and place; side: place dropped; finding: both dropped."""
SAMPLES = 1_000
"""Bootstrap samples of patients."""
FEWEST = 5
"""X-rays with a fact from which its own F1 counts towards the macro average."""


def read_back(text: str) -> set[Fact]:
    """The facts that a text states as present."""
    return {fact for fact, statement in facts_of(text).items() if statement.present}


def at_level(facts: set[Fact], level: str) -> set[Fact]:
    """The facts with what the level doesn't look at dropped."""
    if level == "exact":
        return set(facts)
    return {Fact(fact.finding, fact.side if level == "side" else "", "") for fact in facts}


class Hits(NamedTuple):
    """Counts for each X-ray, int64 [N]."""

    right: np.ndarray
    """Facts that both the report and the truth have."""
    wrong: np.ndarray
    """Facts that only the report has."""
    missed: np.ndarray
    """Facts that only the truth has."""


def hits(stated: Sequence[set[Fact]], truth: Sequence[set[Fact]], level: str = "exact") -> Hits:
    """Compare each report's facts with the truth's."""
    pairs = [(at_level(s, level), at_level(t, level)) for s, t in zip(stated, truth, strict=True)]
    return Hits(
        np.array([len(s & t) for s, t in pairs], dtype=np.int64),
        np.array([len(s - t) for s, t in pairs], dtype=np.int64),
        np.array([len(t - s) for s, t in pairs], dtype=np.int64),
    )


def scores(stated: Sequence[set[Fact]], truth: Sequence[set[Fact]], level: str = "exact") -> dict[str, Any]:
    """Micro precision, recall and F1 over all facts; macro F1 over facts; share of normal X-rays called abnormal.

    Precision is 0 where nothing is stated, so that saying nothing scores F1 = 0.
    """
    found = hits(stated, truth, level)
    right, wrong, missed = (int(part.sum()) for part in found)
    normal = np.array([not t for t in truth], dtype=bool)
    called = np.array([bool(s) for s in stated], dtype=bool)
    return {
        "precision": right / (right + wrong) if right + wrong else 0.0,
        "recall": right / (right + missed) if right + missed else 0.0,
        "f1": f1(right, wrong, missed),
        "macro_f1": _macro(stated, truth, level),
        "normal_called_abnormal": float(called[normal].mean()) if normal.any() else None,
        "facts_an_xray": float(np.mean([len(at_level(s, level)) for s in stated])) if len(stated) else 0.0,
    }


def f1(right: float, wrong: float, missed: float) -> float:
    """Harmonic mean of precision and recall; 0 where nothing is right."""
    return 2 * right / (2 * right + wrong + missed) if right else 0.0


def _macro(stated: Sequence[set[Fact]], truth: Sequence[set[Fact]], level: str) -> float | None:
    said = [at_level(s, level) for s in stated]
    true = [at_level(t, level) for t in truth]
    found = []
    for fact in sorted({fact for t in true for fact in t}):
        s, t = np.array([fact in one for one in said]), np.array([fact in one for one in true])
        if t.sum() >= FEWEST:
            found.append(f1(int((s & t).sum()), int((s & ~t).sum()), int((~s & t).sum())))
    return float(np.mean(found)) if found else None


def difference(ours: Hits, theirs: Hits, patients: np.ndarray, seed: int = 0) -> dict[str, float]:
    """F1 of ours less theirs on the same X-rays, with its 95% interval from resampled patients.

    Args:
        ours: counts for each X-ray.
        theirs: counts for the same X-rays.
        patients: patient number of each X-ray.
        seed: of the resampling.
    """
    n = int(patients.max(initial=-1)) + 1

    def by_patient(found: Hits) -> np.ndarray:
        return np.stack([np.bincount(patients, weights=part, minlength=n) for part in found])

    a, b = by_patient(ours), by_patient(theirs)
    weights = (
        np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=SAMPLES).T if n else np.zeros((0, SAMPLES))
    )
    drawn = _f1s(a @ weights) - _f1s(b @ weights)
    whole = _f1s(a.sum(axis=1, keepdims=True)) - _f1s(b.sum(axis=1, keepdims=True))
    low, high = np.quantile(drawn, [0.025, 0.975])
    return {"difference": float(whole[0]), "lo": float(low), "hi": float(high)}


def _f1s(counts: np.ndarray) -> np.ndarray:
    right, wrong, missed = counts
    return np.where(right > 0, 2 * right / np.maximum(2 * right + wrong + missed, 1e-9), 0.0)
