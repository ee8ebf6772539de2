"""Grids of a film in the patient's centimetres, and the few shapes that everything is drawn with."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw

Array = np.ndarray
CANVAS = 1024
"""Side of the canvas on which thin things (vessels, wires) are drawn, in pixels, whatever the film's size."""


@lru_cache(maxsize=8)
def _film(size: int) -> Array:
    return ((np.arange(size, dtype=np.float32) + 0.5) / size - 0.5).astype(np.float32)


class Frame:
    """A film's pixels in the patient's coordinates.

    x grows to the patient's left (right in the picture), y downwards, both in centimetres from the carina.
    """

    def __init__(self, size: int, film: float, centre: tuple[float, float], lean: float, bend: Array | None) -> None:
        """Lay the grid.

        Args:
            size: pixels along a side.
            film: the film's side, cm.
            centre: body coordinates at the film's centre.
            lean: sideways shift a centimetre of height.
            bend: further sideways shift (cm) at 201 heights from -30 to 30 cm, or None.
        """
        self.size, self.film, self.centre, self.lean = size, film, centre, lean
        self.bend = bend
        self.y = (_film(size) * film + centre[1])[:, None].astype(np.float32)
        shift = self._shift(self.y[:, 0])
        self.x = (_film(size) * film + centre[0])[None, :] - shift[:, None].astype(np.float32)
        self.ax = np.abs(self.x)
        self.left = self.x > 0

    def _shift(self, y: Array) -> Array:
        shift = self.lean * np.asarray(y, dtype=np.float64)
        if self.bend is not None:
            shift = shift + np.interp(y, np.linspace(-30, 30, 201), self.bend)
        return shift

    def canvas(self, points: Sequence[tuple[float, float]] | Array) -> Array:
        """Canvas pixels [N, 2] of body points [N, 2]."""
        points = np.asarray(points, dtype=np.float64)
        u = (points[:, 0] + self._shift(points[:, 1]) - self.centre[0]) / self.film + 0.5
        v = (points[:, 1] - self.centre[1]) / self.film + 0.5
        return np.stack([u, v], axis=1) * CANVAS

    def ink(self) -> Ink:
        """An empty canvas to draw thin things on."""
        return Ink(self)


class Ink:
    """Lines and discs drawn finely, then averaged down to the film's pixels. Later ink replaces earlier ink."""

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self.image = Image.new("F", (CANVAS, CANVAS))
        self.draw = ImageDraw.Draw(self.image)
        self.scale = CANVAS / frame.film

    def line(self, points: Sequence[tuple[float, float]] | Array, width: float, value: float) -> None:
        """A polyline of body points, ``width`` cm thick, of the given value."""
        pixels = [tuple(p) for p in self.frame.canvas(points).tolist()]
        self.draw.line(pixels, fill=value, width=max(1, round(width * self.scale)), joint="curve")

    def trace(self, flat: list[float], width: float, value: float) -> None:
        """As ``line``, of canvas pixels x, y, x, y..."""
        self.draw.line(flat, fill=value, width=max(1, round(width * self.scale)))

    def disc(self, x: float, y: float, radius: float, value: float, ring: float = 0.0) -> None:
        """A disc, or a ring ``ring`` cm thick, about a body point."""
        ((u, v),) = self.frame.canvas([(x, y)]).tolist()
        r = radius * self.scale
        box = (u - r, v - r, u + r, v + r)
        if ring:
            self.draw.ellipse(box, outline=value, width=max(1, round(ring * self.scale)))
        else:
            self.draw.ellipse(box, fill=value)

    def polygon(self, points: Sequence[tuple[float, float]] | Array, value: float) -> None:
        """A filled polygon of body points."""
        self.draw.polygon([tuple(p) for p in self.frame.canvas(points).tolist()], fill=value)

    def done(self) -> Array:
        """The canvas as float32 [size, size], averaged."""
        return np.asarray(self.image.reduce(CANVAS // self.frame.size), dtype=np.float32)


def dome_profile(q: Array) -> Array:
    """Thickness of a rounded body (0 to 1) at depth ``q`` inside its edge, as a share of the depth where it is full."""
    q = np.clip(q, 0, 1)
    return np.sqrt(q * (2 - q))


def step(value: Array, low: float, high: float) -> Array:
    """Smooth rise from 0 at ``low`` to 1 at ``high``."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def smooth_max(a: Array, b: Array, k: float) -> Array:
    """The larger of two, rounded where they are within ``k``."""
    h = np.clip(k - np.abs(a - b), 0, None)
    return np.maximum(a, b) + h * h * (0.25 / k)


def smooth_min(a: Array, b: Array, k: float) -> Array:
    """The smaller of two, rounded where they are within ``k``."""
    h = np.clip(k - np.abs(a - b), 0, None)
    return np.minimum(a, b) - h * h * (0.25 / k)


def segment(x: Array, y: Array, a: tuple[float, float], b: tuple[float, float]) -> tuple[Array, Array]:
    """Distance to the segment ``a``-``b`` and the place along it, 0 to 1."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    t = np.clip(((x - a[0]) * dx + (y - a[1]) * dy) / (dx * dx + dy * dy), 0, 1)
    px, py = x - (a[0] + t * dx), y - (a[1] + t * dy)
    return np.sqrt(px * px + py * py), t


def shell(u: Array, radius: float | Array, wall: float) -> Array:
    """Chord (cm) through the wall of a tube at distance ``u`` from its axis."""
    inner = np.maximum(radius - wall, 0.01)
    u2 = u * u
    return 2 * (np.sqrt(np.clip(radius * radius - u2, 0, None)) - np.sqrt(np.clip(inner * inner - u2, 0, None)))


def ellipsoid(x: Array, y: Array, centre: tuple[float, float], radii: tuple[float, float], turn: float = 0.0) -> Array:
    """Chord share (0 to 1) through an ellipsoid turned by ``turn`` radians."""
    c, s = np.cos(turn), np.sin(turn)
    dx, dy = x - centre[0], y - centre[1]
    u = (dx * c + dy * s) * (1 / radii[0])
    v = (dy * c - dx * s) * (1 / radii[1])
    return np.sqrt(np.clip(1 - u * u - v * v, 0, None))


def curve(points: Sequence[tuple[float, float]], count: int = 40) -> Array:
    """A smooth curve [count, 2] through the given points (Catmull-Rom)."""
    p = np.asarray(points, dtype=np.float64)
    p = np.concatenate([[2 * p[0] - p[1]], p, [2 * p[-1] - p[-2]]])
    t = np.linspace(0, len(p) - 3 - 1e-9, count)
    i = t.astype(int)
    f = (t - i)[:, None]
    a, b, c, d = p[i], p[i + 1], p[i + 2], p[i + 3]
    return 0.5 * (2 * b + (c - a) * f + (2 * a - 5 * b + 4 * c - d) * f**2 + (3 * b - a - 3 * c + d) * f**3)
