"""Where the facts are lost: why a true fact isn't in the report, and why a fact that is in it isn't true.

Every missed and every wrong fact gets one cause, the first that holds. What the encoder could have told is asked of linear probes on the
dense embedding, whose thresholds come from held-out patients as ours do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from saerad_core.descriptions.auroc import auroc
from saerad_core.evaluation.facts import f1
from saerad_core.evaluation.systems.base import Bench, pairs
from saerad_core.reports.decide import present
from saerad_core.vocabulary import TERMS, Fact, Statement


class Cause(NamedTuple):
    """Why facts are lost."""

    title: str
    says: str


CAUSES: dict[str, Cause] = {
    "side": Cause("wrong side", "The finding is stated on another side than it is on."),
    "side_open": Cause("side not named", "The finding is stated without its side."),
    "place": Cause("wrong place", "The finding is stated on the right side, in another place."),
    "place_open": Cause("place not named", "The finding is stated on the right side, without its place."),
    "other": Cause(
        "one of two", "The finding is stated rightly once; its second side or place is missed, or one too many is stated."
    ),
    "unknown": Cause(
        "too rare to be learned", "Too few training patients' reports state the finding for the evidence to know it."
    ),
    "conflict": Cause("given up as a conflict", "The evidence was enough, but a rival finding was better supported."),
    "held_back": Cause(
        "held back as unsure", "The evidence was over its own threshold, but under what is ever stated: a quarter, or twice the usual odds."
    ),
    "probe": Cause(
        "the dense probe knows better",
        "Missed, though a linear probe on the embedding tells the finding on this X-ray; or stated, though the probe doesn't.",
    ),
    "neither": Cause(
        "the dense probe errs too", "Missed, and the probe misses it too; or stated, and the probe states it as well."
    ),
}  # fmt: skip
"""Key -> what it is, in the order in which they are asked about."""


class Seen(NamedTuple):
    """What the evidence and the probes make of n X-rays; K facts."""

    facts: tuple[Fact, ...]
    ours: np.ndarray
    """float64 [n, K], probabilities by the active features."""
    probe: np.ndarray
    """float64 [n, K], by linear probes on the dense embedding."""
    over: np.ndarray
    """bool [n, K]: ours at their thresholds."""
    probe_over: np.ndarray
    """bool [n, K]: the probes' at theirs."""
    candidates: Sequence[set[Fact]]
    """What each report would state before conflicts are settled."""


def seen(bench: Bench) -> Seen:
    """Of the asked X-rays of a bench."""
    tables, settings = bench.tables, bench.composer.decide
    ours = np.array([tables.probabilities(pairs(*bench.codes.row(int(row)))) for row in bench.asked])
    ours = ours.reshape(len(bench.asked), len(tables.facts))
    found = bench.probes
    probe = found.probabilities(bench.embeddings[bench.asked])
    return Seen(
        tables.facts,
        ours,
        probe,
        ours >= tables.thresholds,
        probe >= found.calibration.thresholds,
        [{candidate.statement.fact for candidate in present(p, tables, settings)} for p in ours],
    )


