"""Which routine draws which finding, in a fixed order so that a finding's drawing never depends on the others' order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from saerad_core.demo import devices, opacities, pleura
from saerad_core.demo.bones import rib_phase
from saerad_core.demo.chest import Fields
from saerad_core.demo.geometry import Array, step
from saerad_core.demo.scene import graded
from saerad_core.demo.study import SimulatedFinding

_LUNG = {
    "interstitial_oedema": opacities.oedema,
    "hilar_enlargement": opacities.hilar_enlargement,
    "consolidation": opacities.consolidation,
    "lobar_collapse": opacities.collapse,
    "linear_atelectasis": opacities.linear_atelectasis,
    "nodule": opacities.nodule,
    "mass": opacities.mass,
    "multiple_nodules": opacities.multiple_nodules,
    "calcified_granuloma": opacities.granuloma,
    "apical_scarring": pleura.apical_scarring,
    "pleural_thickening": pleura.thickening,
    "hiatus_hernia": opacities.hiatus_hernia,
    "pneumothorax": pleura.pneumothorax,
    "pleural_effusion": pleura.effusion,
}
_DEVICES = {
    "pacemaker": devices.pacemaker,
    "central_line": devices.central_line,
    "endotracheal_tube": devices.endotracheal_tube,
    "nasogastric_tube": devices.nasogastric_tube,
    "sternal_wires": devices.sternal_wires,
}


def vessel_change(findings: Sequence[SimulatedFinding]) -> tuple[float, float]:
    """Calibre of upper-zone vessels and of all vessels, against the patient's own."""
    upper = gain = 1.0
    for f in findings:
        if f.finding == "interstitial_oedema":
            grade = graded(f, {"mild": (0.25, 0.45), "moderate": (0.5, 0.75), "severe": (0.8, 1.0)})
            upper, gain = max(upper, 1.25 + 0.5 * grade), max(gain, 1.1 + 0.2 * grade)
    return upper, gain


def before_bones(fields: Fields, findings: Sequence[SimulatedFinding]) -> None:
    """Draw what lies in lung and pleura, and break ribs before they are drawn."""
    for key, draw in _LUNG.items():
        for finding in findings:
            if finding.finding == key:
                draw(fields, finding)
    for finding in findings:
        if finding.finding == "rib_fracture":
            _break_ribs(fields, finding)


def after_bones(fields: Fields, findings: Sequence[SimulatedFinding]) -> None:
    """Draw lines, tubes and implants."""
    for key, draw in _DEVICES.items():
        for finding in findings:
            if finding.finding == key:
                draw(fields, finding)


def _break_ribs(fields: Fields, f: SimulatedFinding) -> None:
    """Displace the outer piece of two to four neighbouring ribs, leave a gap and lay callus about it."""
    rng = np.random.default_rng(f.seed)
    frame, scene = fields.frame, fields.scene
    count = 2 + round(2 * f.extent)
    low, high = scene.zone(f.place)
    phase, r = rib_phase(frame, scene, fields.wall, False)
    place = float(rng.uniform(0.66, 0.82))
    here = (np.abs(r - place) < 0.02) & ((frame.x > 0) == (f.side == "left"))
    row = np.argmin(np.abs(frame.y[:, 0] - 0.5 * (low + high)))
    rows = np.where(here.any(axis=1))[0]
    row = rows[np.argmin(np.abs(rows - row))] if len(rows) else row
    column = np.where(here[row])[0]
    first = round(float(phase[row, column[0]] if len(column) else phase[row, 0])) - count // 2
    first = int(np.clip(first - (f.place == "upper zone"), 1, 9 - count))
    shift: Array = fields.rib_shift + np.zeros_like(phase)
    gap: Array = fields.rib_gap * np.ones_like(phase)
    side = frame.left if f.side == "left" else ~frame.left
    level = np.round(phase)
    for k in range(count):
        at = place + rng.uniform(-0.035, 0.035)
        on = side & (level == first + k)
        move = rng.choice([-1.0, 1.0]) * rng.uniform(0.34, 0.46)
        slant = r + (phase - level) * 0.06
        tail = step(slant, at, at + 0.008) * (1 - step(slant, at + 0.16, at + 0.3))
        shift = shift + on * tail * move
        gap = gap * (1 - 0.95 * on * np.exp(-(((slant - at) / 0.034) ** 2)))
        ys, xs = np.where(on & (np.abs(r - at) < 0.02) & (np.abs(phase - level) < 0.12))
        if len(ys):
            cx, cy = float(frame.x[ys, xs].mean()), float(frame.y[ys, 0].mean())
            d2 = (frame.x - cx) ** 2 + (frame.y - cy) ** 2
            fields.bone += (2.0 * np.exp(-d2 / 0.34)).astype(np.float32)
            fields.soft += (0.9 * np.exp(-d2 / 0.9)).astype(np.float32)
    fields.rib_shift, fields.rib_gap = shift, gap
