"""A scene: one patient's chest as it stands for one exposure, after findings have changed its shape."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from saerad_core.demo.anatomy import Anatomy, Technique
from saerad_core.demo.geometry import Array, Frame, step
from saerad_core.demo.study import SimulatedFinding

SIGN = {"right": -1.0, "left": 1.0}
HEIGHTS = np.linspace(-30, 30, 201)


@dataclass
class Scene:
    """Resolved shape. Lengths are centimetres; pairs are (right, left)."""

    anatomy: Anatomy
    technique: Technique
    film: float
    dome: list[float]
    """Height of each dome's top, y."""
    sulcus: list[float]
    """Depth of each costophrenic angle under its dome."""
    floor: float
    """y where the lungs would end without findings; fixes the wall's shape."""
    half_width: float
    heart: float
    """Width of the heart."""
    heart_shift: float
    """Of the heart and mediastinum to the patient's left."""
    widen: list[float]
    """Of the upper mediastinum."""
    hilum: list[float]
    """y of each hilum."""
    trachea: float
    """x of the lower trachea."""
    density: float
    """Share of tissue in aerated lung."""
    vessel: float
    rib_spacing: float
    depth_gain: float
    bend: Array | None
    """Of the spine to the patient's left at HEIGHTS."""
    _outline: tuple[Array, Array, Array] | None = None

    def wall(self, y: Array) -> Array:
        """Inner half-width of the thorax at heights ``y``."""
        t = (y + self.anatomy.apex) / (self.floor + self.anatomy.apex)
        upper = np.clip(1 - t / 0.8, 0, 1)
        lower = np.clip(t - 0.8, 0, 0.5)
        shape = np.sqrt(1 - upper ** (2.55 * self.anatomy.taper))
        return self.half_width * shape * (1 - 0.5 * lower * lower) + 1e-3

    def wall_at(self, y: float) -> float:
        """Inner half-width of the thorax at one height."""
        return float(self.wall(np.array([y]))[0])

    def apex_line(self, ax: Array) -> Array:
        """Height of the lungs' upper outline at distances ``ax`` from the midline."""
        return -self.anatomy.apex + 0.13 * np.clip(5.2 - ax, 0, None) ** 2

    def dome_line(self, frame: Frame) -> Array:
        """Height of the diaphragm's outline over every pixel's x, [size, size]."""
        edge = self.wall_at(self.floor)
        lines = []
        for side in (0, 1):
            peak = (0.46 if side == 0 else 0.5) * self.half_width
            ax = frame.x * (-1 if side == 0 else 1)
            out = np.clip((ax - peak) / (edge - peak + 0.15), 0, 1)
            inn = np.clip((peak - ax) / (peak + 2.5), 0, 1)
            lateral = self.sulcus[side] * (0.5 * out * out + 0.5 * (1 - np.sqrt(1 - out * out)))
            medial = 3.0 * inn * inn
            lines.append(self.dome[side] + lateral + medial)
        return np.where(frame.left, lines[1], lines[0]).astype(np.float32)

    def edges(self, y: Array) -> tuple[Array, Array]:
        """How far the cardiomediastinal outline reaches to the patient's right and left at heights ``y`` [N]."""
        if self._outline is None:
            self._outline = self._trace_outline()
        grid, right, left = self._outline
        return np.interp(y, grid, right), np.interp(y, grid, left)

    def _trace_outline(self) -> tuple[Array, Array, Array]:
        a, mag = self.anatomy, self.technique.magnification
        grid = np.linspace(-24, 26, 401)
        u = a.unfolding
        right = np.interp(
            grid, [-24, -13, -9.5, -6, -2, 1.5, 5, 30], [3.9, 3.1, 2.5, 2.6, 2.9, 2.85 + 0.7 * u, 2.6, 2.4]
        )
        left = np.interp(grid, [-24, -13, -9.5, -5, -2, 2, 30], [3.9, 3.2, 2.2, 2.2, 2.5, 2.7, 1.6])
        left = np.maximum(left, _bulge(grid, 1.55 + 0.75 * u, -2.6 - 0.5 * u, a.knob, a.knob))
        left = np.maximum(left, _bulge(grid, 0.2, 3.6, 3.35, 4.4))
        right = np.maximum(right, _bulge(grid, 2.3, -1.3, 0.85, 0.8))
        rng = np.random.default_rng(a.seed + 5)
        for edge in (right, left):
            edge += 0.22 * np.sin(grid * rng.uniform(0.2, 0.45) + rng.uniform(0, 6)) + rng.normal(0, 0.15)
        wide = np.exp(-(((grid + 3.2) / 4.8) ** 2))
        right = (right + self.widen[0] * wide) * mag
        left = (left + self.widen[1] * wide) * mag
        width, axis = self.heart, np.radians(a.heart_axis)
        p, q = 0.585 * width, 0.395 * width
        reach = np.hypot(p * np.cos(axis), q * np.sin(axis))
        tall = np.hypot(p * np.sin(axis), q * np.cos(axis))
        low = 0.5 * (self.dome[0] + self.dome[1]) + 2.6
        cy = max(low - 0.95 * tall, 1.6 + 0.55 * tall)
        cx = 0.655 * width - reach
        lv_left, lv_right = _turned(grid, cx, cy, p, q, axis)
        # Below its widest point the heart rests on the diaphragm: fat fills the corner instead of a rounded underside.
        apex = int(np.argmax(lv_left))
        lv_left[apex:] = np.maximum(lv_left[apex:], lv_left[apex] - 0.05 * (grid[apex:] - grid[apex]) ** 2)
        left = np.maximum(left, lv_left)
        right = np.maximum(right, -lv_right)
        right = np.maximum(right, _bulge(grid, 0.105 * width, cy + 0.02 * width, 0.24 * width, 0.36 * width))
        right, left = gaussian_filter1d(right, 3.6), gaussian_filter1d(left, 3.6)
        # The ratio that was asked for holds exactly, whatever the smoothing did.
        below = grid > 2
        factor = width / (right[below].max() + left[below].max())
        scale = 1 + (factor - 1) * step(grid, 0.0, 4.0)
        return grid, right * scale - self.heart_shift, left * scale + self.heart_shift

    @property
    def heart_top(self) -> float:
        """y where the great vessels give way to the heart."""
        return 3.0

    def zone(self, place: str) -> tuple[float, float]:
        """First and last y of an upper, mid or lower zone of the lungs."""
        top, bottom = -self.anatomy.apex + 1.5, 0.5 * (self.dome[0] + self.dome[1]) + 0.5
        third = (bottom - top) / 3
        index = {"upper": 0, "mid": 1, "lower": 2}.get(place.split(" ")[0], 1)
        return top + index * third, top + (index + 1) * third

    def frame(self, size: int) -> Frame:
        """The film's grid in the patient's coordinates."""
        t = self.technique
        centre = (-t.shift_x, 0.5 * (self.floor - self.anatomy.apex) + 0.3 - t.shift_y)
        bend = None if self.bend is None else 0.33 * self.bend
        return Frame(size, self.film, centre, t.lean, bend)


