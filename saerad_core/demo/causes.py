"""Why simulated patients have what they have: illnesses behind the findings, and how often each finding follows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np


@dataclass(frozen=True)
class Spread:
    """How often a finding occurs, where, and what becomes of it."""

    base: float
    """Probability in a patient without any of the causes."""
    causes: Mapping[str, float] = field(default_factory=dict)
    """Added probability for each cause that the patient or the visit has."""
    chronic: bool = False
    """Whether it looks the same at every later study."""
    stays: float = 0.5
    """Probability that the next study still shows it."""
    right: float = 0.5
    """Probability of the patient's right side, where it is sided."""
    bilateral: float = 0.0
    """Probability that the other side has it too."""
    second: float = 0.0
    """Probability of another one on the same side, in another place."""
    places: tuple[float, ...] = ()
    """Probability of each of the term's places."""


SPREADS: dict[str, Spread] = {
    "cardiomegaly": Spread(0.058, {"heart": 0.5, "old": 0.06}, chronic=True, stays=0.97),
    "pleural_effusion": Spread(
        0.045,
        {"heart": 0.34, "icu": 0.22, "infection": 0.16, "cancer": 0.25, "trauma": 0.1},
        right=0.53,
        bilateral=0.35,
    ),
    "pneumothorax": Spread(
        0.025, {"trauma": 0.4, "smoker": 0.04, "icu": 0.09, "procedure": 0.2}, stays=0.45, bilateral=0.03
    ),
    "consolidation": Spread(
        0.03, {"infection": 0.48, "icu": 0.12}, stays=0.4, bilateral=0.2, second=0.12, places=(0.26, 0.27, 0.47)
    ),
    "lobar_collapse": Spread(0.027, {"cancer": 0.14, "icu": 0.08, "infection": 0.03}, stays=0.45, places=(0.45, 0.55)),
    "linear_atelectasis": Spread(
        0.045,
        {"icu": 0.14, "procedure": 0.12, "trauma": 0.12, "old": 0.03, "infection": 0.03},
        bilateral=0.25,
        places=(0.35, 0.65),
    ),
    "interstitial_oedema": Spread(0.008, {"heart": 0.34, "icu": 0.12}, stays=0.4),
    "nodule": Spread(
        0.035, {"smoker": 0.05, "cancer": 0.14}, chronic=True, stays=0.9, right=0.54, places=(0.4, 0.32, 0.28)
    ),
    "mass": Spread(
        0.018, {"cancer": 0.35, "smoker": 0.01}, chronic=True, stays=0.95, right=0.54, places=(0.45, 0.3, 0.25)
    ),
    "multiple_nodules": Spread(0.023, {"cancer": 0.4}, chronic=True, stays=0.95),
    "hyperinflation": Spread(0.015, {"smoker": 0.27, "old": 0.02}, chronic=True, stays=0.97),
    "hilar_enlargement": Spread(0.026, {"cancer": 0.22, "heart": 0.04}, chronic=True, stays=0.9, bilateral=0.3),
    "widened_mediastinum": Spread(
        0.026, {"cancer": 0.12, "trauma": 0.1, "old": 0.02, "icu": 0.03}, chronic=True, stays=0.85
    ),
    "raised_hemidiaphragm": Spread(0.042, {"cancer": 0.07, "procedure": 0.04}, chronic=True, stays=0.9, right=0.62),
    "hiatus_hernia": Spread(0.02, {"old": 0.08}, chronic=True, stays=0.98),
    "calcified_granuloma": Spread(
        0.05, {"old": 0.05}, chronic=True, stays=0.99, second=0.1, bilateral=0.06, places=(0.42, 0.32, 0.26)
    ),
    "pleural_thickening": Spread(
        0.036, {"smoker": 0.03, "old": 0.02, "trauma": 0.05}, chronic=True, stays=0.97, bilateral=0.2
    ),
    "rib_fracture": Spread(
        0.02,
        {"trauma": 0.4, "old": 0.012},
        chronic=True,
        stays=0.92,
        second=0.2,
        bilateral=0.05,
        places=(0.25, 0.37, 0.38),
    ),
    "scoliosis": Spread(0.045, {"old": 0.045}, chronic=True, stays=1.0, right=0.6),
    "apical_scarring": Spread(0.03, {"smoker": 0.05, "old": 0.06}, chronic=True, stays=0.99, bilateral=0.4),
    "pacemaker": Spread(0.01, {"heart": 0.17, "old": 0.05}, chronic=True, stays=1.0, right=0.15),
    "central_line": Spread(0.008, {"icu": 0.55, "cancer": 0.12, "procedure": 0.1}, stays=0.6, right=0.72),
    "endotracheal_tube": Spread(0.0, {"icu": 0.42}, stays=0.5),
    "nasogastric_tube": Spread(0.003, {"icu": 0.46, "procedure": 0.06}, stays=0.55),
    "sternal_wires": Spread(0.012, {"heart": 0.2, "old": 0.02}, chronic=True, stays=1.0),
}
"""Each finding of the simulator, by key."""

