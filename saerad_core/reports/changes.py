"""What changed since a prior X-ray, from the features of both and nothing else.

A fact is new, gone or on both X-rays with a probability that is read off the two X-rays' own probabilities of it, calibrated
(Platt, 1999) on validation patients with two X-rays against what both of their reports state. Under a threshold nothing is said of
a change. Whether a finding grew is never said: strengths aren't comparable between two films.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from saerad_core.descriptions.evidence import EvidenceTables
from saerad_core.reports.decide import Candidate, DecideSettings, certainty
from saerad_core.vocabulary import Fact, Statement

KINDS = ("new", "gone", "same")
"""new: on this X-ray and not on the prior one. gone: the other way round. same: on both."""
RIGHT = 0.8
"""Share of a kind's statements that have to be right on validation patients."""
FEWEST_PAIRS = 20
"""Validation patients' pairs of X-rays from which changes are learned."""
LIKELY = 0.5
"""Least probability of one: a statement that is more often wrong than right isn't carried by better ones."""
FEWEST_STATED = 10
"""Statements of a kind above the threshold, on validation patients, without which it isn't trusted."""


@dataclass(frozen=True)
class ChangeRule:
    """When a change is stated."""

    pairs: int = 0
    """Pairs of X-rays of one validation patient each that it was learned from; with fewer than FEWEST_PAIRS nothing is ever stated."""
    slope: dict[str, float] = field(default_factory=dict)
    """Kind -> slope over the log-odds of `joint`."""
    shift: dict[str, float] = field(default_factory=dict)
    threshold: dict[str, float] = field(default_factory=dict)
    """Kind -> probability from which it is stated; a kind that isn't listed never is."""
    right: dict[str, float] = field(default_factory=dict)
    """Kind -> share of its statements above the threshold that validation reports bear out."""

    def probability(self, kind: str, now: float, prior: float) -> float:
        """Of a kind of change, given the fact's probability on each X-ray."""
        return float(_expit(self.slope[kind] * _logit(joint(kind, now, prior)) + self.shift[kind]))


class Change(NamedTuple):
    """A change that the features of both X-rays support."""

    kind: str
    statement: Statement
    """Present for new and same; for gone, what is no longer there, as absent."""
    probability: float


def joint(kind: str, now, prior):  # noqa: ANN001, ANN201 - floats or arrays alike
    """Probability of the kind of change as if the two X-rays were independent."""
    if kind == "new":
        return now * (1 - prior)
    return prior * (1 - now) if kind == "gone" else now * prior


def changes(
    p: np.ndarray,
    prior: np.ndarray,
    kept: Sequence[Candidate],
    before: Sequence[Candidate],
    tables: EvidenceTables,
    rule: ChangeRule,
    settings: DecideSettings,
) -> list[Change]:
    """What may be said of changes; those that are new first, then what is gone, then what is on both.

    Args:
        p: probabilities of the tables' facts on this X-ray, [K].
        prior: the same on the prior one.
        kept: what the report states.
        before: what a report of the prior X-ray states.
        tables: of these facts.
        rule: from what probability.
        settings: what certain and likely are.
    """
    found: list[Change] = []
    stated = [_sided(c.statement.fact) for c in kept]
    # What is only possible on the X-ray that shows it is nothing to compare with.
    for fact in dict.fromkeys(_sided(c.statement.fact) for c in kept if c.probability >= settings.likely):
        if fact not in tables.facts:
            continue
        row = tables.index(fact)
        told = [
            Change(kind, Statement(fact.finding, fact.side, certainty=certainty(float(p[row]), settings)), chance)
            for kind in ("new", "same")
            if kind in rule.threshold
            and (chance := rule.probability(kind, float(p[row]), float(prior[row]))) >= rule.threshold[kind]
        ]
        found += sorted(told, key=lambda change: -change.probability)[:1]
    for fact in dict.fromkeys(_sided(c.statement.fact) for c in before if c.probability >= settings.likely):
        # What is stated without a side today may be the side of before: that is no finding gone.
        if fact not in tables.facts or any(f.finding == fact.finding and f.side in ("", fact.side) for f in stated):
            continue
        if "gone" not in rule.threshold or (not fact.side and any(f.finding == fact.finding for f in stated)):
            continue
        row = tables.index(fact)
        chance = rule.probability("gone", float(p[row]), float(prior[row]))
        if chance >= rule.threshold["gone"]:
            found.append(Change("gone", Statement(fact.finding, fact.side, present=False), chance))
    return sorted(found, key=lambda change: (KINDS.index(change.kind), -change.probability))


def fit(now: np.ndarray, prior: np.ndarray, stated: np.ndarray, before: np.ndarray, known: np.ndarray) -> ChangeRule:
    """Learn from pairs of X-rays of validation patients.

    Args:
        now: float [P, K], probabilities of facts on the later X-ray.
        prior: the same on the earlier one.
        stated: bool [P, K], whether the later X-ray's report states them.
        before: the same of the earlier one.
        known: bool [P, K], whether both reports tell.
    """
    pairs = len(now)
    if pairs < FEWEST_PAIRS:
        return ChangeRule(pairs)
    from sklearn.linear_model import LogisticRegression

    rule = ChangeRule(pairs)
    truth = {"new": stated & ~before, "gone": before & ~stated, "same": stated & before}
    for kind in KINDS:
        score, y = _logit(joint(kind, now, prior))[known], truth[kind][known]
        if y.all() or not y.any():
            continue
        model = LogisticRegression(C=1e3).fit(score[:, None], y)
        slope, shift = float(model.coef_[0, 0]), float(model.intercept_[0])
        if slope <= 0:
            continue
        p = _expit(slope * score + shift)
        order = np.argsort(-p, kind="stable")
        right = np.cumsum(y[order]) / np.arange(1, len(order) + 1)
        enough = np.flatnonzero(
            (right >= RIGHT) & (p[order] >= LIKELY) & (np.arange(1, len(order) + 1) >= FEWEST_STATED)
        )
        if not len(enough):
            continue
        last = int(enough[-1])
        rule.slope[kind], rule.shift[kind] = slope, shift
        rule.threshold[kind], rule.right[kind] = float(p[order[last]]), float(right[last])
    return rule


def _sided(fact: Fact) -> Fact:
    return Fact(fact.finding, fact.side)


def _logit(p):  # noqa: ANN001, ANN202
    clipped = np.clip(p, 1e-6, 1 - 1e-6)
    return np.log(clipped / (1 - clipped))


def _expit(x):  # noqa: ANN001, ANN202
    return 1 / (1 + np.exp(-x))
