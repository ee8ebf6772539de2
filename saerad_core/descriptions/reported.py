"""What the reports of a set of X-rays state and deny, as sparse matrices: the raw material of descriptions and evidence."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from saerad_core.descriptions.matrices import Csr
from saerad_core.vocabulary import Fact, Statement

FactsOf = Callable[[str], Mapping[Fact, Statement]]
"""saerad_core.descriptions.statements.facts_of, or a stand-in."""


def looser(fact: Fact) -> list[Fact]:
    """The facts that ``fact`` implies, the loosest first: without place, without side, neither; not itself."""
    wider = (Fact(fact.finding), Fact(fact.finding, fact.side), Fact(fact.finding, "", fact.place))
    return [other for other in dict.fromkeys(wider) if other != fact]


def depth(fact: Fact) -> int:
    """0 for a bare finding, 1 with a side or a place, 2 with both."""
    return bool(fact.side) + bool(fact.place)


@dataclass(frozen=True)
class Reported:
    """Facts of N reports at every level: finding, with side, with place, with both. Rows are reports."""

    facts: tuple[Fact, ...]
    """The K columns, looser before more specific."""
    stated: Csr
    """float32 [N, K], 1 where the report states the fact (a right effusion also states an effusion)."""
    unknown: Csr
    """float32 [N, K], 1 where the report states the finding without saying this side or place either way."""
    denied: Csr
    """float32 [N, K], 1 where the report says that the fact is absent; only for facts that some report states."""
    severity: tuple[dict[str, str], ...]
    """Each report's severity word by finding, the most severe side's; findings without one are left out."""

    def column(self, fact: Fact) -> int:
        """Column of ``fact``."""
        return self.facts.index(fact)

    def rows(self, rows: np.ndarray) -> Reported:
        """The same for some of the reports."""
        chosen = np.flatnonzero(rows) if rows.dtype == bool else rows
        severity = tuple(self.severity[int(row)] for row in chosen)
        return Reported(self.facts, self.stated[chosen], self.unknown[chosen], self.denied[chosen], severity)


def read_reports(texts: Iterable[str], facts_of: FactsOf) -> Reported:
    """Parse every report once.

    Args:
        texts: findings and impression of each X-ray; an empty text states nothing.
        facts_of: parser of one text.
    """
    parsed = [_levels(facts_of(text).values()) for text in texts]
    facts = sorted(
        {fact for levels in parsed for fact in levels.stated},
        key=lambda fact: (depth(fact), fact),
    )
    columns = {fact: number for number, fact in enumerate(facts)}
    return Reported(
        facts=tuple(facts),
        stated=_matrix([levels.stated for levels in parsed], columns),
        unknown=_matrix([_unknown(levels, facts) for levels in parsed], columns),
        denied=_matrix([levels.denied for levels in parsed], columns),
        severity=tuple(levels.severity for levels in parsed),
    )


@dataclass(frozen=True)
class _Levels:
    stated: set[Fact]
    denied: set[Fact]
    severity: dict[str, str]


def _levels(statements: Iterable[Statement]) -> _Levels:
    """A report's facts at every level; where it both states and denies one, the statement counts."""
    stated: set[Fact] = set()
    denied: set[Fact] = set()
    severity: dict[str, str] = {}
    for statement in statements:
        if not statement.present:
            denied.add(statement.fact)
            continue
        stated |= {statement.fact, *looser(statement.fact)}
        if statement.severity:
            severity[statement.finding] = _worse(statement.finding, severity.get(statement.finding), statement.severity)
    return _Levels(stated, denied - stated, severity)


def _worse(finding: str, one: str | None, other: str) -> str:
    from saerad_core.vocabulary import TERMS

    order = TERMS[finding].severities if finding in TERMS else ()
    rank = {word: number for number, word in enumerate(order)}
    return other if one is None or rank.get(other, -1) > rank.get(one, -1) else one


def _unknown(levels: _Levels, facts: list[Fact]) -> set[Fact]:
    """Specific facts about which a loose statement leaves open whether they hold."""
    loose = {
        fact.finding: [f for f in levels.stated if f.finding == fact.finding]
        for fact in levels.stated
        if not depth(fact)
    }
    open_ = set()
    for fact in facts:
        said = loose.get(fact.finding)
        if said is None or fact in levels.stated or not depth(fact):
            continue
        sides, places = (
            {f.side for f in said} - {""},
            {f.place for f in said if not fact.side or f.side == fact.side} - {""},
        )
        other_side = fact.side and sides and fact.side not in sides
        other_place = fact.place and places and fact.place not in places
        if not other_side and not other_place:
            open_.add(fact)
    return open_


def _matrix(rows: list[set[Fact]], columns: Mapping[Fact, int]) -> Csr:
    indices = [sorted(columns[fact] for fact in row if fact in columns) for row in rows]
    indptr = np.concatenate([[0], np.cumsum([len(row) for row in indices])]).astype(np.int64)
    flat = np.array([column for row in indices for column in row], dtype=np.int32)
    shape = (len(rows), len(columns))
    return sparse.csr_matrix((np.ones(len(flat), dtype=np.float32), flat, indptr), shape=shape)
