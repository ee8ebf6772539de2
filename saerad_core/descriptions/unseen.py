"""A description on patients that it wasn't made from: its score, and the X-rays on which it is right and wrong."""

from __future__ import annotations

import threading
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from saerad_core.descriptions.claims import claims_of
from saerad_core.descriptions.degree import Borne, borne_out
from saerad_core.descriptions.judge import UNSCORED, Judged, Patients, judge
from saerad_core.store.activations import ActivationStore
from saerad_core.store.said import Said

KEPT = 512
"""Descriptions whose reading of every report is kept: 5 bytes an X-ray each."""


class Case(NamedTuple):
    """One X-ray of a description's test."""

    row: int
    fires: bool
    states: bool
    """Whether its report states the description."""
    activation: float
    """0 where the feature is silent."""


class Unseen:
    """Scores descriptions on the X-rays of `said.parquet`; safe to share between threads."""

    def __init__(self, store: ActivationStore, said: Said) -> None:
        """From the store and what its unseen patients' reports state."""
        self._store, self.said = store, said
        self._place = np.full(len(store.roster), -1, dtype=np.int32)
        self._place[said.images] = np.arange(len(said), dtype=np.int32)
        self._patients: dict[str, tuple[np.ndarray, Patients]] = {}
        self._lock = threading.Lock()
        self._borne = lru_cache(maxsize=KEPT)(self._read)

    def score(self, feature_id: int, text: str, split: str) -> Judged:
        """The description ``text`` of a feature on the patients of a split; unscored where its words state nothing that reports name."""
        if not claims_of(text).told:
            return UNSCORED
        mask, patients = self._of(split)
        borne = self._borne(text)
        return judge(Borne(borne.degree[mask], borne.states[mask]), self._firing(feature_id)[0][mask], patients)

    def cases(self, feature_id: int, text: str, split: str) -> list[Case]:
        """Every X-ray of a split that fires or whose report states the description, one a patient: the strongest firing first, then by
        how far the report bears it out."""
        borne = self._borne(text)
        fires, strength = self._firing(feature_id)
        places = np.flatnonzero(self._of(split)[0] & (fires | borne.states))
        places = places[np.lexsort((places, -borne.degree[places], -strength[places]))]
        codes = self._store.roster.patient.codes[self.said.images[places]]
        # A patient has one X-ray in each group: right, missed, said in vain.
        group = codes.astype(np.int64) * 4 + 2 * fires[places] + borne.states[places]
        first = np.sort(np.unique(group, return_index=True)[1])
        return [
            Case(int(self.said.images[p]), bool(fires[p]), bool(borne.states[p]), float(strength[p]))
            for p in places[first]
        ]

    def _of(self, split: str) -> tuple[np.ndarray, Patients]:
        with self._lock:
            if split not in self._patients:
                roster = self._store.roster
                mask = roster.split.where(split, self.said.images)
                self._patients[split] = mask, Patients(roster.patient.codes[self.said.images[mask]])
            return self._patients[split]

    def _read(self, text: str) -> Borne:
        return borne_out(claims_of(text), self.said)

    def _firing(self, feature_id: int) -> tuple[np.ndarray, np.ndarray]:
        """bool [U] where the feature is active, and its activation float32 [U]."""
        firing = self._store.firing(feature_id)
        place = self._place[firing.rows]
        fires, strength = np.zeros(len(self.said), dtype=bool), np.zeros(len(self.said), dtype=np.float32)
        fires[place[place >= 0]] = True
        strength[place[place >= 0]] = firing.activations[place >= 0]
        return fires, strength
