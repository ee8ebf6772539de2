"""Ribs, clavicles, scapulae, humeri, spine and sternum as bone thickness, centimetres along the beam."""

from __future__ import annotations

import numpy as np

from saerad_core.demo.chest import Fields
from saerad_core.demo.geometry import Array, Frame, dome_profile, segment, shell, step
from saerad_core.demo.scene import HEIGHTS, Scene


def rib_phase(frame: Frame, scene: Scene, wall: Array, front: bool) -> tuple[Array, Array]:
    """Phase of the ribs (a rib's middle lies at each whole number) and |x| as a share of the wall."""
    a = scene.anatomy
    drop = a.rib_drop * np.interp(frame.y[:, 0], [-12, -7, 0, 12, 22], [0.3, 0.62, 0.92, 1.05, 1.1])[:, None]
    drop = (drop * (1 - 0.12 * (scene.depth_gain > 0))).astype(np.float32)
    r = np.minimum(frame.ax / (wall + 0.35), 1)
    arc = np.sqrt(1 - r * r)
    if front:
        shape = 0.5 + 0.5 * arc
    else:
        shape = 0.5 * (0.62 * (1 - arc) + 0.38 * r * r)
        shape = shape - 0.05 * np.exp(-(((frame.ax - 4.0) / 2.5) ** 2))
    y = frame.y - drop * shape
    if scene.bend is not None:
        # Ribs crowd on the concave side and fan out on the convex one.
        turn = np.gradient(scene.bend, HEIGHTS)
        y = y - frame.x * np.interp(frame.y[:, 0], HEIGHTS, turn).astype(np.float32)[:, None] * 0.5
    spacing = scene.rib_spacing * (1 + 0.05 * (scene.depth_gain > 0))
    if front:
        spacing = spacing * 1.08
    return (y + a.apex) / spacing + a.rib_phase * 0.5, r


def add_ribs(fields: Fields) -> None:
    """Posterior and anterior ribs with bright cortex, thinner with age."""
    frame, scene = fields.frame, fields.scene
    a = scene.anatomy
    radius = 0.5 * a.rib_height
    wall = 0.17 * a.bone + 0.03
    beyond = 1 - step(frame.ax - fields.wall, 0.5, 1.1)
    for front in (False, True):
        phase, r = rib_phase(frame, scene, fields.wall, front)
        phase = phase + fields.rib_shift
        level = np.round(phase)
        off = (phase - level) * scene.rib_spacing
        steep = 1 + 0.9 * step(r, 0.6, 1.0)
        if front:
            # The front end flares, then turns to cartilage.
            size = radius * (1.08 + 0.18 * (1 - step(r, 0.4, 0.6)))
            last = 0.42 + 0.04 * np.clip(level, 0, 8)
            keep = step(r - last, 0.0, 0.06) * (level >= 1) * (level <= 7)
            tube = shell(off, size, wall * 0.8) * 0.6 + 0.1 * (np.abs(off) < size)
            if a.cartilage > 0.15:
                speck = np.sin(frame.x * 5.1 + level * 2.3) * np.sin(frame.y * 6.3 + level)
                keep = keep + a.cartilage * 0.5 * step(r - last + 0.2, 0.0, 0.1) * (speck > 0.1) * (keep < 0.5) * (
                    level <= 7
                )
        else:
            size = radius
            keep = (
                step(frame.ax, 1.2, 2.6) * (level >= 1) * (level <= 11) * (1 - 0.9 * (level > 10) * step(r, 0.4, 0.6))
            )
            tube = shell(off, size, wall) + 0.18 * dome_profile((size - np.abs(off)) * (1 / size))
        along = 1 / np.sqrt(1.06 - r * r * 0.82)
        fields.bone += (
            tube * keep * beyond * fields.rib_gap * np.minimum(along, 1.3) / np.sqrt(steep) * (0.98 * a.bone)
        ).astype(np.float32)


