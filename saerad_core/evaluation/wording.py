"""Whether statements are as often right as their words say: by certainty, with intervals over patients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from saerad_core.descriptions.statements import facts_of
from saerad_core.evaluation.bootstrap import interval, resample
from saerad_core.evaluation.facts import at_level
from saerad_core.vocabulary import Fact

WORDS = ("certain", "likely", "possible")


def by_certainty(texts: Sequence[str], truth: Sequence[set[Fact]], patients: np.ndarray) -> dict[str, dict[str, Any]]:
    """Precision of what N reports state as present, for each of WORDS.

    Args:
        texts: N reports, read back by rules.
        truth: facts of the N X-rays.
        patients: [N] patient of each X-ray.

    Returns:
        For each word n, and where n > 0 precision with lo and hi (95%, patients resampled), and finding_precision (side and place not
        looked at).
    """
    told = [[(s.fact, s.certainty) for s in facts_of(text).values() if s.present] for text in texts]
    weights = resample(patients)
    out: dict[str, dict[str, Any]] = {}
    for word in WORDS:
        said = [{fact for fact, certainty in one if certainty == word} for one in told]
        n = np.array([len(s) for s in said], dtype=np.float64)
        right = np.array([len(s & t) for s, t in zip(said, truth, strict=True)], dtype=np.float64)
        found = np.array([_findings(s, t) for s, t in zip(said, truth, strict=True)], dtype=np.float64).reshape(-1, 2)
        out[word] = {"n": int(n.sum())}
        if n.sum():
            with np.errstate(invalid="ignore"):
                lo, hi = interval((right @ weights[:, 1:]) / (n @ weights[:, 1:]))
            out[word] |= {
                "precision": float(right.sum() / n.sum()),
                "lo": lo,
                "hi": hi,
                "finding_precision": float(found[:, 0].sum() / found[:, 1].sum()),
            }
    return out


def _findings(said: set[Fact], true: set[Fact]) -> tuple[int, int]:
    stated, truth = at_level(said, "finding"), at_level(true, "finding")
    return len(stated & truth), len(stated)
