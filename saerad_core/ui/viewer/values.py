"""An X-ray's real values as the browser gets them: 16 bits a pixel, and what they mean."""

from __future__ import annotations

import gzip
from dataclasses import dataclass

import numpy as np

from saerad_core.images.pictures import fit
from saerad_core.images.sandbox import Film

SIDE = 2048
"""Longest side that is sent: more than a screen shows of a whole film, 8 MB before compression."""
_TOP = 65535
_DRAWN = 4095
"""Scale on which drawn X-rays, which have no detector, are given: that of 12 bits."""


@dataclass(frozen=True)
class Values:
    """value = intercept + slope * raw."""

    raw: np.ndarray
    """uint16 [H, W], max(H, W) <= SIDE."""
    slope: float
    intercept: float
    center: float
    """Window that the program itself reads the X-ray with, LINEAR of DICOM PS3.3 C.11.2.1.2."""
    width: float
    inverse: bool
    """Low values are shown white."""
    note: str
    """Where the values come from, for the reader."""

    def real(self) -> np.ndarray:
        """float64 [H, W]."""
        return self.intercept + self.slope * self.raw

    def head(self) -> dict[str, float | int | str | bool]:
        """What the browser needs to know beside the pixels; JSON."""
        height, width = self.raw.shape
        return {
            "height": height,
            "width": width,
            "slope": self.slope,
            "intercept": self.intercept,
            "center": self.center,
            "window": self.width,
            "inverse": self.inverse,
            "note": self.note,
        }

    def body(self) -> bytes:
        """The pixels: differences to the left neighbour modulo 65,536, all low bytes before all high bytes, gzip.

        Three quarters of what gzip makes of the words themselves, in half of the time.
        """
        steps = np.empty_like(self.raw)
        steps[:, 0] = self.raw[:, 0]
        np.subtract(self.raw[:, 1:], self.raw[:, :-1], out=steps[:, 1:])
        planes = np.ascontiguousarray(steps, dtype="<u2").view(np.uint8).reshape(-1, 2).T
        return gzip.compress(planes.tobytes(), compresslevel=1, mtime=0)


def of_film(film: Film) -> Values:
    """A decoded file, its longer side at most SIDE."""
    span = film.highest - film.lowest
    pixels, note = _fitted(film.pixels)
    # Whole numbers stay what they are in the file.
    steps = span if span <= _TOP and span == round(span) and pixels is film.pixels else _TOP
    center, width, scale = film.center, film.width, 1.0
    if span < 64:
        # A window of C.11.2.1.2 is at least 1 wide: too coarse for values that all lie between 0 and 1.
        scale = _DRAWN / span
        center, width = (film.center - 0.5 - film.lowest) * scale + 0.5, (film.width - 1) * scale + 1
    lowest = film.lowest if scale == 1.0 else 0.0
    return Values(
        np.round(pixels * steps).astype(np.uint16),
        span * scale / steps,
        lowest,
        center,
        max(width, 1.0),
        film.inverse,
        f"values of the file{note}",
    )


def of_pixels(pixels: np.ndarray, note: str = "as it was drawn") -> Values:
    """float32 [H, W] in [0, 1], bone white, on a scale of 12 bits."""
    fitted, smaller = _fitted(pixels)
    raw = np.round(np.clip(fitted, 0, 1) * _TOP).astype(np.uint16)
    return Values(raw, _DRAWN / _TOP, 0.0, (_DRAWN + 1) / 2, _DRAWN + 1.0, False, note + smaller)


def _fitted(pixels: np.ndarray) -> tuple[np.ndarray, str]:
    longest = max(pixels.shape)
    if longest <= SIDE:
        return pixels, ""
    return fit(pixels, SIDE), f", reduced from {longest:,} to {SIDE:,} pixels"