def add_shoulders(fields: Fields) -> None:
    """Clavicles, scapulae and humeral heads."""
    frame, scene = fields.frame, fields.scene
    a, t = scene.anatomy, scene.technique
    low = -5.9 - t.lordosis
    high = -6.6 - a.clavicle_rise - 0.5 * t.lordosis
    lateral = a.shoulder_width - 4.6
    tilt = 0.16 * t.rotation
    x, y = frame.x - tilt, frame.y
    ax = np.abs(x)
    s = np.clip((ax - 1.9) / (lateral - 1.9), 0, 1)
    # An S: convex forwards near the sternum, concave towards the shoulder.
    centre = low + (high - low) * (s**0.8) - 0.55 * np.sin(s * 2 * np.pi)
    radius = 0.68 + 0.22 * (1 - s) ** 3 + 0.05
    ends = step(ax, 1.6, 2.2) * (1 - step(ax, lateral - 0.3, lateral + 0.5))
    off = np.abs(y - centre) * 0.96
    tube = 2 * (
        np.sqrt(np.clip(radius**2 - off**2, 0, None)) - 0.72 * np.sqrt(np.clip((radius - 0.2) ** 2 - off**2, 0, None))
    )
    fields.bone += (1.3 * tube * ends * a.bone).astype(np.float32)

    # Scapula: a thin blade with a thick lateral border, its spine running out to the acromion.
    inset = 3.4 * t.scapulae
    ax = frame.ax
    top_in = (0.66 * scene.half_width + 2.0 - inset, -8.4)
    tip = (0.86 * scene.half_width + 2.0 - inset, 5.2)
    glenoid = (lateral - 0.9, -6.0)
    d_lat, s_lat = segment(ax, y, glenoid, tip)
    d_med, _ = segment(ax, y, top_in, tip)
    d_top, _ = segment(ax, y, top_in, glenoid)
    inside = _within(ax, y, (top_in, tip, glenoid))
    blade = 0.2 * inside + 0.85 * np.exp(-((d_lat / 0.42) ** 2)) * (1 - 0.35 * s_lat)
    blade = blade + 0.3 * np.exp(-((d_med / 0.2) ** 2)) + 0.22 * np.exp(-((d_top / 0.28) ** 2))
    d_spine, s_spine = segment(ax, y, (top_in[0] + 0.4, -5.6), (lateral + 0.5, high + 0.1))
    blade = blade + (0.25 + 0.5 * s_spine) * np.exp(-((d_spine / (0.3 + 0.35 * s_spine)) ** 2))
    head = (lateral + 1.3, -6.4)
    d = np.sqrt((ax - head[0]) ** 2 + (y - head[1]) ** 2)
    ball = 1.5 * np.sqrt(np.clip(1 - (d / 2.35) ** 2, 0, None)) + 0.5 * np.exp(-(((d - 2.25) / 0.18) ** 2))
    spread = 0.55 if t.view == "PA" else 0.15
    d_shaft, s_shaft = segment(ax, y, (head[0] + 0.5, head[1] + 1.2), (head[0] + 0.5 + spread * 18, head[1] + 19))
    shaft = shell(d_shaft, 1.15, 0.38) * step(s_shaft, 0.02, 0.12)
    fields.bone += ((blade + np.maximum(ball, shaft)) * a.bone).astype(np.float32)


def _within(x: Array, y: Array, corners: tuple[tuple[float, float], ...]) -> Array:
    """Soft indicator of a triangle."""
    inside = None
    n = len(corners)
    area = 0.0
    for i in range(n):
        (x0, y0), (x1, y1) = corners[i], corners[(i + 1) % n]
        area += x0 * y1 - x1 * y0
    sign = 1.0 if area > 0 else -1.0
    for i in range(n):
        (x0, y0), (x1, y1) = corners[i], corners[(i + 1) % n]
        length = float(np.hypot(x1 - x0, y1 - y0))
        d = sign * ((x1 - x0) * (y - y0) - (y1 - y0) * (x - x0)) / length
        inside = d if inside is None else np.minimum(inside, d)
    assert inside is not None
    return np.clip(inside * 4 + 0.5, 0, 1)


