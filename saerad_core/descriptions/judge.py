"""Does a description, given reports, tell on which X-rays its feature fires? AUROC, precision and recall over patients.

A patient counts once among those who fire and once among those who don't, however many X-rays they have: each of their firing
X-rays weighs 1 / (their firing X-rays), and likewise the silent ones.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from saerad_core.descriptions.degree import Borne

Z = 1.959964
LEAST = 0.6
"""AUROC that a description's interval must stay above for it to count."""
_STEPS = 40
"""Halvings by which an interval's end is found: to 1e-12."""


class Part(NamedTuple):
    """A share of patients with its 95% interval (Wilson, JASA 22:209, 1927); nan of nobody."""

    value: float
    lo: float
    hi: float
    of: int
    """Patients."""


class Judged(NamedTuple):
    """A description on the patients of one split."""

    auroc: float
    """nan where nobody fires, or everybody does."""
    lo: float
    hi: float
    precision: Part
    """Of the patients whose reports state the description, those whose X-rays then fire."""
    recall: Part
    """Of the patients whose X-rays fire, those whose reports then state the description."""
    firing: int
    """Patients with an X-ray that fires."""
    silent: int
    """Patients with one that doesn't."""

    @property
    def scored(self) -> bool:
        return self.auroc == self.auroc

    @property
    def weak(self) -> bool:
        """Whether the interval touches LEAST: it isn't shown to tell firing X-rays from others. Without a score nothing is shown either."""
        return not self.lo > LEAST


UNSCORED = Judged(np.nan, np.nan, np.nan, Part(np.nan, np.nan, np.nan, 0), Part(np.nan, np.nan, np.nan, 0), 0, 0)


class Patients:
    """Of U X-rays whose patient each is; made once for all features."""

    def __init__(self, patients: np.ndarray) -> None:
        """From the patient number of each X-ray, int [U]."""
        self.of = np.unique(patients, return_inverse=True)[1]
        self.n = int(self.of.max(initial=-1)) + 1

    def weights(self, chosen: np.ndarray) -> tuple[np.ndarray, int]:
        """Weight of each X-ray, float64 [U], so that every patient among the ``chosen`` (bool [U]) weighs 1; and how many those are."""
        times = np.bincount(self.of[chosen], minlength=self.n)
        weight = np.zeros(len(self.of))
        weight[chosen] = 1 / times[self.of[chosen]]
        return weight, int((times > 0).sum())


def judge(borne: Borne, fires: np.ndarray, patients: Patients) -> Judged:
    """One description on U X-rays.

    Args:
        borne: how far each X-ray's report bears it out.
        fires: bool [U], where the feature is active.
        patients: of the U X-rays.
    """
    firing, n_firing = patients.weights(fires)
    silent, n_silent = patients.weights(~fires)
    stating, n_stating = patients.weights(borne.states)
    if not n_firing or not n_silent:
        return UNSCORED._replace(firing=n_firing, silent=n_silent)
    step = np.unique(borne.degree, return_inverse=True)[1]
    up, down = np.bincount(step, firing), np.bincount(step, silent)
    below = np.cumsum(down) - down
    area = float((up * (below + down / 2)).sum() / (n_firing * n_silent))
    area = min(max(area, 0.0), 1.0)
    lo, hi = auroc_interval(area, n_firing, n_silent)
    precision = part(float(stating[fires].sum()), n_stating)
    recall = part(float(firing[borne.states].sum()), n_firing)
    return Judged(area, lo, hi, precision, recall, n_firing, n_silent)


def part(n: float, of: int) -> Part:
    """``n`` of ``of`` patients; a patient whose X-rays differ counts in part."""
    if not of:
        return Part(np.nan, np.nan, np.nan, 0)
    p = min(n / of, 1.0)
    middle, half = p + Z * Z / (2 * of), Z * np.sqrt(p * (1 - p) / of + Z * Z / (4 * of * of))
    scale = 1 + Z * Z / of
    return Part(p, float(max((middle - half) / scale, 0)), float(min((middle + half) / scale, 1)), of)


def auroc_interval(area: float, positives: int, negatives: int) -> tuple[float, float]:
    """95% score interval of an AUROC: the areas from which ``area`` is within 1.96 standard errors.

    The standard error is Hanley and McNeil's (Radiology 143:29, 1982) at the area in question rather than at the one found, as Newcombe
    (Stat Med 25:559, 2006) advises: at three firing patients and an AUROC of 1 the plain interval has no width, this one begins at .66.

    Args:
        area: the AUROC.
        positives: patients who fire.
        negatives: patients who don't.
    """

    def far(true: float) -> bool:
        q1, q2 = true / (2 - true), 2 * true**2 / (1 + true)
        variance = (true * (1 - true) + (positives - 1) * (q1 - true**2) + (negatives - 1) * (q2 - true**2)) / (
            positives * negatives
        )
        return abs(area - true) > Z * np.sqrt(max(variance, 0.0))

    ends = []
    for end in (0.0, 1.0):
        inside, outside = area, end
        for _ in range(_STEPS):
            middle = (inside + outside) / 2
            inside, outside = (inside, middle) if far(middle) else (middle, outside)
        ends.append(inside)
    return ends[0], ends[1]
