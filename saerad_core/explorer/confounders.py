"""Does a feature follow who was X-rayed and how, rather than what is seen? View, sex, age, devices, follow-up number and
burned-in text.

Each is looked at in two ways: how often the feature fires among the patients of each group, and how much of what it tells of its
best label is left within the groups (Mantel and Haenszel, JNCI 22:719, 1959).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from saerad_core.explorer.labels import Share, TrainingLabels, share
from saerad_core.images.zones import ZONES
from saerad_core.store.activations import Firing
from saerad_core.store.roster import Roster
from saerad_core.vocabulary import TERMS

AGES = (45, 65)
"""Years at which the next group begins."""
FEWEST = 20
"""Training patients that a group needs to be compared."""
LEANS, FOLLOWS = 1.5, 3.0
"""How many times as often it fires in one group as in another, from which it leans to the one, or follows it."""
LITTLE_LEFT = 0.6
"""Share of the log odds ratio left within the groups, under which the groups explain a good part of it."""
TEXT = "Burned-in text"
"""Name of the facet where nothing is known, and what the names of its zones begin with."""
SELDOM = 0.01
"""Share of the training patients with a mark in a zone, under which most of these may be the detector's slips (docs/metrics.md)."""
NOBODY_LOOKED = "Nobody has looked for it in this workspace; `python -m saerad_core markers WORKSPACE` does."
_DEVICES = frozenset({key for key, term in TERMS.items() if term.device} | {"support_devices", "support devices"})


class Facet(NamedTuple):
    """One way to divide X-rays into groups."""

    name: str
    says: str
    """What it is, over what; where it isn't known, why."""
    groups: tuple[str, ...]
    """Empty where nothing is known of it in this workspace."""
    codes: np.ndarray
    """int8 [N], place in groups; -1 where it isn't known of an X-ray."""


@dataclass(frozen=True)
class Confounder:
    """A feature against one facet."""

    name: str
    says: str
    groups: tuple[str, ...]
    fires: tuple[Share, ...]
    """For each group, patients whose X-rays of the group fire, of those with an X-ray of the group. A patient counts by the share of
    their X-rays of the group that fire: with any of many it would seem to fire more often."""
    ratio: float | None
    """How many times as often it fires in the group with the highest share as in the lowest; None where that can't be said."""
    clear: bool
    """Whether the two shares' intervals lie apart."""
    most: str
    least: str
    kept: float | None
    """Share of the log odds ratio with the best label that is left within the groups; None where it can't be said."""

    @property
    def verdict(self) -> str:
        """known not, no, leans or follows."""
        if self.ratio is None:
            return "unknown"
        if self.clear and self.ratio >= FOLLOWS:
            return "follows"
        return "leans" if self.clear and self.ratio >= LEANS else "no"

    @property
    def explains(self) -> bool:
        """Whether the groups explain a good part of what the feature tells of its label."""
        return self.kept is not None and self.kept < LITTLE_LEFT


def facets(roster: Roster, zones: np.ndarray | None = None) -> list[Facet]:
    """What is known of the workspace's X-rays.

    Args:
        roster: who and what they are.
        zones: of markers and burned-in text, as store.markers has them; None where nobody looked.
    """
    band = np.where(roster.age >= 0, np.digitize(roster.age, AGES), -1)
    follow = np.digitize(roster.follow_up, (1, 4))
    devices = [name for name in roster.label_names if name.lower() in _DEVICES]
    unknown = np.full(len(roster), -1, dtype=np.int8)
    device = np.zeros(len(roster), dtype=np.int8) if devices else unknown
    for name in devices:
        device |= roster.labelled(name).astype(np.int8)
    return [
        _named("View", "projection", roster.view.names, roster.view.codes),
        _named("Sex", "sex", roster.sex.names, roster.sex.codes),
        Facet("Age", "Of the patient at the X-ray, in years." if (band >= 0).any() else "This dataset gives no ages.",
              _ages() if (band >= 0).any() else (), band.astype(np.int8)),
        Facet("Follow-up", "Which of the patient's X-rays it is, as far as the listing tells.",
              ("first", "1st to 3rd later", "4th later on"), follow.astype(np.int8)),
        Facet("Device", "A line, tube or implant among the X-ray's labels." if devices else
              "This dataset's labels name no lines, tubes or implants.", ("none", "some") if devices else (), device),
        *_marked(roster, zones),
    ]  # fmt: skip


def _marked(roster: Roster, zones: np.ndarray | None) -> list[Facet]:
    """With and without a mark, for every zone in which patients enough have one and enough have none."""
    unknown = np.full(len(roster), -1, dtype=np.int8)
    if zones is None or (zones < 0).all():
        return [Facet(TEXT, NOBODY_LOOKED, (), unknown)]
    found, patient = [], roster.patient.codes
    for bit, zone in enumerate(ZONES):
        codes = np.where(zones < 0, -1, zones >> bit & 1).astype(np.int8)
        patients = [len(np.unique(patient[roster.train & (codes == code)])) for code in (0, 1)]
        if min(patients) >= max(FEWEST, SELDOM * sum(patients)):
            says = (
                f"A side marker, burned-in words or an arrow at the {zone} of the picture, as far as a detector of small bright marks can tell; "
                "clips and electrodes may count too. What it says is not read."
            )
            found.append(Facet(f"{TEXT}, {zone}", says, ("without", "with"), codes))
    if not found:
        return [
            Facet(
                TEXT,
                f"Fewer than {FEWEST} training patients, or 1 % of them, have a mark in any one zone of the picture's border.",
                (),
                unknown,
            )
        ]
    return found


