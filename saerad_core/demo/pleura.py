"""Findings of the pleura: effusion, pneumothorax, thickening and apical scars."""

from __future__ import annotations

import numpy as np

from saerad_core.demo.chest import Fields
from saerad_core.demo.geometry import Array, smooth_min, step
from saerad_core.demo.scene import SIGN, graded
from saerad_core.demo.study import SimulatedFinding


def _side(fields: Fields, f: SimulatedFinding) -> Array:
    return fields.frame.left if f.side == "left" else ~fields.frame.left


def _depth_from_wall(fields: Fields) -> Array:
    """Distance inside the lung's outer edge, cm; over the apex it is the depth below the top."""
    top = fields.scene.apex_line(fields.frame.ax)
    return smooth_min((fields.wall - fields.frame.ax) * 0.97, (fields.frame.y - top) * 0.9, 2.0)


def effusion(fields: Fields, f: SimulatedFinding) -> None:
    """Fluid that fills the costophrenic angle and climbs the wall; lying down it also veils the whole lung."""
    frame, scene = fields.frame, fields.scene
    side = 0 if f.side == "right" else 1
    on = _side(fields, f)
    dome, floor = scene.dome[side], scene.dome[side] + scene.sulcus[side]
    amount = graded(f, {"small": (0.12, 0.3), "moderate": (0.38, 0.62), "large": (0.7, 1.0)})
    # Height of the fluid's middle: from the depth of the sulcus to above the hilum.
    level = float(np.interp(amount, [0, 0.3, 0.45, 0.7, 1.0], [floor, dome + 1.2, dome - 1.6, dome - 6.0, dome - 11.0]))
    rise = float(np.interp(amount, [0, 0.3, 0.6, 1.0], [3.2, 4.2, 5.0, 4.0]))
    out = np.clip(fields.wall - frame.ax, 0, None)
    surface = level - rise * np.exp(-out / (1.5 + 1.1 * amount)) - 0.8 * np.exp(-frame.ax / 2.0)
    fuzzy = 0.9 + 0.7 * amount
    fill = step(frame.y - surface, -fuzzy, fuzzy) * on
    layer = 0.0
    if scene.technique.supine:
        layer = on * (0.12 + 0.3 * amount) * step(frame.y, -scene.anatomy.apex, dome)
    keep = (1 - 0.985 * fill) * (1 - layer)
    fields.air = (fields.air * keep).astype(np.float32)
    # Fluid lies against the wall below the outline of the dome too, and hides that outline.
    fields.soft += (0.6 * fill * (1 - step(frame.y - dome, 2.0, 6.0)) * step(out, 0.0, 0.4)).astype(np.float32)


def pneumothorax(fields: Fields, f: SimulatedFinding) -> None:
    """Air without lung markings outside a thin pleural line, widest at the apex."""
    rng = np.random.default_rng(f.seed)
    frame, scene = fields.frame, fields.scene
    on = _side(fields, f)
    width = graded(f, {"small": (1.4, 2.2), "moderate": (2.6, 4.2), "large": (5.0, 8.0)})
    run = np.clip((frame.y + scene.anatomy.apex) / (scene.floor + scene.anatomy.apex), 0, 1)
    low = {"small": 0.3, "moderate": 0.55, "large": 0.85}.get(f.severity, 0.5)
    gap = width * (1.25 - (1.25 - low) * run) + 0.18 * np.sin(frame.y * 0.7 + rng.uniform(0, 6))
    if f.severity != "large":
        gap = gap * (1 - 0.9 * step(run, 0.62 + 0.2 * (f.severity == "moderate"), 0.98))
    inside = _depth_from_wall(fields) - gap
    outer = on * (1 - step(inside, -0.12, 0.12))
    line = on * np.exp(-((inside / 0.11) ** 2)) * step(gap, 0.25, 0.7)
    room = np.clip(fields.air * 0.3, 0, 1)
    fields.vessels = (fields.vessels * (1 - outer)).astype(np.float32)
    fields.texture = fields.texture * (1 - outer).astype(np.float32)
    dense = min(max(0.022 * (width - 2.2), 0.0), 0.15)
    lung = on * (1 - outer)
    fields.density = (fields.density * (1 - 0.97 * outer) + dense * lung).astype(np.float32)
    fields.soft += (0.85 * line * room).astype(np.float32)
    if f.severity == "large":
        # The sulcus deepens as the hemithorax fills with air.
        below = step(frame.y - fields.dome, 0, 0.5) * outer
        fields.air = (fields.air * (1 + 0.35 * below)).astype(np.float32)


