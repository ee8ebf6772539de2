"""Which reports a study shows, in which order: drawn by its seed, so that every reader of an address gets the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import NamedTuple

import numpy as np

from saerad_core.errors import SaeRadError
from saerad_core.store.activations import ActivationStore

KINDS = ("single", "pair")
MOST = 200
"""X-rays of a study."""
MOST_SEED = 999_999


@dataclass(frozen=True)
class Design:
    """What an address says of a study."""

    kind: str = "single"
    """single: a report an X-ray, of a source drawn by chance. pair: two of each, side by side, in an order drawn by chance."""
    sources: tuple[str, ...] = ("ours", "own")
    n: int = 20
    """X-rays, one a patient, of the test split."""
    seed: int = 1

    def check(self, known: Sequence[str]) -> None:
        """Raise SaeRadError where it can't be meant."""
        if self.kind not in KINDS:
            raise SaeRadError(f"A study shows {' or '.join(KINDS)} reports, not {self.kind!r}.")
        if any(source not in known for source in self.sources) or len(set(self.sources)) != len(self.sources):
            raise SaeRadError(f"Sources of a study are different ones of {', '.join(known)}.")
        if len(self.sources) < 1 or (self.kind == "pair" and len(self.sources) != 2):
            raise SaeRadError("A study of pairs has two sources, any other at least one.")
        if not 1 <= self.n <= MOST or not 0 <= self.seed <= MOST_SEED:
            raise SaeRadError(f"A study has 1 to {MOST} X-rays and a seed up to {MOST_SEED}.")

    @property
    def name(self) -> str:
        """Tells one study's marks from another's."""
        told = f"{self.kind}|{','.join(sorted(self.sources))}|{self.seed}"
        return sha256(told.encode()).hexdigest()[:12]


class Shown(NamedTuple):
    """One report of an item."""

    letter: str
    """A or B, as the reader sees it."""
    source: str
    """Hidden from the reader."""


class Item(NamedTuple):
    """One X-ray of a study."""

    row: int
    image_id: str
    patient_id: str
    reports: tuple[Shown, ...]


def draw(store: ActivationStore, design: Design) -> list[Item]:
    """The items of a study; a longer study of the same seed begins with the same ones.

    Raises:
        SaeRadError: the test split has no X-ray.
    """
    roster = store.roster
    rows = np.flatnonzero(roster.split.where("test"))
    if not len(rows):
        raise SaeRadError("No X-ray of this workspace is in the test split, so there is nothing to read.")
    random = np.random.default_rng([design.seed, len(rows)])
    mixed = random.permutation(rows)
    patients = roster.patient.codes[mixed]
    first = np.sort(np.unique(patients, return_index=True)[1])
    turns = random.integers(0, 2**31, size=len(first))
    images = store.images()
    items = []
    for place, turn in list(zip(first, turns, strict=True))[: design.n]:
        row = int(mixed[place])
        ordered = [sorted(design.sources)[i] for i in np.random.default_rng(turn).permutation(len(design.sources))]
        chosen = ordered if design.kind == "pair" else ordered[:1]
        shown = tuple(Shown("AB"[i], source) for i, source in enumerate(chosen))
        items.append(Item(row, str(images["image_id"].iloc[row]), str(images["patient_id"].iloc[row]), shown))
    return items
