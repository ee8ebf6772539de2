"""Lines, tubes and implants."""

from __future__ import annotations

import numpy as np

from saerad_core.demo.chest import Fields
from saerad_core.demo.geometry import Array, curve
from saerad_core.demo.scene import SIGN, Scene
from saerad_core.demo.study import SimulatedFinding


def _svc(scene: Scene, y: float) -> float:
    """x of the superior vena cava's middle."""
    right, _ = scene.edges(np.array([y]))
    return -float(right[0]) + 0.75


def _vein(scene: Scene, sign: float, start: tuple[float, float]) -> list[tuple[float, float]]:
    """From the subclavian vein of a side to the upper vena cava."""
    y = -6.2 - 0.6 * scene.technique.lordosis
    if sign < 0:
        return [start, (-8.4, y - 0.6), (-5.2, y - 0.9), (-3.2, y + 0.6), (_svc(scene, -3.6), -3.6)]
    return [start, (8.4, y - 0.6), (5.2, y - 0.9), (2.6, y + 0.4), (-0.3, y + 1.7), (_svc(scene, -3.2) - 0.05, -3.2)]


def pacemaker(fields: Fields, f: SimulatedFinding) -> None:
    """A generator under one clavicle, with leads to the right atrium and the right ventricle."""
    rng = np.random.default_rng(f.seed)
    frame, scene = fields.frame, fields.scene
    sign = SIGN[f.side or "left"]
    cx, cy = sign * (0.6 * scene.half_width + rng.uniform(-0.6, 0.9)), -5.0 + rng.uniform(-0.7, 0.8)
    turn = sign * (0.25 + rng.normal(0, 0.2))
    c, s = np.cos(turn), np.sin(turn)
    dx, dy = frame.x - cx, frame.y - cy
    u, v = dx * c + dy * s, dy * c - dx * s
    half_w, half_h = 2.25 + 0.3 * f.extent, 2.0 + 0.3 * f.extent
    box = np.clip((1 - ((u / half_w) ** 4 + ((v - 0.4) / half_h) ** 4)) * 3.5, 0, 1)
    header = np.clip((1 - ((u / (half_w * 0.8)) ** 4 + ((v + half_h - 0.1) / 0.75) ** 4)) * 3, 0, 1)
    battery = ((u / (0.86 * half_w)) ** 4 + ((v - 1.1) / (0.5 * half_h)) ** 4) < 1
    fields.metal += (box * (0.8 + 0.3 * battery)).astype(np.float32)
    fields.metal += (0.22 * header * (1 - box)).astype(np.float32)
    low = min(scene.dome) - 0.5
    _, left = scene.edges(np.array([low - 0.8]))
    exit_point = (cx - s * half_h * -1.0 * 0.8, cy - c * half_h * 0.9)
    loop = (cx - sign * 1.4, cy + 2.9)
    right_edge, _ = scene.edges(np.array([6.0]))
    atrium = (-float(right_edge[0]) + 0.9, 5.2)
    ends: list[list[tuple[float, float]]] = [
        [
            (_svc(scene, 1.0), 1.0),
            (-float(right_edge[0]) + 1.2, 6.0),
            (-0.8, low - 0.6),
            (0.55 * float(left[0]), low - 0.7),
        ]
    ]
    if rng.random() < 0.75:
        ends.append(
            [
                (_svc(scene, 1.0) + 0.25, 1.0),
                (atrium[0] + 1.3, 5.6),
                (atrium[0] + 1.7, 6.6),
                (atrium[0] + 0.5, 5.4),
                (atrium[0], 4.6),
            ]
        )
    ink = frame.ink()
    for k, end in enumerate(ends):
        path = [
            exit_point,
            (loop[0], loop[1] - 3.2 - 0.4 * k),
            *_vein(scene, sign, (sign * 10.5, cy - 2.6 + 0.3 * k))[1:],
            *end,
        ]
        points = curve(path, 90)
        ink.line(points, 0.17, 0.3)
        ink.line(points[-4:], 0.26, 0.42)
    fields.metal += ink.done()