def add_spine(fields: Fields) -> None:
    """Vertebral bodies with end plates, disc gaps and pedicles, and a faint sternum."""
    frame, scene = fields.frame, fields.scene
    a, y = scene.anatomy, frame.y
    # The ribs' frame follows a part of the bend; the spine follows all of it.
    near = np.where((frame.ax < (9.0 if scene.bend is not None else 4.2)).any(axis=0))[0]
    columns = slice(int(near[0]), int(near[-1]) + 1)
    x = frame.x[:, columns] + 0.06 * scene.technique.rotation
    turn = 0.0
    if scene.bend is not None:
        x = x - np.interp(y[:, 0], HEIGHTS, 0.67 * scene.bend).astype(np.float32)[:, None]
        turn = np.interp(y[:, 0], HEIGHTS, np.gradient(scene.bend, HEIGHTS)).astype(np.float32)[:, None]
    half = (np.interp(y[:, 0], [-20, -8, 0, 20], [1.35, 1.5, 1.55, 2.15]) * (1.0 if a.sex == "M" else 0.9))[:, None]
    half = half.astype(np.float32)
    # Vertebrae grow downwards: the phase is the integral of one over their height.
    tall = np.interp(HEIGHTS, [-20, 0, 20], [1.75, 2.25, 2.95])
    count = np.concatenate([[0], np.cumsum(0.5 * (1 / tall[1:] + 1 / tall[:-1]) * np.diff(HEIGHTS))])
    level = np.interp(y[:, 0], HEIGHTS, count).astype(np.float32)[:, None] + a.rib_phase
    level = level + x * turn * 0.4
    f = np.abs(level - np.round(level)) * 2  # 0 mid body, 1 mid disc
    waist = half * (1 - 0.07 * (1 - f) + 0.04 * f)
    u = np.abs(x) / waist
    side = 1 - step(u, 0.82, 1.12)
    disc = step(f, 0.74, 0.86)
    plate = np.exp(-(((f - 0.7) / 0.08) ** 2))
    body = (0.62 - 0.45 * disc + 0.3 * plate) * (0.75 + 0.25 * np.sqrt(np.clip(1 - u * u, 0, None))) * side
    cortex = 0.28 * np.exp(-(((u - 0.95) / 0.09) ** 2)) * (1 - disc)
    px, py = (np.abs(x) - 0.62 * half) / 0.34, (level - np.round(level) + 0.14) * 2.2 / 0.48
    d = px * px + py * py
    pedicle = 0.42 * np.exp(-(((np.sqrt(d) - 0.9) / 0.32) ** 2))
    spike = 0.4 * np.exp(-((x / 0.26) ** 2)) * np.exp(-(((level - np.round(level) - 0.25) / 0.2) ** 2))
    across = 0.3 * np.exp(-(((level - np.round(level) + 0.14) / 0.12) ** 2)) * (1 - step(np.abs(x), 2.2, 3.2)) * (u > 1)
    strength = (
        np.interp(y[:, 0], [-20, -6, 4, 14, 24], [0.9, 0.5, 0.38, 0.45, 0.7]).astype(np.float32)[:, None] * a.bone
    )
    fields.bone[:, columns] += ((body + cortex + pedicle + spike + across) * strength).astype(np.float32)

    xs = frame.x[:, columns] - 0.16 * scene.technique.rotation
    manubrium = dome_profile((2.7 - np.abs(xs)) * 0.9) * step(
        y, -7.4 - scene.technique.lordosis, -6.6 - scene.technique.lordosis
    )
    manubrium = manubrium * (1 - step(y, -3.4, -2.4))
    fields.bone[:, columns] += (0.22 * a.bone * manubrium).astype(np.float32)


def add_calcified_knob(fields: Fields) -> None:
    """Calcium in the wall of the aortic arch."""
    scene, frame = fields.scene, fields.frame
    a, mag = scene.anatomy, scene.technique.magnification
    if a.knob_calcified <= 0:
        return
    cx, cy = (1.35 + 0.75 * a.unfolding) * mag + scene.heart_shift, -2.6 - 0.5 * a.unfolding
    dx, dy = frame.x - cx, frame.y - cy
    d = np.sqrt(dx * dx + dy * dy)
    angle = np.arctan2(dy, dx)
    arc = np.exp(-((angle + 0.4) ** 2) * 1.4)
    fields.bone += (1.3 * a.knob_calcified * arc * np.exp(-(((d - 0.9 * a.knob * mag) / 0.12) ** 2))).astype(np.float32)
