"""The lung's vessels: trees that leave the hila, fork and thin towards the wall."""

from __future__ import annotations

import math
from functools import lru_cache
from random import Random

import numpy as np

from saerad_core.demo.chest import Fields
from saerad_core.demo.geometry import Array, ellipsoid
from saerad_core.demo.scene import Scene

_POINTS = 4
_TRUNKS = ((0.1, 0.46), (0.42, 0.55), (0.8, 0.42), (1.25, 0.45), (1.65, 0.5), (2.02, 0.6), (2.38, 0.72), (2.72, 0.64))
"""Heading (0 is up, pi is down, outwards between) and calibre (cm) of each lobe's trunk; the lower ones are larger."""


@lru_cache(maxsize=256)
def _tree(seed: int) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """Right and left tree, thinnest branch first: points [B * 4, 2] in lung coordinates, and calibres [B]."""
    dice = Random(seed)
    sides = []
    for side in (0, 1):
        branches: list[tuple[list[tuple[float, float]], float]] = []
        for angle, width in _TRUNKS:
            heading = angle + dice.gauss(0, 0.09)
            down = 0.1 * min(max(heading - 1.2, -0.6), 1.6) * (1.0 if side == 0 else 0.9)
            _grow(
                branches,
                dice,
                dice.gauss(0.02, 0.02),
                down,
                heading,
                width * dice.uniform(0.85, 1.15),
                dice.uniform(0.3, 0.4),
                0,
            )
        branches.sort(key=lambda branch: branch[1])
        points = np.array([point for branch, _ in branches for point in branch])
        sides.append((points, np.array([width for _, width in branches])))
    return sides[0], sides[1]


def _grow(
    branches: list[tuple[list[tuple[float, float]], float]],
    dice: Random,
    x: float,
    y: float,
    angle: float,
    width: float,
    length: float,
    order: int,
) -> None:
    bend = dice.gauss(0, 0.2)
    points = [(x, y)]
    for k in range(1, _POINTS):
        heading = angle + bend * k / _POINTS
        x, y = x + math.sin(heading) * length / 3, y - math.cos(heading) * length / 3
        points.append((x, y))
    branches.append((points, width))
    if order >= 5 or width < 0.12:
        return
    heading = angle + bend
    turn = 1.0 if dice.random() < 0.5 else -1.0
    _grow(
        branches,
        dice,
        x,
        y,
        heading + turn * dice.uniform(0.08, 0.26),
        width * 0.76,
        length * dice.uniform(0.7, 0.88),
        order + 1,
    )
    _grow(
        branches,
        dice,
        x,
        y,
        heading - turn * dice.uniform(0.35, 0.6),
        width * 0.58,
        length * dice.uniform(0.6, 0.8),
        order + 1,
    )
    if order <= 2:
        mx, my = points[1]
        _grow(branches, dice, mx, my, heading + turn * dice.uniform(0.45, 0.85), width * 0.45, length * 0.62, order + 2)


def hilum_point(scene: Scene, side: int) -> tuple[float, float]:
    """Body coordinates of a hilum. It follows a shift of the mediastinum, not the heart's size."""
    base = (4.15 if side == 0 else 4.65) * (0.5 + 0.5 * scene.half_width / 13.5)
    return (base if side else -base) * scene.technique.magnification + 0.6 * scene.heart_shift, scene.hilum[side]


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
    for side, (points, widths) in enumerate(_tree(scene.anatomy.seed)):
        pixels = frame.canvas(place(scene, side, points)).reshape(len(widths), -1)
        calibres = widths * scene.vessel * gain * np.where(points[::_POINTS, 1] < -0.05, upper, 1.0)
        for path, calibre in zip(pixels.tolist(), calibres.tolist(), strict=True):
            ink.trace(path, calibre, 2.2 * calibre + 0.14)
    fields.vessels += ink.done()
    for side, sign in ((0, -1.0), (1, 1.0)):
        hx, hy = hilum_point(scene, side)
        size = scene.vessel * gain
        trunk = 3.4 * ellipsoid(frame.x, frame.y, (hx + 0.45 * sign, hy + 1.8), (0.7 * size, 2.6), -0.22 * sign)
        knot = 2.7 * ellipsoid(frame.x, frame.y, (hx - 0.2 * sign, hy - 0.1), (1.35 * size, 1.3 * size), 0.3 * sign)
        fields.vessels = np.maximum(fields.vessels, np.maximum(trunk, knot)).astype(np.float32)