def _ages() -> tuple[str, ...]:
    return (f"under {AGES[0]}", f"{AGES[0]} to {AGES[1] - 1}", f"{AGES[1]} and over")


def _named(name: str, word: str, names: list[str], codes: np.ndarray) -> Facet:
    """A text column whose "" stands for not known; the largest groups only."""
    known = [code for code in np.argsort(-np.bincount(codes, minlength=len(names)), kind="stable") if names[code]][:6]
    place = np.full(len(names) + 1, -1, dtype=np.int8)
    place[known] = np.arange(len(known))
    meaning = f"The X-ray's {word}, as the dataset gives it." if known else f"This dataset gives no {word}."
    return Facet(name, meaning, tuple(names[code] for code in known), place[codes])


class Divided:
    """The training X-rays by one facet: what every feature is compared with, counted once."""

    def __init__(self, known: TrainingLabels, facet: Facet) -> None:
        self.facet, self._known = facet, known
        self._roster = known.roster
        rows = np.flatnonzero(self._roster.train & (facet.codes >= 0))
        patient = self._roster.patient.codes
        weight = np.zeros(len(self._roster))
        weight[rows] = 1.0 / np.bincount(patient[rows], minlength=1)[patient[rows]]
        self._weight = weight
        """Of each X-ray, so that every patient weighs 1; 0 for those that don't count."""
        self._rows = rows
        k = max(len(facet.groups), 1)
        of_group = patient[rows].astype(np.int64) * k + facet.codes[rows]
        pairs, place, times = np.unique(of_group, return_inverse=True, return_counts=True)
        self._everyone = np.bincount(pairs % k, minlength=k)
        """int64 [k]: patients with an X-ray of each group."""
        self._part = np.zeros(len(self._roster), dtype=np.float32)
        """Of each X-ray among the patient's of its group."""
        self._part[rows] = 1.0 / times[place]
        self._total = self._weigh(rows)
        self._shown: dict[str, np.ndarray] = {}

    def _weigh(self, rows: np.ndarray) -> np.ndarray:
        """Weight of each group among ``rows``, float64 [k]."""
        return np.bincount(self.facet.codes[rows], self._weight[rows], minlength=max(len(self.facet.groups), 1))

    def confounder(self, firing: Firing, label: str) -> Confounder:
        """One feature against the facet."""
        facet, groups = self.facet, self.facet.groups
        rows = firing.rows[facet.codes[firing.rows] >= 0]
        fires = np.bincount(facet.codes[rows], self._part[rows], minlength=len(self._everyone))
        shares = tuple(share(min(float(n), int(of)), int(of)) for n, of in zip(fires, self._everyone, strict=True))[
            : len(groups)
        ]
        enough = [g for g in range(len(groups)) if self._everyone[g] >= FEWEST]
        ratio, clear, most, least = None, False, "", ""
        if len(enough) > 1 and len(rows):
            order = sorted(enough, key=lambda g: shares[g].n / shares[g].of)
            low, high = order[0], order[-1]
            # Half a patient more, so that nobody of one group makes a large ratio but no infinite one.
            ratio = ((shares[high].n + 0.5) / (shares[high].of + 1)) / ((shares[low].n + 0.5) / (shares[low].of + 1))
            clear = shares[high].lo > shares[low].hi
            most, least = groups[high], groups[low]
        kept = self._kept(rows, label) if ratio is not None and label else None
        return Confounder(facet.name, facet.says, groups, shares, ratio, clear, most, least, kept)

    def _kept(self, rows: np.ndarray, label: str) -> float | None:
        """Share of the log odds ratio of firing and label that is left within groups, each patient weighing 1."""
        shown = self._known.xrays(label)
        if label not in self._shown:
            self._shown[label] = self._weigh(self._rows[shown[self._rows]])
        # Firing rows are few: the other cells of each group's table are what is left of its margins.
        a, fires, has = self._weigh(rows[shown[rows]]), self._weigh(rows), self._shown[label]
        table = np.stack([a, fires - a, has - a, self._total - fires - has + a])
        crude, within = odds_ratio(table.sum(axis=1, keepdims=True)), odds_ratio(table)
        if crude is None or within is None or crude < LEANS:
            return None
        return float(np.log(within) / np.log(crude))


def odds_ratio(tables: np.ndarray) -> float | None:
    """Mantel-Haenszel's odds ratio of strata; None where it isn't a number.

    Args:
        tables: float64 [4, k]: both, the first only, the second only, neither.
    """
    a, b, c, d = np.maximum(tables, 0)
    n = np.maximum(a + b + c + d, 1e-12)
    over, under = (a * d / n).sum(), (b * c / n).sum()
    return float(over / under) if over > 1e-9 and under > 1e-9 else None
