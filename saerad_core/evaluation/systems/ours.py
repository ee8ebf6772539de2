"""This program's reports, and the same writer with findings that an oracle tells: its ceiling."""

from __future__ import annotations

import numpy as np

from saerad_core.descriptions.evidence import EvidenceTables
from saerad_core.descriptions.realise import realise_negatives
from saerad_core.descriptions.reported import looser
from saerad_core.evaluation.systems.base import Bench, System, compose_all
from saerad_core.reports.conflicts import settle
from saerad_core.reports.decide import absent, present
from saerad_core.vocabulary import Fact


def _write(bench: Bench) -> list[str]:
    return compose_all(bench.composer, bench.codes, bench.thresholds, bench.asked)


def certain(facts: set[Fact], tables: EvidenceTables) -> np.ndarray:
    """Probability 1 of what holds and 0 of the rest, float64 [K]; a fact that the tables lack counts as what of it they know."""
    wide = {wider for fact in facts for wider in (fact, *looser(fact))}
    return np.array([1.0 if fact in wide else 0.0 for fact in tables.facts])


def write_certain(p: np.ndarray, bench: Bench) -> str:
    """The report of probabilities [K], by the composer's own thresholds, conflicts and sentences, without features."""
    composer = bench.composer
    settings, wording = composer.settings, composer.wording
    kept, _ = settle(present(p, bench.tables, composer.decide), bench.tables, wording.phrase, settings.conflicts)
    said = [wording.finding((candidate.statement,)) for candidate in kept]
    stated = {candidate.statement.finding for candidate in kept}
    denied = [one.statement.finding for one in absent(p, bench.tables, stated, composer.decide)]
    return " ".join([*(said or [wording.nothing()]), *(realise_negatives(group) for group in wording.absences(denied))])


def _oracle(bench: Bench) -> list[str]:
    return [write_certain(certain(facts, bench.tables), bench) for facts in bench.oracle]


OURS = System("This program", "Reports compiled from the active features' calibrated evidence.", _write, baseline=False)
ORACLE = System(
    "Oracle findings, our writer",
    "The true facts, as far as the evidence knows them, through the same thresholds, conflicts and sentences: the most that this writer can reach.",
    _oracle,
    baseline=False,
)
