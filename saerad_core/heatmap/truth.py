"""Whether a heatmap is where the finding is: pointing game, energy inside, and the image-blind prior that it has to beat.

Everything is said in the encoder's grid: a peak is the centre of a patch. docs/heatmaps.md defines each figure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats
from scipy.ndimage import distance_transform_edt

from saerad_core.heatmap.map_score import MapScore

TOLERANCE = 0.03
"""A peak counts as inside within this share of the square's side: 15 of some 500 pixels (Zhang et al. 2018, "Excitation backprop").
A patch of a 16 x 16 grid is twice as wide."""
SAMPLES = 1_000
"""Bootstrap samples of patients."""


class Place(NamedTuple):
    """Where a finding is on one X-ray, in the encoder's grid."""

    inside: np.ndarray
    """float32 [grid, grid]: share of each patch that the mask covers."""
    hit: np.ndarray
    """bool [grid, grid]: whether the patch's centre lies in the mask or within TOLERANCE of it."""


def place_of(mask: np.ndarray, grid: int, tolerance: float = TOLERANCE) -> Place:
    """A mask of the encoder's square, in the grid.

    Args:
        mask: bool [S, S] over exactly what the encoder sees; S a multiple of ``grid``.
        grid: patches along a side.
        tolerance: share of the side.
    """
    side = mask.shape[0] // grid
    assert mask.shape == (side * grid, side * grid), "the mask must divide into patches"
    inside = mask.reshape(grid, side, grid, side).mean((1, 3)).astype(np.float32)
    away = np.full(mask.shape, np.inf)
    if mask.any():
        away = np.asarray(distance_transform_edt(~mask), dtype=np.float64)
    # An even patch has no pixel at its centre; the nearest of the four around it counts.
    low, high = (side - 1) // 2, side // 2
    rows = np.minimum(away[low::side], away[high::side])
    centre = np.minimum(rows[:, low::side], rows[:, high::side])
    return Place(inside, centre <= tolerance * mask.shape[0])


def points_at(heat: np.ndarray, place: Place) -> bool:
    """The pointing game (Zhang et al. 2018): whether a map's [grid, grid] highest patch hits; an empty map doesn't."""
    return bool(heat.max(initial=0) > 0 and place.hit.flat[int(heat.argmax())])


def energy_inside(heat: np.ndarray, place: Place) -> float:
    """Share of a map's mass [grid, grid] that lies in the mask (Wang et al. 2020, "Score-CAM"); 0 of an empty map."""
    total = float(heat.sum())
    return float((heat * place.inside).sum() / total) if total > 0 else 0.0


def agreement(heat: np.ndarray, reference: np.ndarray) -> float:
    """Spearman's rank correlation of two maps over the patches; nan where one is flat."""
    if np.ptp(heat) == 0 or np.ptp(reference) == 0:
        return float("nan")
    first, second = (stats.rankdata(one.ravel()) for one in (heat, reference))
    return float(np.corrcoef(first, second)[0, 1])


def left_behind(heat: np.ndarray, twin: np.ndarray, place: Place) -> float:
    """Mass of a twin's map in the place where the finding was, as a share of what the map had there; 0 where all is gone, nan where none was."""
    before = float((heat * place.inside).sum())
    return float((twin * place.inside).sum()) / before if before > 0 else float("nan")


class Guess(NamedTuple):
    """A map made without looking at the X-ray."""

    inside: np.ndarray
    """float32 [grid, grid]: average share of each patch that the mask covers."""
    hit: np.ndarray
    """float32 [grid, grid]: share of patients in whom the patch's centre hits; its highest patch is the best blind guess."""


class Prior:
    """Average place of a finding over patients, which may leave one of them out: what one can know without looking at the X-ray."""

    def __init__(self, places: Sequence[Place], patients: Sequence[str] | np.ndarray) -> None:
        """Average.

        Args:
            places: of one finding, one an X-ray.
            patients: whose X-ray each is; every patient counts the same.
        """
        owners = np.asarray(patients)
        self._of = {}
        for name in np.unique(owners):
            own = [places[int(i)] for i in np.flatnonzero(owners == name)]
            self._of[str(name)] = np.mean([np.stack([place.inside, place.hit]) for place in own], axis=0)
        self._sum = np.sum(list(self._of.values()), axis=0)

    def __len__(self) -> int:
        """Patients."""
        return len(self._of)

    def without(self, patient: str) -> Guess:
        """Average of the other patients; empty where there is none."""
        others = len(self._of) - (patient in self._of)
        left = np.maximum(self._sum - self._of.get(patient, 0.0), 0.0) / max(others, 1)
        return Guess(left[0].astype(np.float32), left[1].astype(np.float32))


def score_maps(
    patients: Sequence[str] | np.ndarray,
    hits: Sequence[float] | np.ndarray,
    prior_hits: Sequence[float] | np.ndarray,
    energy: Sequence[float] | np.ndarray,
    prior_energy: Sequence[float] | np.ndarray,
    seed: int = 0,
) -> MapScore:
    """Means over patients of one row an X-ray, with intervals from resampled patients (paired with the prior)."""
    number = np.unique(np.asarray(patients), return_inverse=True)[1]
    n = int(number.max(initial=-1)) + 1
    assert n, "a score needs a patient"
    counts = np.bincount(number, minlength=n)
    hit, prior, inside, prior_inside = (
        np.bincount(number, np.asarray(one, dtype=np.float64), n) / counts
        for one in (hits, prior_hits, energy, prior_energy)
    )
    lo, hi = interval_of_mean(hit, (0, 1), seed)
    gain_lo, gain_hi = interval_of_mean(hit - prior, (-1, 1), seed)
    return MapScore(
        n,
        float(hit.mean()),
        lo,
        hi,
        float(prior.mean()),
        float((hit - prior).mean()),
        gain_lo,
        gain_hi,
        float(inside.mean()),
        float(prior_inside.mean()),
    )


def interval_of_mean(values: np.ndarray, bounds: tuple[float, float], seed: int = 0) -> tuple[float, float]:
    """95% percentile bootstrap interval of a mean over patients [n] of values that lie within ``bounds``.

    Two made-up patients, one at each bound, are among those drawn from, after Agresti and Coull 1998 ("add two successes and
    two failures", half as many here): resamples of five hits out of five are all the same, and a plain interval of them says
    that nothing is left to learn. With 5 to 12 patients the plain interval holds a true .8 in 70 to 90% of trials, this one in 95 to 98%.
    """
    some = np.concatenate([values, bounds])
    n = len(some)
    drawn = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=SAMPLES) @ some / n
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(low), float(high)
