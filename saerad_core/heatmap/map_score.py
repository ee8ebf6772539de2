"""How well maps point, as truth.py finds it. Apart from it, so that pages needn't load its scipy.stats, which takes half a second."""

from __future__ import annotations

from typing import NamedTuple


class MapScore(NamedTuple):
    """A feature's or a method's maps against masks, beside the prior; every patient counts the same."""

    patients: int
    pointing: float
    """Share of patients whose map's peak hits."""
    lo: float
    """95% interval over resampled patients, as all below; ``truth.interval_of_mean`` says how."""
    hi: float
    prior: float
    """The same of the prior on the same X-rays."""
    gain: float
    """pointing - prior."""
    gain_lo: float
    gain_hi: float
    energy: float
    """Mean share of mass inside the mask."""
    prior_energy: float

    @property
    def beats_prior(self) -> bool:
        """Whether the maps point better than the prior, by more than chance."""
        return self.gain_lo > 0
