"""Where in the chest a feature looks on the whole: its mean map over X-rays of many patients, and that in words.

The mean is over the encoder's squares as they are: frontal X-rays are framed much alike, and nothing is registered. Left in the picture is
the patient's right.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

FEWEST = 3
"""Patients below which a mean says nothing of a place."""
SMALL, REGION, WIDE = 0.05, 0.15, 0.35
"""Shares of the square, as ``spread`` counts them, that words change at."""
MAIN = 0.6
"""Share of the map's mass from which a side or a zone is named."""


class Spread(NamedTuple):
    """A mean map in figures and words."""

    entropy: float
    """Bits; log2 of the number of patches for a map that is the same everywhere."""
    area: float
    """2^entropy patches as a share of the square: the size of an even patch of the same entropy."""
    words: str
    """one small place, one region, a wide region, or no place of its own."""
    right: float
    """Share of the mass in the patient's right half."""
    where: str
    """Side and zone that hold most of it, such as "right lower zone"; "" where none does."""

    @property
    def has_place(self) -> bool:
        return self.area <= WIDE


def mean_map(maps: np.ndarray) -> np.ndarray:
    """Mean of maps [n, P], each scaled to a peak of 1 so that no X-ray counts more; float32 [P]."""
    peaks = maps.max(1, keepdims=True)
    return (maps / np.where(peaks > 0, peaks, 1)).mean(0).astype(np.float32)


def spread_of(mean: np.ndarray) -> Spread:
    """Entropy, size, side and zone of a mean map [grid, grid] that isn't empty."""
    share = mean / mean.sum()
    told = share[share > 0]
    entropy = float(-(told * np.log2(told)).sum()) + 0.0
    area = 2**entropy / mean.size
    words = (
        "one small place" if area <= SMALL
        else "one region" if area <= REGION
        else "a wide region" if area <= WIDE
        else "no place of its own"
    )  # fmt: skip
    grid = mean.shape[1]
    columns, rows = share.sum(0), share.sum(1)
    halves = columns[: grid // 2].sum() + (columns[grid // 2] / 2 if grid % 2 else 0)
    return Spread(entropy, area, words, float(halves), _where(float(halves), rows))


def _where(right: float, rows: np.ndarray) -> str:
    side = "right" if right >= MAIN else "left" if right <= 1 - MAIN else "middle or both sides"
    # The lungs fill about the square's second to eighth tenth; thirds of it are the zones that reports name.
    grid = len(rows)
    edges = [0, round(grid * 0.37), round(grid * 0.58), grid]
    zones = [float(rows[a:b].sum()) for a, b in zip(edges, edges[1:], strict=False)]
    best = int(np.argmax(zones))
    zone = ("upper zone", "mid zone", "lower zone")[best] if zones[best] >= MAIN else ""
    return ", ".join(part for part in (side, zone) if part)
