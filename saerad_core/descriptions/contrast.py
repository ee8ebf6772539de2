"""What distinguishes the reports of the X-rays on which a feature is active: a finding, with side and place, or nothing.

Every feature is compared with every fact that reports state (findings; with side; with place; with both), patients counted
once a group and compared within strata (see matching.py). All pairs together are held to one false discovery rate. A feature
with no pair under it gets no description.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from saerad_core.descriptions.claims import WITHOUT
from saerad_core.descriptions.matching import Counts, benjamini_hochberg, count, numbered, strata, tail, z_of
from saerad_core.descriptions.matrices import Csc, Csr, dense
from saerad_core.descriptions.reported import Reported, depth, looser
from saerad_core.descriptions.terms import enriched_terms
from saerad_core.vocabulary import Fact, Statement

BLOCK = 2_048
"""Features compared at a time; bounds memory at about 100 MB for 200 facts."""
COLUMNS = (
    "feature_id", "text", "finding", "side", "place", "severity", "certainty",
    "z", "n_firing", "n_with", "n_control", "n_control_with", "image_ids", "terms",
)  # fmt: skip
"""Columns of the table of descriptions."""


@dataclass
class ContrastSettings:
    """When the reports support a description."""

    rate: float = 0.05
    """False discovery rate over all features and facts together."""
    fewest: int = 3
    """Patients who fire the feature and whose reports state the fact."""
    odds_ratio: float = 7.0
    """Smallest matched odds ratio; with many patients, a trifle would pass the test. Chosen on the demo's validation patients
    (docs/descriptions.md)."""
    majority: float = 0.6
    """Share of the firing patients with the looser fact that must have the specific one for it to be named."""
    drop: float = 1.28
    """A specific fact may have a z this much under the looser one's (one-sided 10%) and still be named."""
    likely: float = 0.5
    """Share of firing patients whose reports state the fact from which a description is worded as likely."""
    certain: float = 0.8
    """The same for certain."""
    images: int = 8
    """X-rays listed for a description."""


def describe(
    active: Csr,
    images: pd.DataFrame,
    reported: Reported,
    texts: list[str],
    realise: Callable[[Statement], str],
    settings: ContrastSettings | None = None,
) -> pd.DataFrame:
    """Descriptions of the features that the training reports support.

    Args:
        active: float32 [N, m] over the training split, activation where the feature is active.
        images: its N rows of metadata: image_id, patient_id, and view, sex, age where known.
        reported: facts of its N reports.
        texts: its N report texts, for the phrases that accompany a description.
        realise: sentence of a statement.
        settings: the bar.

    Returns:
        One row a described feature, with COLUMNS.
    """
    settings = settings or ContrastSettings()
    assert active.shape[0] == len(images) == reported.stated.shape[0] == len(texts)
    patients = numbered(images["patient_id"])
    stratum = strata(images)
    alive = np.flatnonzero(np.diff(active.tocsc().indptr))
    if not len(alive):
        return pd.DataFrame([], columns=list(COLUMNS))
    facts, stated = _with_nothing(reported)
    blocks = [alive[start : start + BLOCK] for start in range(0, len(alive), BLOCK)]
    counted = [count(active[:, block], stated, patients, stratum) for block in blocks]
    bar = benjamini_hochberg(np.concatenate([tail(counts).ravel() for counts in counted]), settings.rate)
    rows = []
    by_feature = active.tocsc()
    for block, counts in zip(blocks, counted, strict=True):
        p = tail(counts)
        supported = (p <= bar) & (counts.firing_with >= settings.fewest) & (counts.odds_ratio >= settings.odds_ratio)
        z = z_of(p)
        for index in np.flatnonzero(supported.any(axis=1)):
            chosen = _choose(facts, z[index], supported[index], counts.firing_with[index], settings)
            if chosen is not None:
                rows.append(_Row(int(block[index]), chosen, int(index), counts, float(z[index, chosen])))
    terms = enriched_terms(active, np.array([row.feature for row in rows], dtype=np.int64), texts, patients, stratum)
    maker = _Maker(facts, stated, reported, images, patients, realise, settings)
    made = [maker.make(row, by_feature, words) for row, words in zip(rows, terms, strict=True)]
    return pd.DataFrame(made, columns=list(COLUMNS))


@dataclass(frozen=True)
class _Row:
    feature: int
    column: int
    index: int
    counts: Counts
    z: float


