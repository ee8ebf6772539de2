"""How far what a report states bears a description out: an order of X-rays, from denied to stated just so.

A fixed rule that was fitted on nothing, so that scores of unseen patients are those of the description alone. The steps are only
ever compared with one another; their distances mean nothing.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from saerad_core.descriptions.claims import Claims
from saerad_core.store.said import Said
from saerad_core.vocabulary import TERMS, Statement

DENIED, UNSAID, OTHER_SIDE, OTHER_PLACE, OPEN, STATED = 0.0, 1.0, 2.0, 3.0, 5.0, 8.0
"""The report denies the finding; doesn't mention it; has it on the other side only; elsewhere on the side; without naming the side or
place; as claimed, or more closely."""
SEVERITY = 1.5
"""Taken from STATED where the severity is at the other end of the scale from the one claimed; a report without one is in the middle."""
DOUBT = {"certain": 0.0, "likely": 0.2, "possible": 0.6}
"""Taken for a report's own doubt."""


class Borne(NamedTuple):
    """Of U X-rays."""

    degree: np.ndarray
    """float32 [U], the higher the more the report bears the description out."""
    states: np.ndarray
    """bool [U]: whether it states what is claimed (all of it, or, of claims that are alternatives, one)."""


def borne_out(claims: Claims, said: Said) -> Borne:
    """How far every X-ray's report bears a description's claims out."""
    if claims.nothing:
        n = np.bincount(said.at[said.present], minlength=len(said))
        return Borne((1 / (1 + n)).astype(np.float32), n == 0)
    if not claims.statements:
        return Borne(np.full(len(said), UNSAID, np.float32), np.zeros(len(said), dtype=bool))
    each = [_one(claim, said) for claim in claims.statements]
    degrees, states = np.stack([one.degree for one in each]), np.stack([one.states for one in each]).astype(np.uint8)
    if claims.either:
        return Borne(degrees.max(axis=0), states.max(axis=0) > 0)
    return Borne(degrees.mean(axis=0), states.min(axis=0) > 0)


def _one(claim: Statement, said: Said) -> Borne:
    about = np.flatnonzero(said.where("finding", claim.finding))
    at = said.at[about]
    side, place = (_relation(said, name, getattr(claim, name))[about] for name in ("side", "place"))
    present = said.present[about]
    if not claim.present:
        return _absence(at, side, place, present, len(said))
    value = np.full(len(about), OTHER_PLACE, np.float32)
    value[(side == _OTHER)] = OTHER_SIDE
    value[(side != _OTHER) & (place != _OTHER)] = OPEN
    just_so = (side == _SAME) & (place == _SAME)
    value[just_so] = STATED
    if claim.severity:
        value -= np.where(
            just_so, SEVERITY * np.abs(_severity(said, claim)[about] - _rank(claim.finding, claim.severity)), 0
        )
    doubt, words = said.columns["certainty"]
    value -= np.array([DOUBT.get(word, 0.0) for word in words], np.float32)[doubt[about]]
    degree = np.full(len(said), UNSAID, np.float32)
    # An absence counts where it covers the claim ("no effusion" for a right effusion) and nothing of it is stated.
    covers = ~present & (side != _OTHER) & (place != _OTHER)
    degree[at[covers]] = DENIED
    lifted = np.full(len(said), -np.inf, np.float32)
    np.maximum.at(lifted, at[present], value[present])
    degree = np.where(np.isfinite(lifted), lifted, degree)
    states = np.zeros(len(said), dtype=bool)
    states[at[present & just_so]] = True
    return Borne(degree, states)


_OTHER, _OPEN, _SAME = -1, 0, 1


def _relation(said: Said, column: str, claimed: str) -> np.ndarray:
    """int8 [S]: whether a statement's side (or place) is the one claimed, left open, or another; with nothing claimed all are the same."""
    codes, names = said.columns[column]
    told = [_SAME if not claimed or name == claimed else _OPEN if not name else _OTHER for name in names]
    return np.array(told, np.int8)[codes]


def _absence(at: np.ndarray, side: np.ndarray, place: np.ndarray, present: np.ndarray, n: int) -> Borne:
    """A claim that something isn't there: denied by reports that state it, borne out by those that deny it."""
    same = (side != _OTHER) & (place != _OTHER)
    degree = np.full(n, UNSAID, np.float32)
    states = np.zeros(n, dtype=bool)
    states[at[~present & same]] = True
    states[at[present & same]] = False
    degree[states] = STATED
    degree[at[present & same]] = DENIED
    return Borne(degree, states)


def _severity(said: Said, claim: Statement) -> np.ndarray:
    codes, names = said.columns["severity"]
    return np.array([_rank(claim.finding, name) for name in names], np.float32)[codes]


def _rank(finding: str, severity: str) -> float:
    """Place of a severity word on its finding's scale, 0 to 1; .5 where there is none."""
    scale = TERMS[finding].severities if finding in TERMS else ()
    return scale.index(severity) / (len(scale) - 1) if severity in scale and len(scale) > 1 else 0.5
