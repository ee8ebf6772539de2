"""Statements that don't go together: the better supported one is kept, and a sentence says so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from saerad_core.descriptions.evidence import EvidenceTables, Fired
from saerad_core.reports.decide import Candidate
from saerad_core.vocabulary import TERMS, Fact, Statement

_RIVALS = (("nodule", "multiple_nodules"), ("nodule", "mass"), ("consolidation", "lobar_collapse"))
"""Findings that explain the same shadow; the first two pairs anywhere on a side, the last in the same part of a lung."""
_PART = {"upper zone": "upper", "upper lobe": "upper", "lower zone": "lower", "lower lobe": "lower", "mid zone": "mid"}


@dataclass
class ConflictSettings:
    """What counts as a conflict."""

    together: float = 0.1
    """Two facts conflict if they occur together in less than this share of the training X-rays that have either."""
    enough: int = 20
    """Training X-rays with either fact from which that share means something."""
    sure: float = 0.8
    """Both are kept if the weaker one is at least this probable."""
    logit: float = 2.0
    """Features speak for and against a finding if each camp adds up to this much log-odds..."""
    undecided: float = 0.75
    """...and its probability lies between 1 - this and this."""


def settle(
    candidates: list[Candidate], tables: EvidenceTables, say: Callable[[Statement], str], settings: ConflictSettings
) -> tuple[list[Candidate], list[str]]:
    """Drop the weaker of every conflicting pair.

    Args:
        candidates: the likeliest first.
        tables: where it is looked up how often two facts occur together.
        say: a statement as a phrase within a sentence.
        settings: what conflicts.

    Returns:
        What is kept, and one sentence a settled conflict.
    """
    kept: list[Candidate] = []
    warnings: list[str] = []
    for candidate in candidates:
        rival = next((k for k in kept if _conflict(k, candidate, tables, settings)), None)
        if rival is None:
            kept.append(candidate)
            continue
        warnings.append(
            f"The features speak for {say(rival.statement)} ({rival.probability:.0%}) and for {say(candidate.statement)} "
            f"({candidate.probability:.0%}), which training reports rarely state together; "
            "only the better supported one is reported."
        )
    return kept, warnings


def _conflict(one: Candidate, other: Candidate, tables: EvidenceTables, settings: ConflictSettings) -> bool:
    if other.probability >= settings.sure:
        return False
    a, b = one.statement, other.statement
    if a.finding == b.finding:
        rivals = bool(a.side and b.side and a.side != b.side)
    else:
        rivals = any({a.finding, b.finding} == set(pair) for pair in _RIVALS) and _same_part(a, b)
    return rivals and _rarely_together(a.fact, b.fact, tables, settings)


def _same_part(a: Statement, b: Statement) -> bool:
    sides = not a.side or not b.side or a.side == b.side
    if "multiple_nodules" in (a.finding, b.finding) or {a.finding, b.finding} == {"nodule", "mass"}:
        return sides
    places = not a.place or not b.place or _PART.get(a.place) == _PART.get(b.place)
    return sides and places


def _rarely_together(a: Fact, b: Fact, tables: EvidenceTables, settings: ConflictSettings) -> bool:
    stated = tables.examples.stated
    rows = []
    for fact in (a, b):
        column = tables.index(fact)
        rows.append(stated.indices[stated.indptr[column] : stated.indptr[column + 1]])
    both = len(np.intersect1d(rows[0], rows[1], assume_unique=True))
    either = len(rows[0]) + len(rows[1]) - both
    return either >= settings.enough and both < settings.together * either


def divided(
    candidate: Candidate, code: Fired, tables: EvidenceTables, settings: ConflictSettings
) -> tuple[list[int], list[int]] | None:
    """Features for and against a stated finding where both camps are strong and the outcome is open; else None.

    Args:
        candidate: what the report states.
        code: what counts as evidence.
        tables: the weights.
        settings: what counts as strong.
    """
    if not 1 - settings.undecided < candidate.probability < settings.undecided:
        return None
    fact = candidate.statement.fact
    camps = (
        list(tables.support(fact, code)),
        [c for c in tables.opposition(fact, code, len(code.features)) if c.fires],
    )
    if any(abs(sum(c.logit for c in camp)) < settings.logit for camp in camps):
        return None
    return [c.feature_id for c in camps[0][:3]], [c.feature_id for c in camps[1][:3]]


def name_of(finding: str) -> str:
    """A finding as it reads within a sentence."""
    return TERMS[finding].name if finding in TERMS else finding.replace("_", " ")
