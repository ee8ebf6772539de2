"""Which facts a report states, given their probabilities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from saerad_core.descriptions.evidence import EvidenceTables
from saerad_core.descriptions.reported import depth, looser
from saerad_core.vocabulary import TERMS, Fact, Statement


class Candidate(NamedTuple):
    """A statement that the evidence supports, with its calibrated probability."""

    statement: Statement
    probability: float


@dataclass
class DecideSettings:
    """From evidence to statements."""

    least: float = 0.25
    """Probability under which nothing is stated, whatever gains F1: where features tell little, a report says little."""
    lift: float = 2.0
    """Times that the features must raise the odds of a finding above its prevalence: what is only common isn't stated."""
    certain: float = 0.8
    """Probability from which a finding is stated without a hedge."""
    likely: float = 0.5
    """Probability from which it is likely; below it is possible."""
    descend: float = 0.5
    """A side or place under its own threshold is named if it holds this share of the looser fact's probability..."""
    least_named: float = 0.15
    """...and is at least this probable: a side that is more likely wrong than a guess isn't named."""
    absent: float = 0.05
    """Probability under which a finding may be called absent..."""
    absent_share: float = 0.5
    """...if it is also under this share of the finding's own prevalence: a rare finding isn't absent because it is rare."""
    expected: float = 0.02
    """Least share of training reports that deny a finding, for its absence to be worth a word."""
    negatives: int = 6
    """At most so many absences."""


def present(p: np.ndarray, tables: EvidenceTables, settings: DecideSettings) -> list[Candidate]:
    """Statements of what is there, the likeliest first; of each finding the most specific facts.

    Args:
        p: probabilities of the tables' facts, [K].
        tables: of these facts.
        settings: thresholds.
    """
    probability = dict(zip(tables.facts, (float(value) for value in p), strict=True))
    threshold = dict(zip(tables.facts, (float(value) for value in tables.thresholds), strict=True))
    raised = dict(zip(tables.facts, _odds(p) >= settings.lift * _odds(tables.priors), strict=True))
    over = {fact for fact in tables.facts if probability[fact] >= max(threshold[fact], settings.least) and raised[fact]}
    over |= {wider for fact in over for wider in looser(fact) if wider in probability}
    over = _descended(over, probability, settings)
    kept = [fact for fact in over if not any(fact in looser(other) for other in over)]
    # A side without a place and a place without a side would be read as two shadows; the side is worth more.
    sided = {fact.finding for fact in kept if fact.side}
    kept = [fact for fact in kept if fact.side or not fact.place or fact.finding not in sided]
    kept.sort(key=lambda fact: (-probability[fact], fact))
    return [
        Candidate(Statement(*fact, certainty=certainty(probability[fact], settings)), probability[fact])
        for fact in kept
    ]


def _descended(over: set[Fact], probability: dict[Fact, float], settings: DecideSettings) -> set[Fact]:
    """Name the likeliest side or place of a fact that would else be stated without, if it is likelier than not."""
    done: set[Fact] = set()
    while todo := sorted(over - done):
        fact = todo[0]
        done.add(fact)
        if any(fact in looser(other) for other in over):
            continue
        children = [f for f in probability if depth(f) == depth(fact) + 1 and fact in looser(f)]
        if children:
            best = max(children, key=lambda f: (probability[f], f))
            if probability[best] >= max(settings.least_named, settings.descend * probability[fact]):
                over = over | {best}
    return over


def _odds(p: np.ndarray) -> np.ndarray:
    return p / np.maximum(1.0 - p, 1e-9)


def certainty(p: float, settings: DecideSettings) -> str:
    """The word for a probability."""
    if p >= settings.certain:
        return "certain"
    return "likely" if p >= settings.likely else "possible"


def absent(p: np.ndarray, tables: EvidenceTables, stated: set[str], settings: DecideSettings) -> list[Candidate]:
    """Findings that may be called absent, the ones that training reports deny most often first.

    Args:
        p: probabilities of the tables' facts, [K].
        tables: of these facts.
        stated: findings that the report states.
        settings: thresholds.
    """
    found = []
    for row, fact in enumerate(tables.facts):
        if (
            depth(fact)
            or fact.finding in stated
            or fact.finding not in TERMS
            or tables.denials[row] < settings.expected
        ):
            continue
        if p[row] <= min(settings.absent, settings.absent_share * float(tables.priors[row])):
            found.append(
                (float(tables.denials[row]), Candidate(Statement(fact.finding, present=False), 1 - float(p[row])))
            )
    found.sort(key=lambda one: (-one[0], one[1].statement.finding))
    return [candidate for _, candidate in found[: settings.negatives]]