def central_line(fields: Fields, f: SimulatedFinding) -> None:
    """A catheter from one side's jugular or subclavian vein to the superior vena cava."""
    rng = np.random.default_rng(f.seed)
    frame, scene = fields.frame, fields.scene
    sign = SIGN[f.side or "right"]
    tip_y = 0.4 + 2.2 * f.extent
    svc = [(_svc(scene, -1.0), -1.0), (_svc(scene, tip_y), tip_y)]
    if rng.random() < 0.5:
        neck = [(sign * 4.8, -18.0), (sign * 4.0, -12.5), (sign * 3.3, -8.2)]
        path = (
            [*neck, (-2.9, -5.4), *svc]
            if sign < 0
            else [*neck, (2.3, -6.6), (-0.2, -4.8), (_svc(scene, -3.0), -3.0), *svc]
        )
    else:
        path = [*_vein(scene, sign, (sign * 13.2, -5.2)), *svc]
    ink = frame.ink()
    points = curve(path, 80)
    ink.line(points, 0.25, 0.34)
    ink.disc(path[0][0], path[0][1], 0.32, 0.3)
    fields.metal += ink.done()


def endotracheal_tube(fields: Fields, f: SimulatedFinding) -> None:
    """A tube in the trachea: faint walls, a dense stripe along one of them, the tip above the carina."""
    rng = np.random.default_rng(f.seed)
    frame, scene = fields.frame, fields.scene
    tip = -2.0 - 3.0 * f.extent
    ys = np.linspace(-24.0, tip, 24)
    run = np.clip((ys + 20) / 20, 0, 1)
    xs = scene.trachea * run**1.5 + 0.25 * np.sin((ys + 20) * 0.14 + rng.uniform(-0.3, 0.3))
    middle = np.stack([xs, ys], axis=1)
    ink = frame.ink()
    ink.line(middle, 0.95, 0.045)
    for offset, value in ((-0.47, 0.18), (0.47, 0.18)):
        ink.line(middle + [offset, 0], 0.1, value)
    stripe = 0.3 * (1 if rng.random() < 0.5 else -1)
    ink.line(middle + [stripe, 0], 0.22, 0.46)
    ink.line([(xs[-1] - 0.45, tip - 0.25), (xs[-1] + 0.45, tip + 0.3)], 0.14, 0.2)
    fields.metal += ink.done()


def nasogastric_tube(fields: Fields, f: SimulatedFinding) -> None:
    """A tube down the oesophagus into the stomach, with a dense line, a side hole and a tip."""
    rng = np.random.default_rng(f.seed)
    frame, scene = fields.frame, fields.scene
    hiatus = max(scene.dome) + 0.4
    reach = 2.6 + 3.2 * f.extent
    path: list[tuple[float, float]] = [(0.6, -26), (0.4 + rng.normal(0, 0.2), -14), (0.5 + 0.3 * scene.heart_shift, -4)]
    path += [(0.2, 2.0), (0.9 + 0.4 * scene.heart_shift, 9.0), (2.0, hiatus + 0.8)]
    path += [(3.6, hiatus + 2.2 + 0.4 * reach), (4.6, hiatus + 2.0 + reach), (3.4, hiatus + 3.4 + 1.2 * reach)]
    points = curve(path, 110)
    ink = frame.ink()
    ink.line(points, 0.42, 0.1)
    ink.line(points, 0.19, 0.42)
    hole = _at(points, 0.9)
    ink.line(hole, 0.3, 0.03)
    ink.disc(float(points[-1, 0]), float(points[-1, 1]), 0.3, 0.45)
    fields.metal += ink.done()


def _at(points: Array, share: float) -> Array:
    k = int(share * (len(points) - 1))
    return points[k : k + 3]


def sternal_wires(fields: Fields, f: SimulatedFinding) -> None:
    """Five to seven twisted wire loops down the midline."""
    rng = np.random.default_rng(f.seed)
    frame, scene = fields.frame, fields.scene
    count = 5 + round(2 * f.extent)
    shift = 0.16 * scene.technique.rotation
    ink = frame.ink()
    ys = np.linspace(-5.6 - 0.6 * scene.technique.lordosis, 8.2, count)
    for y in ys:
        cx, cy, turn = shift + rng.normal(0, 0.12), y + rng.normal(0, 0.15), rng.normal(0, 0.25)
        t = np.linspace(0, 2 * np.pi, 16)
        wide, tall = rng.uniform(0.85, 1.1), rng.uniform(0.4, 0.62)
        loop = np.stack([wide * np.cos(t), tall * np.sin(t) + 0.12 * np.cos(2 * t)], axis=1)
        c, s = np.cos(turn), np.sin(turn)
        loop = loop @ np.array([[c, s], [-s, c]]) + [cx, cy]
        ink.line(loop, 0.17, 0.5)
        twist = loop[rng.integers(2, 6)]
        ink.line([tuple(twist), (twist[0] + rng.normal(0, 0.15), twist[1] + 0.55)], 0.26, 0.6)
    fields.metal += ink.done()
