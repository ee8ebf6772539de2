"""What belongs to a simulated patient (anatomy) and to one exposure (technique), before any finding."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Anatomy:
    """A patient's chest without disease. Lengths are centimetres in the patient, the carina is the origin."""

    sex: str
    """F or M."""
    age: int
    """Years."""
    habitus: float
    """Body build: -1.5 thin, 0 average, 2.5 very large."""
    half_width: float
    """Largest inner half-width of the thorax."""
    apex: float
    """How far the lung's top lies above the carina."""
    depth: float
    """Front-to-back thickness of the trunk."""
    dome: float
    """How far the right dome lies below the carina at full inspiration."""
    dome_gap: float
    """How much lower the left dome lies than the right."""
    sulcus: float
    """How far the costophrenic angle lies below its dome."""
    taper: float
    """How quickly the lungs widen below the apex; larger is more barrel-shaped."""
    heart_ratio: float
    """Cardiothoracic ratio on an upright PA film, .40 to .49."""
    heart_axis: float
    """Tilt of the heart in degrees; larger is more vertical."""
    unfolding: float
    """Elongation of the aorta, 0 to 1."""
    knob: float
    """Radius of the aortic knob."""
    knob_calcified: float
    """Calcium in the wall of the arch, 0 to 1."""
    trachea_shift: float
    """Of the lower trachea to the patient's right."""
    rib_drop: float
    """How far a middle rib falls from spine to its front end."""
    rib_spacing: float
    """Between neighbouring posterior ribs."""
    rib_phase: float
    """Where the first rib starts, 0 to 1 of a spacing."""
    rib_height: float
    """Of one rib in the picture."""
    bone: float
    """Bone density; 1 is that of a young adult."""
    cartilage: float
    """Calcification of the costal cartilages, 0 to 1."""
    clavicle_rise: float
    """How far the clavicle rises towards the shoulder."""
    shoulder_slope: float
    """How far the shoulder's contour falls from the neck to the acromion."""
    shoulder_width: float
    """From the midline to the outer edge of the deltoid."""
    neck: float
    """Half-width of the neck."""
    breast: float
    """Size of the breasts, 0 to 1.5; 0 in men."""
    gastric_gas: float
    """Size of the gastric bubble, 0 to 1."""
    colon_gas: float
    """Gas in the splenic flexure, 0 to 1."""
    vessel: float
    """Calibre of the lung vessels; 1 is average."""
    texture: float
    """Strength of the fine lung markings; 1 is average."""
    seed: int
    """Of the vessel tree, lung texture and bone irregularities."""


@dataclass(frozen=True)
class Technique:
    """How one radiograph was taken and printed."""

    view: str
    """PA or AP."""
    supine: bool
    """Lying instead of upright; AP only."""
    rotation: float
    """Degrees; positive turns the front of the chest to the patient's left."""
    inspiration: float
    """1 is a full breath, 0 a very shallow one."""
    lean: float
    """Sideways lean of the patient, tangent of the angle."""
    lordosis: float
    """How far the clavicles are projected upwards, cm."""
    magnification: float
    """Of the heart and mediastinum against the thorax."""
    scapulae: float
    """How far the shoulder blades overlap the lungs, 0 to 1."""
    zoom: float
    """1 fills the film; smaller shows more around the chest."""
    shift_x: float
    """Of the patient on the film, cm."""
    shift_y: float
    """Of the patient on the film, cm."""
    brightness: float
    """Grey level of mid lung, 0 to 1."""
    contrast: float
    """1 is average; smaller is flatter."""
    scatter: float
    """Scattered share of the transmitted beam."""
    blur: float
    """Detector blur, cm."""
    noise: float
    """Relative noise at a transmission of one in e^3."""
    edge: float
    """Strength of the edge enhancement."""
    collimation: tuple[float, float, float, float]
    """Unexposed border as a share of the film: left, right, top, bottom of the picture."""
    marker: str
    """L or R."""
    marker_x: float
    """Horizontal place of the marker on its side, 0 (edge) to 1."""
    marker_y: float
    """Vertical place, 0 (top) to 1."""
    marker_turn: float
    """Degrees."""
    label: str
    """A second label such as PORTABLE, or ""."""


def _clipped(rng: np.random.Generator, mean: float, sd: float, low: float, high: float) -> float:
    return float(np.clip(rng.normal(mean, sd), low, high))


