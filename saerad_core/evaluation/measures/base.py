"""What a measure is: counts of every X-ray that add up, and a figure of the sums.

Because a figure is made of sums over X-rays alone, one pass over the texts is enough for the figure, its interval over resampled
patients, the paired test between two ways of reporting, and the same for each view.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from saerad_core.descriptions.observations import observe
from saerad_core.descriptions.statements import facts_of
from saerad_core.vocabulary import Fact, Statement


@lru_cache(maxsize=100_000)
def statements_of(text: str) -> tuple[Statement, ...]:
    """What a text states, each fact once; texts repeat themselves between ways of reporting, so it is kept."""
    return tuple(facts_of(text).values())


@lru_cache(maxsize=100_000)
def observed_in(text: str) -> tuple[tuple[str, str], ...]:
    """CheXpert's observations of a text as (observation, present | uncertain | absent)."""
    return tuple(observe(text).items())


@dataclass(frozen=True)
class Told:
    """N generated reports beside what they are scored against."""

    texts: Sequence[str]
    """N generated texts."""
    references: Sequence[str]
    """N texts of the X-rays' own reports; "" where there is none, and nothing that needs one counts that X-ray."""
    truth: Sequence[set[Fact]]
    """Facts of the N X-rays: drawn where they are simulated, else read off their own reports."""

    @cached_property
    def statements(self) -> list[tuple[Statement, ...]]:
        """What each generated text states."""
        return [statements_of(text) for text in self.texts]

    @cached_property
    def stated(self) -> list[set[Fact]]:
        """Facts that each generated text states as present, hedged or not."""
        return [{s.fact for s in some if s.present} for some in self.statements]


Counts = Callable[[Told], np.ndarray]
"""float64 [N, c] of N reports."""
Figure = Callable[[np.ndarray], np.ndarray]
"""Figures [...] of sums [c, ...]; nan where there is nothing to count."""


@dataclass(frozen=True)
class Measure:
    """One figure of a way of reporting."""

    title: str
    """In tables."""
    says: str
    """One sentence: what it is, over what."""
    counts: Counts
    figure: Figure
    better: str = "higher"
    """higher, lower, or "" where neither is."""
    needs: str = ""
    """"reference": texts of the X-rays' own reports."""


def ratio(sums: np.ndarray) -> np.ndarray:
    """First sum over second."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(sums[1] > 0, sums[0] / sums[1], np.nan)


def share_or_zero(sums: np.ndarray) -> np.ndarray:
    """First sum over second, 0 where the second is 0: a precision of reports that state nothing."""
    return np.where(sums[1] > 0, sums[0] / np.maximum(sums[1], 1e-12), 0.0)


def f1_of(sums: np.ndarray) -> np.ndarray:
    """Of (right, wrong, missed); 0 where nothing is right, nan where there was nothing to say and nothing was said."""
    right, wrong, missed = sums
    all_ = 2 * right + wrong + missed
    return np.where(all_ > 0, 2 * right / np.maximum(all_, 1e-12), np.nan)