def _bulge(grid: Array, cx: float, cy: float, rx: float, ry: float) -> Array:
    return np.where(np.abs(grid - cy) < ry, cx + rx * np.sqrt(np.clip(1 - ((grid - cy) / ry) ** 2, 0, 1)), -9.0)


def _turned(grid: Array, cx: float, cy: float, p: float, q: float, axis: float) -> tuple[Array, Array]:
    """Left and right border of an ellipse whose long axis points down to the left of the patient."""
    dy = grid - cy
    c, s = np.cos(axis), np.sin(axis)
    aa = (c / p) ** 2 + (s / q) ** 2
    bb = 2 * dy * c * s * (1 / p**2 - 1 / q**2)
    cc = dy**2 * ((s / p) ** 2 + (c / q) ** 2) - 1
    disc = bb * bb - 4 * aa * cc
    root = np.sqrt(np.clip(disc, 0, None))
    inside = disc > 0
    return (
        np.where(inside, cx + (-bb + root) / (2 * aa), -9.0),
        np.where(inside, cx + (-bb - root) / (2 * aa), 9.0),
    )


def graded(finding: SimulatedFinding, ranges: dict[str, tuple[float, float]]) -> float:
    """The quantity of a finding: its severity's range, at its extent; the whole range where it has no severity."""
    if finding.severity in ranges:
        low, high = ranges[finding.severity]
    else:
        low, high = min(r[0] for r in ranges.values()), max(r[1] for r in ranges.values())
    return low + (high - low) * finding.extent


def build_scene(anatomy: Anatomy, technique: Technique, findings: Sequence[SimulatedFinding]) -> Scene:
    """Resolve the chest's shape: the patient, the breath taken, then every finding that changes a shape."""
    a, t = anatomy, technique
    lift = 3.8 * (1 - t.inspiration)
    dome_right = a.dome + 0.6 - lift
    sulcus = a.sulcus - 0.5 * lift * 0.4
    ratio = a.heart_ratio * t.magnification * (1 + 0.05 * (1 - t.inspiration))
    film = float(np.clip(2 * a.half_width / 0.715, 33.5, 43.0)) / t.zoom
    floor = a.dome + 0.6 - 0.55 * lift + a.sulcus
    scene = Scene(
        anatomy=a,
        technique=t,
        film=film,
        dome=[dome_right, dome_right + a.dome_gap],
        sulcus=[sulcus, sulcus - 0.35 * a.dome_gap],
        floor=floor,
        half_width=a.half_width * (1 - 0.025 * (1 - t.inspiration)),
        heart=0.0,
        heart_shift=0.09 * t.rotation,
        widen=[0.35 * t.supine + 0.05 * t.rotation * -1, 0.35 * t.supine + 0.05 * t.rotation],
        hilum=[1.9, 0.8],
        trachea=-a.trachea_shift + 0.07 * t.rotation,
        density=0.24 + 0.08 * (1 - t.inspiration),
        vessel=a.vessel * (1.0 + 0.12 * t.supine),
        rib_spacing=a.rib_spacing,
        depth_gain=0.0,
        bend=None,
    )
    for finding in findings:
        if finding.finding in _SHAPES:
            ratio = _SHAPES[finding.finding](scene, finding, ratio)
    scene.heart = ratio * 2 * scene.half_width
    return scene