def losses(stated: Sequence[set[Fact]], truth: Sequence[set[Fact]], told: Seen) -> dict[str, Any]:
    """Causes of n reports' missed and wrong facts.

    Args:
        stated: facts of the reports.
        truth: facts of the X-rays.
        told: what could be known of them.

    Returns:
        ``causes``: of each of CAUSES that occurs its title, what it says, facts ``missed`` and ``wrong`` by it, and ``f1_mended``, the exact
        fact F1 if these alone were right; ``findings``: of each finding that some X-ray has or some report states, the facts ``right``,
        ``missed`` and ``wrong`` and the AUROC of the finding by the ``features`` and by the ``probe`` (None where it can't be told).
    """
    missed: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    of: dict[str, Counter[str]] = {}
    for row, (said, true) in enumerate(zip(stated, truth, strict=True)):
        for fact in sorted(true - said):
            missed[_missed(fact, row, said, true, told)] += 1
            of.setdefault(fact.finding, Counter())["missed"] += 1
        for fact in sorted(said - true):
            wrong[_wrong(fact, row, said, true, told)] += 1
            of.setdefault(fact.finding, Counter())["wrong"] += 1
        for fact in said & true:
            of.setdefault(fact.finding, Counter())["right"] += 1
    right, no, less = (sum(one[name] for one in of.values()) for name in ("right", "wrong", "missed"))
    return {
        "f1": f1(right, no, less),
        "right": right,
        "causes": {
            key: {
                **cause._asdict(),
                "missed": missed[key],
                "wrong": wrong[key],
                "f1_mended": f1(right + missed[key], no - wrong[key], less - missed[key]),
            }
            for key, cause in CAUSES.items()
            if missed[key] or wrong[key]
        },
        "findings": [
            {"finding": finding, **{name: counts[name] for name in ("right", "missed", "wrong")}, **_told(finding, truth, told)}
            for finding, counts in sorted(of.items(), key=lambda one: (-one[1]["missed"] - one[1]["wrong"], one[0]))
        ],
    }  # fmt: skip


def grades(stated: Sequence[Sequence[Statement]], truth: Sequence[Mapping[Fact, str]]) -> dict[str, int]:
    """How the severity is worded of facts that are stated rightly and have one.

    Args:
        stated: what each report states.
        truth: fact -> severity word of each X-ray; "" where it has none.

    Returns:
        Facts with the ``right`` word, one a ``step`` away, ``further`` away, and ``unsaid``.
    """
    found = {"right": 0, "step": 0, "further": 0, "unsaid": 0}
    for some, true in zip(stated, truth, strict=True):
        for one in some:
            drawn = true.get(one.fact, "")
            if not one.present or not drawn:
                continue
            scale = TERMS[one.finding].severities
            if one.severity not in scale:
                found["unsaid"] += 1
                continue
            off = abs(scale.index(one.severity) - scale.index(drawn))
            found["right" if not off else "step" if off == 1 else "further"] += 1
    return found


def _relation(fact: Fact, beside: set[Fact]) -> str:
    """How a fact that is alone on its side stands to the other side's facts of its finding, which are alone too; "other" without any."""
    if not beside:
        return "other"
    same = [other for other in beside if other.side == fact.side]
    if same:
        return "place" if all(other.place for other in same) and fact.place else "place_open"
    return "side" if fact.side and all(other.side for other in beside) else "side_open"


def _missed(fact: Fact, row: int, said: set[Fact], true: set[Fact], told: Seen) -> str:
    of_it = {other for other in said if other.finding == fact.finding}
    if of_it:
        return _relation(fact, of_it - true)
    loose = Fact(fact.finding)
    if loose not in told.facts:
        return "unknown"
    if any(other.finding == fact.finding for other in told.candidates[row]):
        return "conflict"
    at = told.facts.index(loose)
    if told.over[row, at]:
        return "held_back"
    return "probe" if told.probe_over[row, at] else "neither"


def _wrong(fact: Fact, row: int, said: set[Fact], true: set[Fact], told: Seen) -> str:
    of_it = {other for other in true if other.finding == fact.finding}
    if of_it:
        return _relation(fact, of_it - said)
    loose = Fact(fact.finding)
    if loose not in told.facts:
        return "unknown"
    return "neither" if told.probe_over[row, told.facts.index(loose)] else "probe"


def _told(finding: str, truth: Sequence[set[Fact]], told: Seen) -> dict[str, float | None]:
    shown = np.array([[any(fact.finding == finding for fact in true)] for true in truth], dtype=bool)
    loose = Fact(finding)
    if loose not in told.facts or shown.all() or not shown.any():
        return {"features": None, "probe": None}
    at = told.facts.index(loose)
    return {
        name: float(auroc(scores[:, [at]], shown)[0, 0]) for name, scores in (("features", told.ours), ("probe", told.probe))
    }  # fmt: skip
