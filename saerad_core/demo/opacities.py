"""Findings that make lung denser: consolidation, collapse, oedema, nodules and their kin, and the hiatus hernia."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter, zoom

from saerad_core.demo.chest import Fields
from saerad_core.demo.geometry import Array, Frame, ellipsoid, segment, smooth_max, step
from saerad_core.demo.scene import SIGN, Scene, graded
from saerad_core.demo.study import SimulatedFinding
from saerad_core.demo.vessels import hilum_point


def _side(fields: Fields, f: SimulatedFinding) -> Array:
    return fields.frame.left if f.side == "left" else ~fields.frame.left


def _spot(scene: Scene, rng: np.random.Generator, side: str, place: str, radius: float) -> tuple[float, float]:
    """A point in a zone of one lung that keeps ``radius`` clear of its edges where there is room."""
    sign = SIGN[side or "right"]
    index = 0 if sign < 0 else 1
    low, high = scene.zone(place)
    margin = min(radius * 0.8, 0.35 * (high - low))
    y = float(rng.uniform(low + margin, high - margin))
    y = min(y, scene.dome[index] - 0.7 * radius - 0.4)
    edges = scene.edges(np.array([y]))
    inner = max(float(edges[index][0]), 2.2) + 0.6 * radius + 0.5
    outer = scene.wall_at(y) - 0.75 * radius - 0.7
    x = float(rng.uniform(inner, outer)) if outer > inner else 0.5 * (inner + outer)
    return sign * x, y


def _cloud(fields: Fields, seed: int, scale: float) -> Array:
    """Smooth noise about zero with patches of about ``scale`` cm, fixed to the film."""
    rng = np.random.default_rng(seed)
    n = 64
    noise = rng.standard_normal((n, n), dtype=np.float32)
    sigma = max(scale * n / fields.frame.film * 0.5, 0.4)
    noise = gaussian_filter(noise, sigma, truncate=2.5) * (2 * np.sqrt(np.pi) * sigma)
    return np.asarray(zoom(noise, fields.frame.size / n, order=1, mode="nearest"), dtype=np.float32)


def _sphere(fields: Fields, x: float, y: float, radius: float, dense: float) -> None:
    """A solid ball in the lung: its chord replaces air, and it is a little denser than tissue."""
    chord = 2 * radius * ellipsoid(fields.frame.x, fields.frame.y, (x, y), (radius, radius))
    fields.soft += (dense * chord).astype(np.float32)


def _ball(frame: Frame, x: float, y: float, radius: float) -> Array:
    """Square of half the chord through a ball, cm2; negative outside it."""
    return radius * radius - (frame.x - x) ** 2 - (frame.y - y) ** 2


def nodule(fields: Fields, f: SimulatedFinding) -> None:
    """One round nodule of 12 to 30 mm."""
    rng = np.random.default_rng(f.seed)
    radius = 0.72 + 0.78 * f.extent
    x, y = _spot(fields.scene, rng, f.side, f.place, radius)
    _sphere(fields, x, y, radius, 2.0 - 0.55 * f.extent)
    for _ in range(2):
        _sphere(fields, x + rng.normal(0, 0.35 * radius), y + rng.normal(0, 0.35 * radius), 0.72 * radius, 0.45)


def mass(fields: Fields, f: SimulatedFinding) -> None:
    """A lobulated mass of 35 to 70 mm."""
    rng = np.random.default_rng(f.seed)
    radius = 1.75 + 1.75 * f.extent
    x, y = _spot(fields.scene, rng, f.side, f.place, 0.8 * radius)
    frame = fields.frame
    square = _ball(frame, x, y, 0.8 * radius)
    for k in range(6):
        angle = 2 * np.pi * (k + rng.uniform(0, 0.6)) / 6
        r = radius * rng.uniform(0.42, 0.62)
        away = radius - r
        lobe = _ball(frame, x + away * np.cos(angle), y + away * np.sin(angle), r)
        square = smooth_max(square, lobe, 0.5 * radius * radius)
    chord = 2 * np.sqrt(np.clip(square, 0, None))
    within = np.clip(chord, 0, 1)
    fields.soft += (0.95 * chord + 0.9 * within).astype(np.float32)
    fields.vessels = (fields.vessels * (1 - 0.8 * within)).astype(np.float32)


def multiple_nodules(fields: Fields, f: SimulatedFinding) -> None:
    """Five to fifteen round nodules of 8 to 22 mm in both lungs."""
    rng = np.random.default_rng(f.seed)
    for k in range(5 + round(10 * f.extent)):
        radius = rng.uniform(0.45, 1.1)
        place = str(rng.choice(["upper zone", "mid zone", "lower zone"], p=[0.22, 0.36, 0.42]))
        x, y = _spot(fields.scene, rng, "right" if k % 2 else "left", place, radius)
        _sphere(fields, x, y, radius, 1.8)


def granuloma(fields: Fields, f: SimulatedFinding) -> None:
    """One small, very dense, sharply edged spot of 7 to 13 mm."""
    rng = np.random.default_rng(f.seed)
    radius = 0.36 + 0.28 * f.extent
    x, y = _spot(fields.scene, rng, f.side, f.place, radius)
    ink = fields.frame.ink()
    t = np.linspace(0, 2 * np.pi, 14, endpoint=False)
    wobble = radius * (1 + rng.normal(0, 0.08, 14))
    ink.polygon(np.stack([x + wobble * np.cos(t), y + wobble * np.sin(t)], axis=1), 3.0)
    fields.bone += ink.done()


def consolidation(fields: Fields, f: SimulatedFinding) -> None:
    """Patchy airspace filling in one zone, with dark bronchi inside and the vessels lost."""
    rng = np.random.default_rng(f.seed)
    frame, scene = fields.frame, fields.scene
    size = 3.2 + 2.2 * f.extent
    x, y = _spot(scene, rng, f.side, f.place, 0.7 * size)
    reach = np.zeros((frame.size, frame.size), np.float32)
    for _ in range(5):
        cx, cy = x + rng.normal(0, 0.35 * size), y + rng.normal(0, 0.3 * size)
        rx, ry = size * rng.uniform(0.5, 0.85), size * rng.uniform(0.42, 0.75)
        reach += np.exp(-(((frame.x - cx) / rx) ** 2) - ((frame.y - cy) / ry) ** 2)
    cloud = _cloud(fields, f.seed, 1.3)
    patch = step(reach + 0.2 * cloud * np.clip(reach * 2, 0, 1), 0.3, 1.5) * _side(fields, f)
    solid = patch * np.clip(0.72 + 0.2 * f.extent + 0.1 * cloud, 0.3, 0.95)
    ink = frame.ink()
    hx, hy = hilum_point(scene, 0 if f.side == "right" else 1)
    base = np.arctan2(y - hy, x - hx)
    for _ in range(5):
        angle = base + rng.normal(0, 0.35)
        start = np.array([x, y]) - 0.55 * size * np.array([np.cos(angle), np.sin(angle)]) + rng.normal(0, 0.3 * size, 2)
        end = start + rng.uniform(1.6, 3.0) * np.array([np.cos(angle), np.sin(angle)])
        fork = end + rng.uniform(1.0, 1.8) * np.array([np.cos(angle + 0.5), np.sin(angle + 0.5)])
        ink.line([tuple(start), tuple(end), tuple(fork)], rng.uniform(0.22, 0.34), 1.0)
    bronchi = ink.done() * patch
    share = 0.72 * solid
    fields.density = (fields.density + share * (1 - fields.density)).astype(np.float32)
    fields.soft += (0.5 * solid - 0.55 * bronchi * np.clip(fields.air, 0, 1)).astype(np.float32)
    fields.vessels = (fields.vessels * (1 - 0.92 * patch)).astype(np.float32)


def collapse(fields: Fields, f: SimulatedFinding) -> None:
    """A lobe without air: a wedge above the hilum, or a triangle beside the spine behind the heart."""
    rng = np.random.default_rng(f.seed)
    frame, scene = fields.frame, fields.scene
    side = 0 if f.side == "right" else 1
    on = _side(fields, f)
    hx, hy = hilum_point(scene, side)
    ax = frame.ax
    if f.place == "upper lobe":
        wall_y = -scene.anatomy.apex + 2.0 + 3.5 * (1 - f.extent)
        out = np.clip((ax - abs(hx) + 1.5) / (scene.half_width * 0.8 - abs(hx) + 1.5), 0, 1)
        # The fissure is drawn up; it bulges over the hilum (a mass) and is concave beyond it.
        fissure = hy + 0.6 + (wall_y - hy - 0.6) * out**0.75
        edge = 1 - step(frame.y - fissure, -0.3 if side == 0 else -2.4, 0.35 if side == 0 else 1.4)
        solid = on * edge * ((0.82 + 0.1 * f.extent) if side == 0 else (0.62 + 0.15 * f.extent))
        if side == 1:
            # The left upper lobe falls forwards: a veil, brightest beside the mediastinum.
            solid = solid * (0.72 + 0.28 * (1 - step(ax, 3.0, 9.0)))
    else:
        base = scene.dome[side] + 1.0
        width = 6.2 - 1.6 * f.extent + rng.uniform(-0.3, 0.3)
        slope = np.clip((frame.y - (hy - 0.5)) / (base - hy + 0.5), 0, 1.3)
        border = 2.0 + (width - 2.0) * slope**0.85
        solid = on * (1 - step(ax - border, -0.3, 0.3)) * step(frame.y, hy - 0.8, hy + 0.8) * 0.93
    fields.soft += (0.22 * fields.air * solid + 1.1 * solid).astype(np.float32)
    fields.density = (fields.density + solid * (1 - fields.density)).astype(np.float32)
    fields.vessels = (fields.vessels * (1 - solid)).astype(np.float32)


def linear_atelectasis(fields: Fields, f: SimulatedFinding) -> None:
    """One to three dense bands, near horizontal, several centimetres long."""
    rng = np.random.default_rng(f.seed)
    frame, scene = fields.frame, fields.scene
    sign = SIGN[f.side or "right"]
    x, y = _spot(scene, rng, f.side, f.place, 2.2)
    for k in range(1 + round(2 * f.extent)):
        length, thick = rng.uniform(4.5, 7.5), rng.uniform(0.2, 0.34)
        tilt = rng.normal(0.1, 0.22)
        cy = y + (k - 0.5) * rng.uniform(1.3, 2.2)
        cx = x + rng.normal(0, 0.5)
        dx, dy = 0.5 * length * np.cos(tilt), sign * 0.5 * length * np.sin(tilt)
        sag = rng.normal(0, 0.25)
        d, t = segment(
            frame.x, frame.y - sag * ((frame.x - cx) / (0.5 * length)) ** 2, (cx - dx, cy - dy), (cx + dx, cy + dy)
        )
        band = (1 - step(d, 0.6 * thick, 1.5 * thick)) * step(t, 0.0, 0.12) * (1 - step(t, 0.85, 1.0))
        fields.soft += ((2.5 + 0.6 * f.extent) * band * np.clip(0.15 + fields.air * 0.3, 0, 1)).astype(np.float32)


def oedema(fields: Fields, f: SimulatedFinding) -> None:
    """Septal lines at the bases, perihilar haze, cuffed bronchi and coarse markings."""
    rng = np.random.default_rng(f.seed)
    frame, scene = fields.frame, fields.scene
    grade = graded(f, {"mild": (0.25, 0.45), "moderate": (0.5, 0.75), "severe": (0.8, 1.0)})
    haze = 0.0
    for side in (0, 1):
        hx, hy = hilum_point(scene, side)
        spread = 3.4 + 1.6 * grade
        d2 = ((frame.x - hx * 1.25) / spread) ** 2 + ((frame.y - hy - 1.6) / (1.35 * spread)) ** 2
        haze = haze + np.exp(-d2)
    cloud = _cloud(fields, f.seed, 0.9)
    haze = haze * (0.2 + 0.3 * grade) * np.clip(1 + 0.3 * cloud, 0.3, 1.8) + 0.05 * grade
    fields.density = (fields.density + np.clip(haze, 0, 0.8) * (1 - fields.density)).astype(np.float32)
    ink = frame.ink()
    for side, sign in ((0, -1.0), (1, 1.0)):
        base = scene.dome[side]
        for _ in range(int(10 + 16 * grade)):
            y = base + rng.uniform(-7.0, 2.4)
            wall = scene.wall_at(y) - 0.15
            length = rng.uniform(1.3, 2.3)
            ink.line([(sign * wall, y), (sign * (wall - length), y + rng.normal(0.12, 0.12))], 0.11, 1.5)
        hx, hy = hilum_point(scene, side)
        for _ in range(int(10 + 14 * grade)):
            angle, start = rng.uniform(0.2, 2.7), rng.uniform(1.5, 4.0)
            length = rng.uniform(2.0, 4.0)
            p0 = (hx + sign * start * np.sin(angle), hy - start * np.cos(angle))
            p1 = (p0[0] + sign * length * np.sin(angle + rng.normal(0, 0.3)), p0[1] - length * np.cos(angle))
            ink.line([p0, p1], 0.1, 1.2)
        for _ in range(3 + int(3 * grade)):
            angle, away = rng.uniform(0.3, 2.4), rng.uniform(1.6, 3.6)
            ink.disc(
                hx + sign * away * np.sin(angle), hy - away * np.cos(angle), rng.uniform(0.34, 0.5), 1.9, ring=0.16
            )
    fields.soft += ink.done() * np.clip(fields.air * 0.3, 0, 1) * (0.55 + 0.45 * grade)
    fields.texture = fields.texture * (1 + 2.0 * grade)


def hilar_enlargement(fields: Fields, f: SimulatedFinding) -> None:
    """A bulky, lobulated hilum."""
    rng = np.random.default_rng(f.seed)
    frame, scene = fields.frame, fields.scene
    sign = SIGN[f.side or "right"]
    hx, hy = hilum_point(scene, 0 if sign < 0 else 1)
    size = 1.3 + 0.75 * f.extent
    square = _ball(frame, hx, hy, size)
    for k in range(5):
        angle = np.pi * (k + rng.uniform(0.1, 0.9)) / 5
        r = size * rng.uniform(0.72, 1.0)
        lobe = _ball(frame, hx + sign * (0.1 + 0.8 * size * np.sin(angle)), hy + 0.5 - 1.35 * size * np.cos(angle), r)
        square = smooth_max(square, lobe, 0.6 * size * size)
    chord = 2 * np.sqrt(np.clip(square, 0, None))
    fields.soft += (1.05 * chord + 0.35 * np.clip(chord, 0, 1)).astype(np.float32)


def hiatus_hernia(fields: Fields, f: SimulatedFinding) -> None:
    """Stomach behind the heart: a round shadow with gas over a flat fluid level."""
    rng = np.random.default_rng(f.seed)
    frame, scene = fields.frame, fields.scene
    radius = graded(f, {"small": (2.3, 3.0), "large": (3.5, 5.2)})
    cx = 0.9 + rng.uniform(-0.3, 0.9) + 0.5 * scene.heart_shift
    cy = 0.5 * (scene.dome[0] + scene.dome[1]) + 0.6 - 0.78 * radius
    round_ = ellipsoid(frame.x, frame.y, (cx, cy), (1.12 * radius, radius))
    above = 1 - step(frame.y, scene.dome[1] + 0.5, scene.dome[1] + 2.0)
    fields.soft += (
        (1.5 + 0.45 * radius) * (1.7 if scene.technique.supine else 1.0) * round_ * above
        + 1.0 * np.clip(round_ * 3, 0, 1) * above
    ).astype(np.float32)
    inner = ellipsoid(frame.x, frame.y, (cx, cy), (1.0 * radius, 0.86 * radius))
    level = cy - (0.05 + 0.3 * rng.random()) * radius
    gas = (3.0 + 0.9 * radius) * inner
    if scene.technique.supine:
        gas = gas * 0.8
    else:
        gas = gas * (1 - step(frame.y, level - 0.12, level + 0.12))
    fields.gas += gas.astype(np.float32)
