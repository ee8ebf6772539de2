"""Which features stand for each simulated finding, side and place: one, several (splitting), or one with holes (absorption).

Features are chosen on training patients; all shares are of the scored split. docs/metrics.md defines the words.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse, stats

from saerad_core.evaluation.bootstrap import check_patients, interval, resample, weighted_auroc
from saerad_core.evaluation.sparse_probes import single_features
from saerad_core.vocabulary import Fact

FEWEST = 5
"""Patients with a concept that training and scored split each need; also patients behind a feature that shares it."""
PRECISION = 0.5
"""Of the patients who show a feature that shares a concept, at least this share has the concept."""
LIFT = 2.0
"""... and at least so many times the concept's prevalence."""
CHANCE = 0.05
"""... and so many would come together by chance with at most this probability, over all features (Bonferroni)."""
GAIN = 0.03
"""A further feature counts as a split where it raises F1 by at least this (Chanin et al. 2024, "A is for Absorption")."""
GENERAL = 0.5
"""A feature is general where it reaches at least this share of its own recall on every narrower concept."""


class Concept(NamedTuple):
    """A finding, a finding on a side, or a finding on a side in a place."""

    fact: Fact
    level: str
    """finding, side or place."""


def concepts_of(truth: Sequence[set[Fact]]) -> list[Concept]:
    """Every concept that some X-ray shows, broad ones first."""
    found = set()
    for fact in {fact for facts in truth for fact in facts}:
        found.add(Concept(Fact(fact.finding), "finding"))
        if fact.side:
            found.add(Concept(Fact(fact.finding, fact.side), "side"))
        if fact.place:
            found.add(Concept(fact, "place"))
    return sorted(found, key=lambda c: (("finding", "side", "place").index(c.level), c.fact))


def shows(truth: Sequence[set[Fact]], concepts: Sequence[Concept]) -> np.ndarray:
    """bool [N, C]: an X-ray shows a concept if one of its facts is the concept or a narrower one."""
    return np.array(
        [[any(_within(fact, c) for fact in facts) for c in concepts] for facts in truth], dtype=bool
    ).reshape(len(truth), len(concepts))


def _within(fact: Fact, concept: Concept) -> bool:
    asked = concept.fact
    return fact.finding == asked.finding and asked.side in ("", fact.side) and asked.place in ("", fact.place)


def recover(
    codes: Any,  # noqa: ANN401 - scipy ships no types
    active: Any,  # noqa: ANN401
    truth: Sequence[set[Fact]],
    split: np.ndarray,
    patients: np.ndarray,
    scored: str = "test",
) -> list[dict[str, Any]]:
    """The best feature of each concept, the features that share it, and how it is split or absorbed.

    Args:
        codes: [N, m] before the active rule.
        active: csr [N, m], non-zero where a feature is active.
        truth: what each X-ray truly shows.
        split: [N].
        patients: [N] patient of each X-ray.
        scored: the split that nothing is chosen on.

    Returns:
        An entry a concept that enough patients of both splits have.

    Raises:
        WorkspaceError: a patient is in two splits.
    """
    check_patients(split, patients)
    concepts = concepts_of(truth)
    shown = shows(truth, concepts)
    fit, here = np.flatnonzero(split == "train"), np.flatnonzero(split == scored)
    kept = [
        i for i in range(len(concepts)) if all(len(np.unique(patients[r[shown[r, i]]])) >= FEWEST for r in (fit, here))
    ]
    concepts, shown = [concepts[i] for i in kept], shown[:, kept]
    if not kept:
        return []
    codes = sparse.csr_matrix(codes, dtype=np.float32)
    fires: Any = sparse.csr_matrix(active) > 0
    best, where_chosen = single_features(codes[fit], shown[fit])
    seen = _Patients(fires[fit], patients[fit])
    sharers = [seen.sharing(shown[fit, i]) for i in range(len(concepts))]
    train, test = sparse.csc_matrix(fires[fit]), sparse.csc_matrix(fires[here])
    told = sparse.csc_matrix(codes[here])
    weights = resample(patients[here])
    found = []
    for i, concept in enumerate(concepts):
        areas = weighted_auroc(told[:, [int(best[i])]].toarray()[:, 0], shown[here, i], weights)
        low, high = interval(areas[1:])
        split_into = _split(train, shown[fit, i], sharers[i])
        entry: dict[str, Any] = {
            "finding": concept.fact.finding,
            "side": concept.fact.side,
            "place": concept.fact.place,
            "level": concept.level,
            "n_patients": len(np.unique(patients[here[shown[here, i]]])),
            "feature_id": int(best[i]),
            "auroc": float(areas[0]),
            "lo": low,
            "hi": high,
            "auroc_where_chosen": float(where_chosen[i]),
            "sharing": len(sharers[i]),
            "split_features": [int(f) for f in split_into],
            "main_f1": _f1(_any(test, split_into[:1]), shown[here, i]),
            "split_f1": _f1(_any(test, split_into), shown[here, i]),
        }
        narrower = [j for j, other in enumerate(concepts) if j != i and _narrower(other, concept)]
        found.append(entry | _absorption(i, narrower, split_into, sharers, train, test, shown[fit], shown[here]))
    return found