LOADS: dict[int, tuple[float, ...]] = {3: (0.38, 0.37, 0.25), 2: (0.5, 0.5)}
"""Probability of each severity, mildest first, by how many there are."""


class Cause(NamedTuple):
    """What a patient brings to every study."""

    sex: str
    age: int
    illnesses: frozenset[str]
    """heart, smoker, cancer, trauma, infection, old."""
    gravity: float
    """0 to 1: how likely the patient is in intensive care."""


class Visit(NamedTuple):
    """One examination of the patient."""

    view: str
    """PA or AP."""
    causes: frozenset[str]
    """The patient's illnesses, and icu or procedure."""

    def probability(self, finding: str) -> float:
        """Of a finding at this visit, before it is checked against the others."""
        spread = SPREADS[finding]
        if "well" in self.causes:
            return 0.12 * spread.base
        return min(0.9, spread.base + sum(spread.causes.get(cause, 0.0) for cause in self.causes))


def draw_cause(rng: np.random.Generator) -> Cause:
    """A patient: sex, age 18 to 95 and illnesses, which depend on both."""
    sex = "F" if rng.random() < 0.48 else "M"
    u = rng.random(7)
    age = int(np.clip(rng.normal(61, 17) if u[0] < 0.75 else rng.normal(36, 12), 18, 95))
    grown = (age - 18) / 77
    illnesses = set()
    if u[1] < 0.11:
        # Seen for a check-up or a symptom without a cause in the chest.
        return Cause(sex, age, frozenset({"well"}), 0.0)
    chances = {
        "heart": 0.05 + 0.36 * grown**1.5,
        "smoker": (0.30 if sex == "M" else 0.22) * (0.5 + grown),
        "cancer": 0.02 + 0.09 * grown,
        "infection": 0.22,
        "trauma": 0.10 if age < 50 else 0.06,
    }
    for draw, (name, chance) in zip(u[2:], chances.items(), strict=True):
        if draw < chance:
            illnesses.add(name)
    if age >= 65:
        illnesses.add("old")
    return Cause(sex, age, frozenset(illnesses), 0.08 + 0.06 * len(illnesses))


def draw_visit(rng: np.random.Generator, cause: Cause, number: int) -> Visit:
    """The circumstances of a study: in intensive care, after a procedure, lying or standing."""
    u = rng.random(3)
    if "well" in cause.illnesses:
        return Visit("AP" if u[0] < 0.06 else "PA", cause.illnesses)
    icu = u[0] < cause.gravity + 0.04 * (number > 0)
    procedure = not icu and u[1] < 0.09
    causes = set(cause.illnesses)
    if icu:
        causes.add("icu")
    if procedure:
        causes.add("procedure")
    lying = 1.0 if icu else 0.12 + 0.1 * len(causes)
    return Visit("AP" if u[2] < lying else "PA", frozenset(causes))
