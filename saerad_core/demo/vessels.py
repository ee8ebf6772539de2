"""The lung's vessels: trees that leave the hila, fork and thin towards the wall."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from saerad_core.demo.chest import Fields
from saerad_core.demo.geometry import Array, ellipsoid
from saerad_core.demo.scene import Scene

Branch = tuple[Array, float]
"""Points [N, 2] in lung coordinates (0 at the hilum, about 1 at the lung's edge) and the calibre, cm."""


@lru_cache(maxsize=256)
def _tree(seed: int) -> tuple[tuple[Branch, ...], tuple[Branch, ...]]:
    """Branches of the right and left lung, thinnest first."""
    sides = []
    rng = np.random.default_rng(seed)
    for side in (0, 1):
        branches: list[Branch] = []
        # Angles from straight up (0) outwards to straight down (pi); lower-zone trunks are the larger.
        trunks = [(0.12, 0.30), (0.42, 0.34), (0.8, 0.27), (1.25, 0.32), (1.65, 0.34), (2.02, 0.44), (2.38, 0.52), (2.72, 0.5)]
        for angle, width in trunks:
            angle += rng.normal(0, 0.09)
            start = np.array([rng.normal(0.02, 0.02), 0.10 * np.clip(angle - 1.2, -0.6, 1.6) * (1.0 if side == 0 else 0.9)])
            _grow(branches, rng, start, angle, width * rng.uniform(0.85, 1.15), rng.uniform(0.34, 0.44), 0)
        branches.sort(key=lambda b: b[1])
        sides.append(tuple(branches))
    return sides[0], sides[1]


def _grow(branches: list[Branch], rng: np.random.Generator, start: Array, angle: float, width: float, length: float, order: int) -> None:
    bend = rng.normal(0, 0.22)
    t = np.linspace(0, 1, 5)[:, None]
    heading = angle + bend * (t - 0.3)
    step = np.concatenate([np.sin(heading), -np.cos(heading)], axis=1) * (length / 4)
    points = start + np.concatenate([np.zeros((1, 2)), np.cumsum(step[1:], axis=0)])
    branches.append((points[:3], width))
    branches.append((points[2:], width * 0.88))
    if order >= 4 or width < 0.05:
        return
    end, heading_end = points[-1], float(angle + 0.7 * bend)
    share = rng.uniform(0.2, 0.42)
    turn = 1.0 if rng.random() < 0.5 else -1.0
    _grow(branches, rng, end, heading_end + turn * rng.uniform(0.1, 0.28), width * 0.77, length * rng.uniform(0.68, 0.86), order + 1)
    _grow(branches, rng, end, heading_end - turn * (share + 0.15), width * 0.6, length * rng.uniform(0.6, 0.8), order + 1)
    if order <= 2:
        mid = points[2]
        _grow(branches, rng, mid, heading_end + turn * rng.uniform(0.4, 0.8), width * 0.5, length * 0.62, order + 2)


def hilum_point(scene: Scene, side: int) -> tuple[float, float]:
    """Body coordinates of a hilum."""
    right, left = scene.edges(np.array([scene.hilum[side]]))
    x = -float(right[0]) - 0.9 if side == 0 else float(left[0]) + 0.5
    base = 3.7 if side == 0 else 3.9
    mixed = (0.5 * (x + base * (1 if side else -1))) if abs(x) < 6 else x
    return mixed, scene.hilum[side]


def place(scene: Scene, side: int, points: Array) -> Array:
    """Body coordinates of points in lung coordinates of one side."""
    hx, hy = hilum_point(scene, side)
    sign = 1.0 if side else -1.0
    out = scene.half_width - abs(hx)
    up, down = scene.anatomy.apex + hy - 0.5, scene.dome[side] + 1.5 - hy
    y = hy + np.where(points[:, 1] < 0, points[:, 1] * up, points[:, 1] * down)
    # The lung narrows upwards, and so must the tree.
    narrow = np.clip(scene.wall(y) / scene.half_width, 0.45, 1.0)
    return np.stack([hx + sign * points[:, 0] * out * narrow * 1.02, y], axis=1)


def add_vessels(fields: Fields, upper: float = 1.0, gain: float = 1.0) -> None:
    """Draw both trees and the hilar shadows.

    Args:
        fields: to draw into.
        upper: calibre of upper-zone vessels against normal (blood diverted upwards in heart failure).
        gain: calibre of all vessels.
    """
    frame, scene = fields.frame, fields.scene
    ink = frame.ink()
    for side, tree in enumerate(_tree(scene.anatomy.seed)):
        for points, width in tree:
            size = width * scene.vessel * gain * (upper if points[0, 1] < -0.05 else 1.0)
            ink.line(place(scene, side, points), size, 1.15 * size + 0.05)
    fields.vessels += ink.done()
    for side, sign in ((0, -1.0), (1, 1.0)):
        hx, hy = hilum_point(scene, side)
        size = scene.vessel * gain
        trunk = 1.7 * ellipsoid(frame.x, frame.y, (hx + 0.35 * sign, hy + 1.7), (0.62 * size, 2.5), -0.2 * sign)
        knot = 1.5 * ellipsoid(frame.x, frame.y, (hx + 0.1 * sign, hy - 0.1), (1.15 * size, 1.25 * size), 0.3 * sign)
        fields.vessels = np.maximum(fields.vessels, np.maximum(trunk, knot)).astype(np.float32)