def _with_nothing(reported: Reported) -> tuple[list[Fact], Csr]:
    """The facts and one more column: the report states no finding at all, though it was written."""
    nothing = (np.diff(reported.stated.indptr) == 0) & (np.diff(reported.denied.indptr) > 0)
    column = sparse.csr_matrix(nothing.astype(np.float32)[:, None])
    return [*reported.facts, Fact("")], sparse.hstack([reported.stated, column], format="csr")


def _choose(
    facts: list[Fact], z: np.ndarray, supported: np.ndarray, firing_with: np.ndarray, settings: ContrastSettings
) -> int | None:
    """Column of the most specific fact whose evidence is not significantly worse than the looser one's.

    The finding comes first, by the strongest of its facts; then side and place are added one at a time, each
    where most of the firing patients with the looser fact have it.
    """
    strength = np.where(supported, z, -np.inf)
    best = facts[int(np.argmax(strength))]
    if not best.finding:
        return int(np.argmax(strength))
    column = {fact: number for number, fact in enumerate(facts)}
    # A side or place can be supported where the bare finding is not: it is then the start.
    starts = [fact for fact in (Fact(best.finding), best) if supported[column[fact]]]
    current = starts[0]
    while True:
        children = [
            fact
            for fact in facts
            if depth(fact) == depth(current) + 1
            and current in looser(fact)
            and supported[column[fact]]
            and z[column[fact]] >= z[column[current]] - settings.drop
            and firing_with[column[fact]] >= settings.majority * firing_with[column[current]]
        ]
        if not children:
            return column[current]
        current = max(children, key=lambda fact: z[column[fact]])


@dataclass(frozen=True)
class _Maker:
    """Turns a chosen fact into a row of the table."""

    facts: list[Fact]
    stated: Csr
    reported: Reported
    images: pd.DataFrame
    patients: np.ndarray
    realise: Callable[[Statement], str]
    settings: ContrastSettings

    def make(self, row: _Row, by_feature: Csc, terms: list[str]) -> tuple:
        fact = self.facts[row.column]
        span = slice(by_feature.indptr[row.feature], by_feature.indptr[row.feature + 1])
        firing, strength = by_feature.indices[span], by_feature.data[span]
        firing = firing[np.lexsort((firing, -strength))]
        states = dense(self.stated[:, [row.column]]).ravel() > 0
        with_it = firing[states[firing]]
        n_firing, n_with = len(np.unique(self.patients[firing])), len(np.unique(self.patients[with_it]))
        severity = self._severity(fact, with_it)
        certainty = self._certainty(row.counts.firing_with[row.index, row.column] / max(n_firing, 1))
        text = (
            self.realise(Statement(*fact, severity=severity, present=True, certainty=certainty))
            if fact.finding
            else WITHOUT
        )
        _, first = np.unique(self.patients[with_it], return_index=True)
        shown = with_it[np.sort(first)][: self.settings.images]
        return (
            row.feature, text, *fact, severity, certainty, row.z, n_firing, n_with,
            round(float(row.counts.silent[row.index])), round(float(row.counts.silent_with[row.index, row.column])),
            [str(image) for image in self.images["image_id"].to_numpy()[shown]], terms,
        )  # fmt: skip

    def _certainty(self, share: float) -> str:
        if share >= self.settings.certain:
            return "certain"
        return "likely" if share >= self.settings.likely else "possible"

    def _severity(self, fact: Fact, with_it: np.ndarray) -> str:
        """The severity of most firing patients, if it is commoner among them than among all who have the finding."""
        everyone = _words(self.reported.severity, np.arange(len(self.patients)), fact.finding, self.patients)
        firing = _words(self.reported.severity, with_it, fact.finding, self.patients)
        if sum(firing.values()) < 5:
            return ""
        word, n = firing.most_common(1)[0]
        share, base = n / sum(firing.values()), everyone[word] / sum(everyone.values())
        return word if share >= self.settings.majority and share >= base + 0.1 else ""


def _words(severity: tuple[dict[str, str], ...], rows: np.ndarray, finding: str, patients: np.ndarray) -> Counter:
    """Patients by severity word; each counts once, by their first listed X-ray that has one."""
    seen: dict[int, str] = {}
    for row in rows:
        word = severity[int(row)].get(finding, "")
        if word:
            seen.setdefault(int(patients[row]), word)
    return Counter(seen.values())
