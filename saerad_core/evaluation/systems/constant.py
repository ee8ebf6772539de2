"""The same for every X-ray: nothing is there, or everything."""

from __future__ import annotations

import numpy as np

from saerad_core.descriptions.realise import NOTHING_FOUND, realise, realise_negatives
from saerad_core.evaluation.systems.base import Bench, System
from saerad_core.vocabulary import Statement

DENIED = 6
"""Findings that a normal report denies."""


def _normal(bench: Bench) -> list[str]:
    """No acute abnormality, and the denials that training reports have most often."""
    shares = np.asarray(bench.reported.denied[bench.train].mean(axis=0)).ravel()
    order = [bench.reported.facts[i] for i in np.argsort(-shares, kind="stable") if shares[i] > 0]
    denied = list(dict.fromkeys(fact.finding for fact in order if not fact.side and not fact.place))[:DENIED]
    text = " ".join([NOTHING_FOUND, realise_negatives(denied)]) if denied else NOTHING_FOUND
    return [text for _ in bench.asked]


def _positive(bench: Bench) -> list[str]:
    """Every fact that some training report states."""
    stated = np.asarray(bench.reported.stated[bench.train].sum(axis=0)).ravel() > 0
    facts = sorted(fact for fact, here in zip(bench.reported.facts, stated, strict=True) if here)
    text = " ".join(realise(Statement(*fact)) for fact in facts)
    return [text for _ in bench.asked]


NORMAL = System(
    "Always normal", "Says of every X-ray that it is normal, and denies what training reports deny most.", _normal
)
POSITIVE = System(
    "Always everything", "Says of every X-ray that it shows every finding that a training report states.", _positive
)
