"""Soft tissue and air of the healthy chest as thickness maps, centimetres along the beam."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.ndimage import gaussian_filter, zoom

from saerad_core.demo.geometry import Array, Frame, dome_profile, ellipsoid, smooth_max, smooth_min, step
from saerad_core.demo.scene import Scene

MU_SOFT, MU_BONE, MU_METAL = 0.2, 0.34, 2.6
"""Attenuation a centimetre: soft tissue, bone in excess of it, metal."""


@dataclass
class Fields:
    """Thickness maps [size, size]; findings change them in place or replace them."""

    frame: Frame
    scene: Scene
    wall: Array
    """Inner half-width of the thorax, [size, 1]."""
    dome: Array
    """y of the diaphragm's outline at each pixel's x."""
    body: Array
    """Soft tissue as if there were no air."""
    air: Array
    """Depth of lung."""
    density: Array
    """Share of tissue in the lung."""
    vessels: Array
    """Depth of vessel, before it is limited to the lung."""
    gas: Array
    """Airway and bowel gas."""
    soft: Array
    """Soft tissue added by findings."""
    bone: Array
    metal: Array
    texture: Array
    """Fine lung markings, standard normal where lung is."""
    rib_shift: Array | float = 0.0
    """Local displacement of rib phases by fractures."""
    rib_gap: Array | float = 1.0
    """Share of rib left by fractures."""
    notes: dict[str, float] = field(default_factory=dict)

    def line_integral(self) -> Array:
        """Attenuation along every ray."""
        room = np.clip(self.air * 0.3, 0, 1)
        share = np.clip(self.density, 0, 0.98)
        lung = self.air * (1 - share)
        rich = (1 - share) * room
        soft = self.body - lung + self.vessels * rich + self.soft - self.gas
        soft = soft + self.texture * rich * (0.02 * self.air)
        soft = np.clip(soft, 0, None)
        return MU_SOFT * soft + MU_BONE * self.bone + MU_METAL * self.metal


def soft_chest(frame: Frame, scene: Scene) -> Fields:
    """Body, lungs, heart, great vessels, airways and bowel gas of a scene."""
    wall = scene.wall(frame.y).astype(np.float32)
    dome = scene.dome_line(frame)
    body = _body(frame, scene, wall)
    air, heart = _lungs(frame, scene, wall, dome)
    zero = np.zeros((frame.size, frame.size), np.float32)
    gas = _airways(frame, scene) + _bowel(frame, scene, dome)
    return Fields(
        frame=frame,
        scene=scene,
        wall=wall,
        dome=dome,
        body=body + heart,
        air=air,
        density=np.full_like(zero, scene.density),
        vessels=zero.copy(),
        gas=gas,
        soft=zero.copy(),
        bone=zero.copy(),
        metal=zero.copy(),
        texture=zero,
    )


def _body(frame: Frame, scene: Scene, wall: Array) -> Array:
    a, y, ax = scene.anatomy, frame.y, frame.ax
    flesh = 2.7 + 0.9 * a.habitus + 0.5 * a.breast
    outer = np.maximum(wall, 0.55 * scene.half_width) + flesh + 0.6 * step(y, 8, 20) * max(a.habitus, 0)
    depth = a.depth * np.interp(y, [-24, -14, -10, -6, 1, 12, 20], [0.5, 0.54, 0.64, 0.82, 1.0, 1.04, 1.08]).astype(
        np.float32
    )
    r2 = (ax / outer) ** 2
    trunk = depth * np.sqrt(np.clip(1 - r2 * (0.5 + 0.5 * r2), 0, None))
    neck = 11.5 * np.sqrt(np.clip(1 - (ax / (a.neck + 0.25 * np.clip(y + 16, 0, 8))) ** 2, 0, None))
    rise = -6.6 - a.clavicle_rise - scene.technique.lordosis * 0.5
    acromion = rise - 1.9 - 0.5 * max(a.habitus, 0)
    root = acromion - a.shoulder_slope - 0.6 * max(a.habitus, 0)
    t = np.clip((ax - a.neck * 0.8) / (a.shoulder_width - 3.0 - a.neck * 0.8), 0, 1)
    top = root + (acromion - root) * (1 - (1 - t) ** 1.7)
    over = np.clip((ax - a.shoulder_width + 5.0) / 5.2, 0, 1)
    top = top + 5.5 * (1 - np.sqrt(1 - np.minimum(over, 0.999) ** 2))
    fold = 3.0 - 0.5 * np.clip(ax - outer, 0, None)
    shoulder = 12.5 * dome_profile((y - top) * (1 / 5.5)) * dome_profile((fold - y) * (1 / 6.0))
    shoulder = shoulder * dome_profile((a.shoulder_width - ax) * (1 / 4.5))
    spread = 0.62 if scene.technique.view == "PA" else 0.2
    arm_axis = a.shoulder_width - 4.1 + spread * np.clip(y + 8, 0, None)
    half = 3.9 + 0.5 * a.habitus
    arm = 9.5 * np.sqrt(np.clip(1 - ((ax - arm_axis) / half) ** 2, 0, None)) * step(y, -12, -8)
    body = smooth_max(trunk * dome_profile((y - top) * (1 / 5.0)), shoulder, 3.0)
    body = smooth_max(body, arm, 1.5)
    body = smooth_max(body, neck, 3.0)
    pectoral = 1.4 * step(ax, 3.0, 8.0) * (1 - step(ax, 11.0, 16.5)) * (1 - step(y, -1.0, 6.5)) * step(y, -11, -6)
    body = body + pectoral * (1.25 if a.sex == "M" else 0.7)
    if a.breast:
        body = body + _breasts(frame, scene)
    return body.astype(np.float32)


def _breasts(frame: Frame, scene: Scene) -> Array:
    a = scene.anatomy
    size = a.breast
    x0 = 0.64 * scene.half_width
    drop = 7.0 + 2.6 * size + (1.5 if not scene.technique.supine else -1.0)
    spread = 1.25 if scene.technique.supine else 1.0
    dx = (frame.ax - x0 * (1.12 if scene.technique.supine else 1.0)) / (4.7 + 1.9 * size)
    dy = (frame.y - drop) / (3.6 + 1.9 * size)
    # A teardrop: long faint upper slope, rounder and sharper lower edge.
    dy = np.where(dy < 0, dy * 0.52, dy)
    inside = np.clip(1 - dx * dx - dy * dy, 0, None)
    return (1.8 + 2.0 * size) / spread * inside**0.85


def _lungs(frame: Frame, scene: Scene, wall: Array, dome: Array) -> tuple[Array, Array]:
    """Depth of lung, and how much the heart adds to the body's own depth (a little, in front of the abdomen)."""
    a, y, x, ax = scene.anatomy, frame.y, frame.x, frame.ax
    mag = scene.technique.magnification
    depth = a.depth + scene.depth_gain - 5.4 - 0.5 * a.habitus
    r2 = np.clip((ax / wall) ** 2, 0, 1)
    cavity = depth * np.sqrt(1 - r2 * (0.62 + 0.38 * r2))
    top = scene.apex_line(ax)
    cavity = cavity * dome_profile((y - top) * (1 / 12.5))

    right, left = scene.edges(frame.y[:, 0])
    right, left = right[:, None].astype(np.float32), left[:, None].astype(np.float32)
    inside = smooth_min(x + right, left - x, 1.0)
    grade = step(y, scene.heart_top - 1.5, scene.heart_top + 3.5)
    reach = 3.0 + 1.9 * grade + 0.9 * (1 - step(y, -9.0, -4.0))
    thick = (6.4 + 1.2 * step(y, -7.0, -1.0) + 4.6 * grade + 0.12 * (scene.heart - 13) * grade) * mag
    central = thick * dome_profile(inside / reach)
    knob_x = (1.35 + 0.75 * a.unfolding) * mag + 0.5 * scene.heart_shift
    knob = 2.2 * ellipsoid(x, y, (knob_x, -2.6 - 0.5 * a.unfolding), (a.knob * mag, a.knob * mag))
    edge = np.interp(frame.y[:, 0], [-3, 0, 6, 12, 20], [2.5, 2.6, 2.2, 1.5, 0.8]).astype(np.float32)[:, None]
    edge = edge + 0.9 * a.unfolding * np.exp(-(((y - 5) / 6) ** 2)) + 0.4 * scene.heart_shift
    aorta = 2.6 * dome_profile((edge - x) * (1 / 1.5)) * dome_profile((x + 1.0) / 2.0) * step(y, -3.5, -1.0)
    midline = (6.8 + 2.8 * step(y, -7.0, -1.0) - 3.4 * step(y, -1.0, 5.0)) / (
        1 + (ax / (2.1 + 0.8 * step(y, -1.0, 6.0))) ** 4
    )
    spare = smooth_max(cavity - central - midline - knob - aorta, np.zeros_like(cavity), 0.8)
    spare = np.where(cavity > 0.01, spare - np.float32(0.16) * (spare < 0.2), 0)
    spare = np.clip(spare, 0, cavity)

    below = np.clip((y - dome) * (1 / 4.4), 0, 1)
    lung = spare * (1 - np.sqrt(below)) * np.where(below > 0, 0.62, 1.0)
    soften = np.clip((y - dome + 0.25) * 4, 0, 1)
    lung = lung * (1 - soften) + spare * (1 - np.sqrt(below)) * 0.62 * soften
    return lung.astype(np.float32), np.float32(0.06) * central.astype(np.float32)