class _Patients:
    """Features by the training patients who show them."""

    def __init__(self, fires: Any, patients: np.ndarray) -> None:  # noqa: ANN401
        number = np.unique(patients, return_inverse=True)[1]
        n, self.count = len(number), int(number.max(initial=-1)) + 1
        self.member = sparse.csr_matrix((np.ones(n), (number, np.arange(n))), shape=(self.count, n))
        self.fires = sparse.csr_matrix(fires, dtype=np.float64)
        self.firing = self._patients(np.ones(n, dtype=bool))

    def _patients(self, rows: np.ndarray) -> np.ndarray:
        """Patients who have one of these X-rays with the feature active, [m]."""
        return np.asarray(((self.member[:, rows] @ self.fires[rows]) > 0).sum(axis=0)).ravel()

    def sharing(self, shown: np.ndarray) -> np.ndarray:
        """Features that share a concept, the most precise first."""
        both = self._patients(shown)
        have = len(np.unique(self.member[:, shown].nonzero()[0]))
        precision = both / np.maximum(self.firing, 1)
        chance = stats.hypergeom.sf(both - 1, self.count, have, self.firing)
        shares = (both >= FEWEST) & (precision >= max(PRECISION, LIFT * have / max(self.count, 1)))
        shares &= chance * len(both) <= CHANCE
        return np.array(sorted(np.flatnonzero(shares), key=lambda f: (-precision[f], -both[f])), dtype=np.int64)


def _any(fires: Any, features: Sequence[int] | np.ndarray) -> np.ndarray:  # noqa: ANN401
    """bool [N]: one of the features is active."""
    return np.asarray(fires[:, list(features)].sum(axis=1)).ravel() > 0


def _f1(said: np.ndarray, shown: np.ndarray) -> float:
    right = int((said & shown).sum())
    return 2 * right / int(said.sum() + shown.sum()) if right else 0.0


def _split(fires: Any, shown: np.ndarray, sharers: np.ndarray) -> list[int]:  # noqa: ANN401
    """Sharers in the order in which they raise the F1 of "one of them is active" most, until none raises it by GAIN."""
    chosen: list[int] = []
    said, score = np.zeros(len(shown), dtype=bool), 0.0
    left = [int(f) for f in sharers]
    columns = {f: _any(fires, [f]) for f in left}
    while left:
        gains = [_f1(said | columns[f], shown) for f in left]
        top = int(np.argmax(gains))
        if gains[top] < score + GAIN:
            break
        score = gains[top]
        chosen.append(left.pop(top))
        said = said | columns[chosen[-1]]
    return chosen


def _narrower(other: Concept, concept: Concept) -> bool:
    """Whether ``other`` is one step narrower (a side of a finding, a place of a side)."""
    steps = {"finding": "side", "side": "place"}
    unsided = concept.level == "finding" and other.level == "place" and not other.fact.side
    return _within(other.fact, concept) and (other.level == steps.get(concept.level) or unsided)


def _absorption(
    concept: int,
    narrower: list[int],
    split_into: list[int],
    sharers: list[np.ndarray],
    train: Any,  # noqa: ANN401
    test: Any,  # noqa: ANN401
    shown_train: np.ndarray,
    shown_test: np.ndarray,
) -> dict[str, Any]:
    """``general``: whether the main feature answers to all narrower concepts; ``absorbed``: the share of X-rays that it leaves to theirs."""
    nothing = {"general": None, "absorbed": None}
    if len(narrower) < 2 or not split_into:
        return nothing
    main = split_into[0]
    fires = _any(train, [main])
    recall = fires[shown_train[:, concept]].mean()
    general = bool(all(fires[shown_train[:, j]].mean() >= GENERAL * recall for j in narrower))
    if not general:
        return nothing | {"general": False}
    silent = shown_test[:, concept] & ~_any(test, [main])
    taken = np.zeros(len(silent), dtype=bool)
    for j in narrower:
        taken |= shown_test[:, j] & _any(test, sharers[j][sharers[j] != main])
    return {"general": True, "absorbed": float((silent & taken).sum() / shown_test[:, concept].sum())}