def _cardiomegaly(scene: Scene, f: SimulatedFinding, ratio: float) -> float:
    target = graded(f, {"mild": (0.53, 0.57), "moderate": (0.58, 0.64), "severe": (0.65, 0.75)})
    return max(target * (1.03 if scene.technique.view == "AP" else 1.0), ratio + 0.04)


def _hyperinflation(scene: Scene, f: SimulatedFinding, ratio: float) -> float:
    drop = 2.0 + 1.6 * f.extent
    scene.dome = [d + drop + 3.0 * (1 - scene.technique.inspiration) for d in scene.dome]
    scene.sulcus = [max(1.3, s * (0.42 - 0.12 * f.extent)) for s in scene.sulcus]
    scene.floor = max(scene.dome[0] + scene.sulcus[0], scene.floor)
    scene.density *= 0.5 - 0.15 * f.extent
    scene.vessel *= 0.72
    scene.depth_gain += 1.6 + 1.2 * f.extent
    return ratio * (0.84 - 0.08 * f.extent)


def _raised(scene: Scene, f: SimulatedFinding, ratio: float) -> float:
    side = 0 if f.side == "right" else 1
    rise = 3.2 + 3.8 * f.extent + (scene.anatomy.dome_gap if side else 0.0)
    scene.dome[side] -= rise
    scene.sulcus[side] += 0.55 * rise
    return ratio


def _widened(scene: Scene, f: SimulatedFinding, ratio: float) -> float:
    rng = np.random.default_rng(f.seed)
    total, share = 3.4 + 3.0 * f.extent, rng.uniform(0.4, 0.6)
    scene.widen[0] += total * share
    scene.widen[1] += total * (1 - share)
    return ratio


def _scoliosis(scene: Scene, f: SimulatedFinding, ratio: float) -> float:
    size = graded(f, {"mild": (1.9, 2.6), "moderate": (2.8, 4.1), "severe": (4.2, 6.5)}) * SIGN[f.side or "right"]
    peak = np.random.default_rng(f.seed).uniform(1.0, 6.0)
    main = np.exp(-(((HEIGHTS - peak) / 7.5) ** 2))
    other = np.exp(-(((HEIGHTS - peak - 14.0) / 6.0) ** 2)) + 0.5 * np.exp(-(((HEIGHTS - peak + 14.0) / 5.0) ** 2))
    bend = size * (main - 0.45 * other)
    scene.bend = bend if scene.bend is None else scene.bend + bend
    return ratio


def _effusion(scene: Scene, f: SimulatedFinding, ratio: float) -> float:
    if f.severity == "large":
        _push(scene, -SIGN[f.side or "right"] * (0.6 + 0.9 * f.extent))
    return ratio


def _pneumothorax(scene: Scene, f: SimulatedFinding, ratio: float) -> float:
    side = 0 if f.side == "right" else 1
    if f.severity == "large":
        _push(scene, -SIGN[f.side or "right"] * (1.2 + 1.6 * f.extent))
        scene.dome[side] += 1.0 + f.extent
        scene.sulcus[side] += 0.5
    return ratio


def _collapse(scene: Scene, f: SimulatedFinding, ratio: float) -> float:
    side, sign = (0, -1.0) if f.side == "right" else (1, 1.0)
    upper = f.place == "upper lobe"
    scene.dome[side] -= (1.2 if upper else 1.6) + 0.8 * f.extent
    scene.hilum[side] += (-1.6 if upper else 1.4) * (0.8 + 0.5 * f.extent)
    if upper:
        scene.trachea += sign * (0.7 + 0.6 * f.extent)
    _push(scene, sign * (0.3 if upper else 0.8 + 0.7 * f.extent))
    return ratio


def _push(scene: Scene, shift: float) -> None:
    scene.heart_shift += shift
    scene.trachea += 0.6 * shift


_SHAPES = {
    "cardiomegaly": _cardiomegaly,
    "hyperinflation": _hyperinflation,
    "raised_hemidiaphragm": _raised,
    "widened_mediastinum": _widened,
    "scoliosis": _scoliosis,
    "pleural_effusion": _effusion,
    "pneumothorax": _pneumothorax,
    "lobar_collapse": _collapse,
}