def thickening(fields: Fields, f: SimulatedFinding) -> None:
    """An uneven band along the lateral wall, thicker at the base or apex, sometimes calcified."""
    rng = np.random.default_rng(f.seed)
    frame, scene = fields.frame, fields.scene
    on = _side(fields, f)
    wave = sum(rng.uniform(0.1, 0.25) * np.sin(frame.y * w + rng.uniform(0, 6)) for w in (0.6, 1.1, 1.9))
    run = (frame.y + scene.anatomy.apex) / (scene.floor + scene.anatomy.apex)
    top = rng.uniform(0.02, 0.3)
    extent = step(run, top, top + 0.1) * (1 - step(run, 0.97, 1.05))
    thick = (0.75 + 0.75 * f.extent) * (1 + wave) * extent
    inside = _depth_from_wall(fields)
    band = on * (1 - step(inside - thick, -0.2, 0.22)) * (thick > 0.15) * step(inside, -0.6, -0.1)
    band = band * step(frame.ax, 3.2, 5.0)
    fields.soft += ((2.1 + 0.9 * f.extent) * band).astype(np.float32)
    fields.vessels = (fields.vessels * (1 - band)).astype(np.float32)
    # Blunts the angle as well.
    side = 0 if f.side == "right" else 1
    floor = scene.dome[side] + scene.sulcus[side]
    corner = (
        on * np.exp(-((np.clip(fields.wall - frame.ax, 0, None) / 1.7) ** 2)) * step(frame.y, floor - 3.2, floor - 0.6)
    )
    fields.air = (fields.air * (1 - 0.9 * corner)).astype(np.float32)
    if rng.random() < 0.4:
        plaque = np.sin(frame.y * 2.3 + rng.uniform(0, 6)) * np.sin(frame.ax * 3.1 + frame.y * 1.1 + rng.uniform(0, 6))
        fields.bone += (0.55 * band * step(plaque, 0.1, 0.5)).astype(np.float32)


def apical_scarring(fields: Fields, f: SimulatedFinding) -> None:
    """A ragged dense cap over one apex with strands towards the hilum."""
    rng = np.random.default_rng(f.seed)
    frame, scene = fields.frame, fields.scene
    on = _side(fields, f)
    sign = SIGN[f.side or "right"]
    wave = sum(rng.uniform(0.15, 0.4) * np.sin(frame.ax * w + rng.uniform(0, 6)) for w in (0.9, 1.7, 3.1))
    depth = np.clip((1.3 + 1.0 * f.extent) * (1 + wave), 0.3, None)
    inside = _depth_from_wall(fields)
    upper = 1 - step(frame.y, -scene.anatomy.apex + 3.6, -scene.anatomy.apex + 6.5)
    cap = on * (1 - step(inside - depth, -0.35, 0.45)) * upper * step(inside, -0.5, 0.0) * step(frame.ax, 1.6, 2.6)
    fields.soft += ((3.0 + 0.8 * f.extent) * cap).astype(np.float32)
    fields.vessels = (fields.vessels * (1 - cap)).astype(np.float32)
    ink = frame.ink()
    top = -scene.anatomy.apex
    for _ in range(int(9 + 7 * f.extent)):
        y0 = top + rng.uniform(0.8, 3.0)
        edge = scene.wall_at(y0)
        x0 = sign * rng.uniform(2.8, max(3.4, edge - 0.4))
        angle = rng.normal(0.2, 0.6)
        length = rng.uniform(1.6, 4.2)
        bend = rng.normal(0, 0.4)
        points = [
            (x0, y0),
            (x0 - sign * length * 0.5 * np.sin(angle + bend), y0 + length * 0.5 * np.cos(angle + bend)),
            (x0 - sign * length * np.sin(angle), y0 + length * np.cos(angle)),
        ]
        ink.line(points, rng.uniform(0.12, 0.32), rng.uniform(1.3, 2.2))
    fields.soft += ink.done() * np.clip(fields.air * 0.4, 0.05, 1)
    if rng.random() < 0.5:
        ink = frame.ink()
        for _ in range(4):
            ink.disc(sign * rng.uniform(3.2, 6.0), top + rng.uniform(1.2, 4.0), rng.uniform(0.12, 0.25), 0.7)
        fields.bone += ink.done()
