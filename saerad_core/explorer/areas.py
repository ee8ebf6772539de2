"""What is drawn around on the map: outlines that fit into an address, and which points lie within.

The page and the server tell the same points, since both work with whole numbers: places on a grid, and outlines between its points.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

GRID = 65_535
"""Places lie on 0 to this along the longer side of the map."""
_MARGIN = 32_768
"""An outline may reach this far beyond the grid."""
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_WIDTH = 4
"""Letters of a coordinate in base 36."""
MOST_CORNERS = 96
"""Of one outline."""
MOST_AREAS = 8

Outline = Sequence[tuple[int, int]]


def grid_places(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """float [n] twice -> uint16 [n, 2] on the grid: one scale for both, the map in the middle, y upwards."""
    places = np.column_stack([x, y]).astype(np.float64)
    if not len(places):
        return places.astype(np.uint16)
    low, high = places.min(axis=0), places.max(axis=0)
    span = float((high - low).max()) or 1.0
    return np.round(((places - (low + high) / 2) / span + 0.5) * GRID).astype(np.uint16)


def write_areas(areas: Sequence[Outline]) -> str:
    """Outlines as letters for an address: eight a corner, outlines apart by a dot."""
    return ".".join("".join(_letters(x) + _letters(y) for x, y in area) for area in areas)


def read_areas(text: str) -> list[list[tuple[int, int]]]:
    """The outlines of an address; none where it holds anything else."""
    found = []
    for part in text.split(".")[:MOST_AREAS] if text else []:
        corners, left = divmod(len(part), 2 * _WIDTH)
        if left or not 3 <= corners <= MOST_CORNERS or not set(part) <= set(_DIGITS):
            return []
        ends = [int(part[i : i + _WIDTH], 36) - _MARGIN for i in range(0, len(part), _WIDTH)]
        if max(ends) > GRID + _MARGIN:
            return []
        found.append(list(zip(ends[::2], ends[1::2], strict=True)))
    return found


def _letters(value: int) -> str:
    if not -_MARGIN <= value <= GRID + _MARGIN:
        raise ValueError(f"A corner lies at {value}; corners lie from {-_MARGIN} to {GRID + _MARGIN}.")
    value, letters = value + _MARGIN, ""
    for _ in range(_WIDTH):
        value, digit = divmod(value, 36)
        letters = _DIGITS[digit] + letters
    return letters


def within(places: np.ndarray, areas: Sequence[Outline]) -> np.ndarray:
    """bool [n]: places (uint16 [n, 2]) that lie in any of the outlines; where an outline crosses itself, by the even-odd rule."""
    fits = np.zeros(len(places), dtype=bool)
    for area in areas:
        corners = np.array(area, dtype=np.int64)
        low, high = corners.min(axis=0), corners.max(axis=0)
        near = np.flatnonzero(((places >= low) & (places <= high)).all(axis=1))
        x, y = places[near].astype(np.int64).T
        odd = np.zeros(len(near), dtype=bool)
        for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
            # x < x0 + (x1 - x0) (y - y0) / (y1 - y0), without the division.
            mine, edge = (x - x0) * (y1 - y0), (x1 - x0) * (y - y0)
            odd ^= ((y0 > y) != (y1 > y)) & (mine < edge if y1 > y0 else mine > edge)
        fits[near] |= odd
    return fits