def sample_anatomy(rng: np.random.Generator, sex: str, age: int) -> Anatomy:
    """Draw a patient without disease.

    Args:
        rng: source of chance.
        sex: F or M.
        age: years.
    """
    female = sex == "F"
    old = float(np.clip((age - 45) / 40, 0, 1))
    habitus = _clipped(rng, 0.2, 0.75, -1.4, 2.3)
    half_width = _clipped(rng, 12.5 if female else 14.0, 0.65, 10.8, 15.8)
    height = _clipped(rng, 1.0, 0.06, 0.86, 1.14) * (0.93 if female else 1.0)
    return Anatomy(
        sex=sex,
        age=age,
        habitus=habitus,
        half_width=half_width,
        apex=11.0 * height,
        depth=20.5 + 2.6 * habitus + (0.0 if female else 1.2),
        dome=13.6 * height + 0.3 * rng.normal(),
        dome_gap=_clipped(rng, 1.3, 0.6, 0.0, 2.8),
        sulcus=_clipped(rng, 5.0, 0.7, 3.6, 6.6),
        taper=_clipped(rng, 1.08, 0.11, 0.86, 1.4),
        heart_ratio=_clipped(rng, 0.43 + 0.025 * old + 0.008 * habitus, 0.02, 0.40, 0.49),
        heart_axis=_clipped(rng, 42 - 5 * habitus, 6, 26, 58),
        unfolding=_clipped(rng, 0.12 + 0.65 * old, 0.15, 0.0, 1.0),
        knob=_clipped(rng, 1.55 + 0.35 * old, 0.15, 1.25, 2.3),
        knob_calcified=float(rng.uniform(0.4, 1.0)) if rng.random() < 0.5 * old else 0.0,
        trachea_shift=_clipped(rng, 0.25 + 0.35 * old, 0.2, -0.2, 1.1),
        rib_drop=_clipped(rng, 9.0, 1.5, 5.5, 12.5),
        rib_spacing=_clipped(rng, 2.62 * height, 0.12, 2.2, 3.1),
        rib_phase=float(rng.random()),
        rib_height=_clipped(rng, 1.22 if female else 1.38, 0.1, 1.0, 1.65),
        bone=_clipped(rng, 1.0 - (0.35 if female else 0.2) * old, 0.09, 0.55, 1.2),
        cartilage=float(rng.uniform(0, 1)) * old,
        clavicle_rise=_clipped(rng, 2.6, 1.0, 0.4, 5.0),
        shoulder_slope=_clipped(rng, 3.6, 0.9, 1.8, 5.6),
        shoulder_width=(19.2 if female else 21.4) + 1.1 * habitus + 0.6 * rng.normal(),
        neck=_clipped(rng, 5.2 if female else 6.1, 0.4, 4.4, 7.4) + 0.35 * habitus,
        breast=_clipped(rng, 0.7 + 0.2 * habitus, 0.28, 0.15, 1.5) if female and age > 13 else 0.0,
        gastric_gas=_clipped(rng, 0.45, 0.3, 0.0, 1.0),
        colon_gas=float(rng.uniform(0.2, 1.0)) if rng.random() < 0.35 else 0.0,
        vessel=_clipped(rng, 1.0, 0.12, 0.75, 1.3),
        texture=_clipped(rng, 1.0 + 0.3 * old, 0.2, 0.6, 1.7),
        seed=int(rng.integers(2**31)),
    )


def sample_technique(rng: np.random.Generator, view: str) -> Technique:
    """Draw how a radiograph was taken.

    AP films magnify the heart and mediastinum, catch a shallower breath, often lie the patient down and leave the
    shoulder blades over the lungs.

    Args:
        rng: source of chance.
        view: PA or AP.
    """
    ap = view == "AP"
    marker = str(rng.choice(["L", "R"], p=[0.65, 0.35]))
    border = np.clip(rng.normal(-0.01, 0.03, 4), 0, 0.08) if rng.random() < 0.6 else np.zeros(4)
    supine = bool(ap and rng.random() < 0.5)
    return Technique(
        view=view,
        supine=supine,
        rotation=_clipped(rng, 0.0, 4.0 if ap else 1.8, -9, 9),
        inspiration=_clipped(rng, 0.52 if ap else 0.86, 0.17 if ap else 0.1, 0.1, 1.0),
        lean=_clipped(rng, 0.0, 0.03 if ap else 0.013, -0.08, 0.08),
        lordosis=_clipped(rng, 1.6 if ap else 0.0, 1.0 if ap else 0.6, -1.2, 4.0),
        magnification=_clipped(rng, 1.11, 0.025, 1.06, 1.17) if ap else _clipped(rng, 1.0, 0.008, 0.98, 1.02),
        scapulae=_clipped(rng, 0.65, 0.25, 0.1, 1.0) if ap else _clipped(rng, 0.12, 0.12, 0.0, 0.5),
        zoom=_clipped(rng, 0.97 if ap else 1.0, 0.06 if ap else 0.04, 0.82, 1.1),
        shift_x=_clipped(rng, 0.0, 1.1 if ap else 0.6, -2.4, 2.4),
        shift_y=_clipped(rng, 0.0, 1.2 if ap else 0.8, -2.4, 2.4),
        brightness=_clipped(rng, 0.41 if ap else 0.36, 0.05, 0.22, 0.54),
        contrast=_clipped(rng, 0.93 if ap else 1.0, 0.07, 0.75, 1.18),
        scatter=_clipped(rng, 0.42 if ap else 0.32, 0.05, 0.2, 0.55),
        blur=_clipped(rng, 0.055, 0.015, 0.03, 0.1),
        noise=_clipped(rng, 0.030 if ap else 0.020, 0.007, 0.008, 0.05),
        edge=_clipped(rng, 1.1, 0.3, 0.4, 2.0),
        collimation=(float(border[0]), float(border[1]), float(border[2]), float(border[3])),
        marker=marker,
        marker_x=_clipped(rng, 0.35, 0.2, 0.0, 1.0),
        marker_y=_clipped(rng, 0.25, 0.2, 0.0, 1.0),
        marker_turn=float(rng.normal(0, 4)) if rng.random() < 0.8 else float(rng.normal(0, 25)),
        label=str(rng.choice(["PORTABLE", "AP", "AP PORTABLE", ""])) if ap else "",
    )
