"""Ten X-rays, half of them firing: can a reader tell which, from the description alone?

The test of Bills et al., Language models can explain neurons in language models (2023), as simplified to detection by Paulo et al.,
Automatically interpreting millions of features (2024), with a person for the model.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from saerad_core.errors import SaeRadError
from saerad_core.store.activations import ActivationStore

HALF = 5
"""X-rays of each kind."""
SEEN = 24
"""Strongest training X-rays that a feature's page shows; where others will do, they are no test."""


class Item(NamedTuple):
    """One X-ray of a test."""

    row: int
    fires: bool


def draw(store: ActivationStore, feature_id: int, seed: int) -> list[Item]:
    """The X-rays of one test, mixed, one a patient; the same for the same seed.

    Those of validation and test patients are taken where at least five of these patients fire, since nobody has described the feature from
    them. Among those that fire every strength is as likely as it is common; the others are drawn from patients on none of whose X-rays the
    feature fires.

    Raises:
        SaeRadError: too few patients show the feature, or too few don't.
    """
    random = np.random.default_rng([seed, feature_id])
    roster, firing = store.roster, store.firing(feature_id)
    rows = firing.rows[np.argsort(-firing.activations)]
    patient = roster.patient.codes
    unseen = ~roster.split.where("train")
    held = rows[unseen[rows]]
    pool = unseen
    if len(np.unique(patient[held])) < HALF:
        held, pool = (
            rows[SEEN:] if len(np.unique(patient[rows[SEEN:]])) >= HALF else rows,
            np.ones(len(roster), dtype=bool),
        )
    silent = np.flatnonzero(pool & ~np.isin(patient, np.unique(patient[rows])))
    chosen = []
    for some, fires in ((held, True), (silent, False)):
        mixed = random.permutation(some)
        picked = mixed[np.sort(np.unique(patient[mixed], return_index=True)[1])][:HALF]
        if len(picked) < HALF:
            raise SaeRadError("This feature can't be tested: too few patients show it, or too few don't.")
        chosen += [Item(int(row), fires) for row in picked]
    return [chosen[place] for place in random.permutation(len(chosen))]