def _airways(frame: Frame, scene: Scene) -> Array:
    a, x, y = scene.anatomy, frame.x, frame.y
    run = np.clip((y + 20) / 20, 0, 1)
    centre = scene.trachea * run**1.5
    half = 0.98 if a.sex == "M" else 0.84
    trachea = (
        2.2 * np.sqrt(np.clip(1 - ((x - centre) / half) ** 2, 0, None)) * (1 - step(y, -0.3, 0.5)) * step(y, -21, -16)
    )
    gas = trachea
    for sign, slope, length, side in ((-1, 0.98, 2.6, 0), (1, 0.62, 4.0, 1)):
        along = (x - scene.trachea) * sign
        slant = slope + 0.12 * (scene.hilum[side] - (1.9, 0.8)[side])
        off = (y - 0.1 - slant * along) / np.hypot(1, slant)
        tube = 1.7 * np.sqrt(np.clip(1 - (off / 0.64) ** 2, 0, None))
        gas = np.maximum(gas, tube * step(along, -0.4, 0.3) * (1 - step(along, length - 1.2, length)))
    return gas.astype(np.float32)


def _bowel(frame: Frame, scene: Scene, dome: Array) -> Array:
    a, x, y = scene.anatomy, frame.x, frame.y
    gas = np.zeros((frame.size, frame.size), np.float32)
    rng = np.random.default_rng(a.seed + 11)
    size, turn = a.gastric_gas, float(rng.uniform(-0.5, 0.2))
    cx, cy = 0.5 * scene.half_width + rng.uniform(-1.2, 0.8), scene.dome[1] + 1.6 + 1.3 * size
    if size > 0.08:
        bubble = 5.5 * size**0.7 * ellipsoid(x, y, (cx, cy), (1.5 + 1.9 * size, 1.0 + 1.2 * size), turn)
        if not scene.technique.supine:
            bubble = bubble * (1 - 0.85 * step(y, cy + 0.35, cy + 0.75))
        gas += bubble
    if a.colon_gas:
        for k in range(3):
            centre = (0.66 * scene.half_width + 1.3 * k - 0.5, scene.dome[1] + 2.6 + 1.9 * k * rng.uniform(0.4, 1))
            gas = np.maximum(gas, 3.2 * a.colon_gas * ellipsoid(x, y, centre, (1.9, 1.3), float(rng.uniform(-1, 1))))
    return gas * step(y - dome, 0.35, 0.9)


def lung_texture(frame: Frame, seed: int, strength: float) -> Array:
    """Fine markings of several scales, about zero mean; the same picture at any film size."""
    rng = np.random.default_rng(seed)
    fine = gaussian_filter(rng.standard_normal((256, 256), dtype=np.float32), 0.8, truncate=2.5) * 2.6
    coarse = zoom(rng.standard_normal((64, 64), dtype=np.float32), 4, order=1)
    texture = np.asarray((0.75 * fine + 0.7 * coarse) * strength, dtype=np.float32)
    if frame.size != 256:
        return np.asarray(zoom(texture, frame.size / 256, order=1), dtype=np.float32)
    return texture
