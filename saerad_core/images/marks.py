"""In which border zones of a picture there are bright, sharp-edged, small marks: an R or L marker, burned-in words, an arrow.

A feature may fire on such a mark instead of on the chest, so a reader must be able to ask. Nothing is read: no letter and no pixel is kept,
only zones. They are of the picture as it is stored, not of the patient: the patient's right side is on the left of the picture, usually.

A mark is what a morphological opening takes away (white top-hat; Serra, Image Analysis and Mathematical Morphology, 1982), bright against
its surroundings over its whole outline. A skin clip or an electrode looks the same and counts too: benchmarks/markers.py tells how often.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from PIL import Image
from scipy import ndimage as _ndimage

from saerad_core.preprocessing import as_bytes

ndimage: Any = _ndimage
"""scipy's types are unions that no caller can use."""
SIDE = 640
"""Pixels along the longer side at most that marks are looked for at; larger pictures are made smaller by a whole factor, so that burned-in
letters are 6 and more high."""
WIDEST = 0.032
"""Share of the longer side that a stroke may be wide: what is wider is left standing by the opening."""
FAINT, BRIGHT = 0.10, 0.40
"""Contrast with the surroundings, as a share of the picture's range, that a mark's pixels have at least, and its brightest tenth."""
SHARP = 0.40
"""Share of its contrast that a mark gains from one pixel to the next, on average along its outline. Bones take several pixels."""
LIGHT = 0.45
"""Grey level of a mark's brighter pixels, as a share of the picture's range."""
LEVEL = 0.15
"""Standard deviation of a mark's brighter half, as a share of its contrast: ink and lead are of one grey."""
SMALLEST, LARGEST = 0.015, 0.13
"""Longer side of a mark, as a share of the picture's longer side."""
THINNEST = 0.15
"""Shorter side as a share of the longer: a wire is thinner, a word isn't."""
LEAST_RANGE = 50.0
"""Grey levels of 256 that a picture's range counts as at least: in a flatter one noise would stand out."""
FEWEST = 6
"""Pixels of a mark."""
_TOUCHING = np.ones((3, 3), dtype=bool)


class Mark(NamedTuple):
    """Where one lies, as shares of the picture's width and height from the upper left corner."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def zone(self) -> int:
        """Place in ZONES of its centre; -1 in the middle of the picture."""
        column, row = (min(2, int(3 * (a + b) / 2)) for a, b in ((self.left, self.right), (self.top, self.bottom)))
        cell = 3 * row + column
        return -1 if cell == 4 else cell - (cell > 4)


def marked_zones(pixels: np.ndarray) -> int:
    """Zones with a mark, as bits.

    Args:
        pixels: float32 [H, W] in [0, 1] or uint8 [H, W], bone white.
    """
    return sum(1 << zone for zone in {mark.zone for mark in find_marks(pixels)} if zone >= 0)


def find_marks(pixels: np.ndarray) -> list[Mark]:
    """Every mark of a picture, in the middle too, by rows of their upper edge.

    Args:
        pixels: float32 [H, W] in [0, 1] or uint8 [H, W], bone white.
    """
    grey = _working(pixels)
    height, width = grey.shape
    longer = max(height, width)
    low, high = _range(grey)
    span = max(high - low, LEAST_RANGE)
    contrast = grey - _opened(grey, max(7, round(WIDEST * longer) | 1))
    numbered, count = ndimage.label(contrast > FAINT * span, structure=_TOUCHING)
    bright = np.unique(numbered[contrast >= BRIGHT * span])
    place = np.zeros(count + 1, dtype=np.int32)
    place[bright] = np.arange(1, len(bright) + 1)
    numbered = place[numbered]
    found = []
    for number, box in enumerate(ndimage.find_objects(numbered, len(bright)), 1):
        if max(part.stop - part.start for part in box) < SMALLEST * longer:
            continue
        # Two pixels around it, for its outline.
        wide = tuple(slice(max(0, p.start - 2), min(n, p.stop + 2)) for p, n in zip(box, grey.shape, strict=True))
        mark = _mark(grey[wide], contrast[wide], numbered[wide] == number, low, span, longer)
        if mark is not None:
            (left, top, right, bottom), (y, x) = mark, (wide[0].start, wide[1].start)
            found.append(Mark((x + left) / width, (y + top) / height, (x + right) / width, (y + bottom) / height))
    return found


def _mark(
    grey: np.ndarray, contrast: np.ndarray, part: np.ndarray, low: float, span: float, longer: int
) -> tuple[int, int, int, int] | None:
    """Left, top, right and bottom of a connected part, where it is a mark; pixels of the cut-out."""
    top = float(np.percentile(contrast[part], 90))
    ink = part & (contrast > top / 2)
    rows, columns = np.nonzero(ink)
    if top < BRIGHT * span or len(rows) < FEWEST:
        return None
    box = int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1
    sides = sorted((box[2] - box[0], box[3] - box[1]))
    if not SMALLEST <= sides[1] / longer <= LARGEST or sides[0] < THINNEST * sides[1]:
        return None
    values = grey.astype(np.float32)
    steps = np.zeros_like(values)
    for along, here in ((values, steps), (values.T, steps.T)):
        step = np.abs(along[1:] - along[:-1])
        # A step belongs to both of its pixels, so that a mirrored picture has the same.
        for side in (here[1:], here[:-1]):
            np.maximum(side, step, out=side)
    outline = ndimage.binary_dilation(ink) & ~ndimage.binary_erosion(ink)
    own = values[ink]
    bright = own[own >= np.median(own)]
    is_mark = (
        steps[outline].mean() >= SHARP * top
        and np.percentile(own, 75) - low >= LIGHT * span
        and bright.std() <= LEVEL * top
    )
    return box if is_mark else None


def _range(grey: np.ndarray) -> tuple[float, float]:
    """Grey levels under which a hundredth of the pixels lie, and over which two thousandths do."""
    upto = np.cumsum(Image.fromarray(grey).histogram()) / grey.size
    return float(np.searchsorted(upto, 0.01)), float(np.searchsorted(upto, 0.998))


def _working(pixels: np.ndarray) -> np.ndarray:
    """uint8, the longer side SIDE at most."""
    grey = as_bytes(pixels)
    factor = -(-max(grey.shape) // SIDE)
    return grey if factor == 1 else np.asarray(Image.fromarray(grey).reduce(factor))


def _opened(grey: np.ndarray, side: int) -> np.ndarray:
    """The opening by a square; by doubling, ten times as fast as scipy.ndimage's on 8 bits."""
    return _slid(_slid(grey, side, np.minimum), side, np.maximum)


def _slid(grey: np.ndarray, side: int, take: np.ufunc) -> np.ndarray:
    """Smallest or largest of each pixel's square of ``side`` (odd) pixels, the picture's border repeated."""
    half = side // 2
    for _ in range(2):
        # Down the columns, then turned: along the rows.
        grey = np.concatenate([np.repeat(grey[:1], half, axis=0), grey, np.repeat(grey[-1:], half, axis=0)])
        covered = 1
        while covered < side:
            step = min(covered, side - covered)
            grey = take(grey[:-step], grey[step:])
            covered += step
        grey = np.ascontiguousarray(grey.T)
    return grey
