"""Codes and reports in which it is known what every feature stands for."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from saerad_core.descriptions.reported import FactsOf, Reported, read_reports
from saerad_core.vocabulary import Fact, Statement

_SENTENCE = re.compile(
    r"(no )?(?:(mild|moderate|severe|small|large) )?(?:(right|left) )?([a-z_]+)(?: in the ([a-z ]+))?\."
)


def say(statement: Statement) -> str:
    """A sentence that ``facts_of`` reads back."""
    words = ["" if statement.present else "no", statement.severity, statement.side, statement.finding]
    place = f" in the {statement.place}" if statement.place else ""
    return " ".join(word for word in words if word) + place + "."


def facts_of(text: str) -> dict[Fact, Statement]:
    """Parser of the planted reports; the real one has tests of its own."""
    found = {}
    for no, severity, side, finding, place in _SENTENCE.findall(text):
        statement = Statement(finding, side, place, severity, not no)
        found[statement.fact] = statement
    return found


@dataclass
class Planted:
    """One split."""

    active: sparse.csr_matrix
    images: pd.DataFrame
    texts: list[str]
    reported: Reported
    truth: list[set[Fact]]


FACTS = (
    Fact("cardiomegaly"),
    Fact("pleural_effusion", "right"),
    Fact("pleural_effusion", "left"),
    Fact("consolidation", "right", "upper zone"),
    Fact("consolidation", "right", "lower zone"),
    Fact("consolidation", "left", "lower zone"),
    Fact("pneumothorax", "left"),
)
PLANTED = {
    0: [FACTS[0]],
    1: [FACTS[1]],
    2: [FACTS[2]],
    3: [FACTS[1], FACTS[2]],
    4: [FACTS[3]],
    5: [FACTS[3], FACTS[4], FACTS[5]],
    6: [FACTS[4], FACTS[5]],
    7: [FACTS[6]],
}
"""What features 0 to 7 fire on; the others fire at random."""
DENIED = ("pneumothorax", "pleural_effusion", "cardiomegaly", "consolidation")


def plant(
    patients: int = 400,
    features: int = 60,
    seed: int = 0,
    *,
    prevalence: float = 0.15,
    hit: float = 0.85,
    false: float = 0.02,
    words: Callable[[Statement], str] = say,
    reader: FactsOf = facts_of,
) -> Planted:
    """A split of ``patients`` patients with one or two X-rays each."""
    rng = np.random.default_rng(seed)
    rows, texts, truth, codes = [], [], [], []
    for patient in range(patients):
        held = [fact for fact in FACTS if rng.random() < prevalence]
        sex, age = ("F", "M")[rng.integers(2)], int(rng.integers(20, 90))
        for study in range(1 + int(rng.random() < 0.4)):
            has = {fact for fact in held if rng.random() < 0.9}
            statements = [_statement(fact, rng) for fact in sorted(has)]
            named = {fact.finding for fact in has}
            statements += [Statement(f, present=False) for f in DENIED if f not in named and rng.random() < 0.7]
            texts.append(" ".join(words(s) for s in statements))
            truth.append(has)
            fires = rng.random(features) < 0.03
            for feature, on in PLANTED.items():
                fires[feature] = rng.random() < (hit if has & set(on) else false)
            codes.append(np.where(fires, rng.gamma(4.0, 0.5, features) + 0.1, 0.0))
            rows.append((f"p{patient}-{study}-{seed}", f"p{patient}", "PA" if rng.random() < 0.7 else "AP", sex, age))
    images = pd.DataFrame(rows, columns=["image_id", "patient_id", "view", "sex", "age"])
    active = sparse.csr_matrix(np.array(codes, dtype=np.float32))
    return Planted(active, images, texts, read_reports(texts, reader), truth)


def _statement(fact: Fact, rng: np.random.Generator) -> Statement:
    grades = {"cardiomegaly": ("mild", "moderate", "severe"), "pleural_effusion": ("small", "moderate", "large")}
    words = grades.get(fact.finding)
    return Statement(*fact, severity=words[int(rng.integers(3))] if words else "")
