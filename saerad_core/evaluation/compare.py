"""Figures with intervals over patients, and paired tests between two ways of reporting, from counts that add up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from saerad_core.evaluation.bootstrap import SAMPLES, interval
from saerad_core.evaluation.measures.base import Measure, Told

SWAPS = 2_000
"""Random exchanges of the paired test; the least p that it can give is 1 / (SWAPS + 1)."""


class Draws(NamedTuple):
    """Resampled and exchanged patients, the same for every measure and every way of reporting: so all comparisons are paired."""

    patients: np.ndarray
    """int64 [N], numbered from 0."""
    times: np.ndarray
    """float64 [P, SAMPLES]: how often each patient is in each bootstrap sample."""
    kept: np.ndarray
    """float64 [P, SWAPS] of 1 and 0: whether a patient's two reports stay or are exchanged."""


def draw(patients: np.ndarray, seed: int = 0) -> Draws:
    """Draw once for the X-rays of ``patients`` [N]."""
    number = np.unique(patients, return_inverse=True)[1]
    n = int(number.max(initial=-1)) + 1
    random = np.random.default_rng(seed)
    times = random.multinomial(n, np.full(n, 1 / n), size=SAMPLES).T if n else np.zeros((0, SAMPLES))
    return Draws(number, times.astype(np.float64), random.integers(0, 2, size=(n, SWAPS)).astype(np.float64))


def by_patient(counts: np.ndarray, draws: Draws) -> np.ndarray:
    """Counts [N, c] summed over each patient's X-rays, [P, c]."""
    out = np.zeros((len(draws.times), counts.shape[1]))
    np.add.at(out, draws.patients, counts)
    return out


def figure(measure: Measure, counts: np.ndarray, draws: Draws) -> dict[str, Any]:
    """Value with its 95% interval over resampled patients; None where it can't be computed."""
    summed = by_patient(counts, draws)
    value = float(measure.figure(summed.sum(axis=0)[:, None])[0])
    low, high = interval(measure.figure(summed.T @ draws.times))
    return {"value": known(value), "lo": known(low), "hi": known(high)}


def compared(measure: Measure, ours: np.ndarray, theirs: np.ndarray, draws: Draws) -> dict[str, Any]:
    """Ours less theirs: difference, 95% interval (paired bootstrap by patient) and p.

    p is two-sided, of approximate randomisation (Noreen, 1989): the two reports of random patients are exchanged, all X-rays of a
    patient together, and p is the share of exchanges that differ at least as much as what was seen.
    """
    a, b = by_patient(ours, draws), by_patient(theirs, draws)
    seen = measure.figure(a.sum(axis=0)[:, None])[0] - measure.figure(b.sum(axis=0)[:, None])[0]
    low, high = interval(measure.figure(a.T @ draws.times) - measure.figure(b.T @ draws.times))
    one = measure.figure(a.T @ draws.kept + b.T @ (1 - draws.kept))
    other = measure.figure(b.T @ draws.kept + a.T @ (1 - draws.kept))
    swapped = one - other
    swapped = swapped[~np.isnan(swapped)]
    p = (1 + (np.abs(swapped) >= abs(seen) - 1e-12).sum()) / (1 + len(swapped)) if not np.isnan(seen) else np.nan
    return {"difference": known(float(seen)), "lo": known(low), "hi": known(high), "p": known(float(p))}


Counted = Mapping[str, Mapping[str, np.ndarray]]
"""measure -> way of reporting -> counts float64 [N, c]."""


def counted(told: Mapping[str, Told], measures: Mapping[str, Measure]) -> dict[str, dict[str, np.ndarray]]:
    """What every measure counts in every way's reports of the same N X-rays."""
    return {name: {way: measure.counts(one) for way, one in told.items()} for name, measure in measures.items()}


def figures_of(counts: Counted, measures: Mapping[str, Measure], draws: Draws) -> dict[str, dict[str, Any]]:
    """way -> measure -> figure with interval."""
    out: dict[str, dict[str, Any]] = {}
    for name, ways in counts.items():
        for way, some in ways.items():
            out.setdefault(way, {})[name] = figure(measures[name], some, draws)
    return out


def against(counts: Counted, measures: Mapping[str, Measure], draws: Draws, ours: str) -> dict[str, dict[str, Any]]:
    """way -> measure -> ours less it, with interval and p; ``p_adjusted`` is p adjusted within a measure for the number of ways (Holm)."""
    out: dict[str, dict[str, Any]] = {}
    for name, ways in counts.items():
        found = {way: compared(measures[name], ways[ours], some, draws) for way, some in ways.items() if way != ours}
        for way, adjusted in holm({way: one["p"] for way, one in found.items()}).items():
            out.setdefault(way, {})[name] = found[way] | {"p_adjusted": adjusted}
    return out


def holm(p: Mapping[str, float | None]) -> dict[str, float | None]:
    """Holm's step-down adjustment of several tests (1979); what has no p keeps none."""
    out: dict[str, float | None] = dict.fromkeys(p)
    tested = sorted((value, name) for name, value in p.items() if value is not None)
    highest = 0.0
    for place, (value, name) in enumerate(tested):
        highest = max(highest, min(1.0, value * (len(tested) - place)))
        out[name] = highest
    return out


def known(value: float) -> float | None:
    """A figure to six digits that JSON can hold."""
    return round(value, 6) if np.isfinite(value) else None
