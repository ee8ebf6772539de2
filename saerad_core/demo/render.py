"""Draw a simulated study as a frontal radiograph, with an exact mask of every finding if asked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.ndimage import gaussian_filter

from saerad_core.demo.anatomy import Anatomy, Technique
from saerad_core.demo.bones import add_calcified_knob, add_ribs, add_shoulders, add_spine
from saerad_core.demo.chest import Fields, lung_texture, soft_chest
from saerad_core.demo.display import REFERENCE, Window, displayed, printed, signal, window_of
from saerad_core.demo.pathology import after_bones, before_bones, vessel_change
from saerad_core.demo.scene import build_scene
from saerad_core.demo.study import SimulatedFinding, Study
from saerad_core.demo.vessels import add_vessels
from saerad_core.vocabulary import Fact

Array = np.ndarray
_VISIBLE = 0.03
"""Change of the line integral that counts as the finding's; under half a grey level in a hundred."""

_BROAD = {
    "cardiomegaly",
    "hyperinflation",
    "interstitial_oedema",
    "lobar_collapse",
    "pleural_effusion",
    "pneumothorax",
    "raised_hemidiaphragm",
    "scoliosis",
    "widened_mediastinum",
}
"""Findings that change an area rather than a line: their mask is that area, without the speckle of shifted markings."""


class Rendered(NamedTuple):
    """A simulated radiograph."""

    pixels: Array
    """float32 [size, size] in 0 to 1, bone white; the patient's right is on the left."""
    masks: dict[SimulatedFinding, Array]
    """bool [size, size] for each drawn finding: where it changes the film. Empty unless asked for."""


def render(
    study: Study,
    *,
    size: int = 256,
    without: Iterable[str | Fact | SimulatedFinding] = (),
    masks: bool = False,
) -> Rendered:
    """Draw a study.

    With ``without`` it draws the causal twin: the same patient, exposure, noise, marker and other findings. The
    display window comes from the patient without any finding, so nothing changes where the finding has no effect.

    Args:
        study: what to draw.
        size: pixels along a side: 64, 128, 256, 512 or 1024; the same scene at each.
        without: findings to leave out, as vocabulary keys, facts or the findings themselves.
        masks: also return where each drawn finding changes the film.
    """
    assert size in (64, 128, 256, 512, 1024), "The film's side must divide the drawing canvas."
    left_out = tuple(without)
    findings = tuple(f for f in study.findings if not any(_names(f, key) for key in left_out))
    technique = study.technique
    fields = fields_of(study.anatomy, technique, findings, size)
    line, film = fields.line_integral(), fields.scene.film
    noise = np.random.default_rng(study.seed).standard_normal((size, size), dtype=np.float32)
    log = signal(line, technique, film, noise)
    grey = printed(displayed(log, _window(study.anatomy, technique), technique, film), technique)
    pixels = np.ascontiguousarray(np.clip(grey, 0, 1), dtype=np.float32)
    found: dict[SimulatedFinding, Array] = {}
    if masks:
        for finding in findings:
            found[finding] = _mask(study, findings, finding, line, size)
    return Rendered(pixels, found)


def _names(finding: SimulatedFinding, key: str | Fact | SimulatedFinding) -> bool:
    if isinstance(key, str):
        return finding.finding == key
    return finding.fact == key if isinstance(key, Fact) else finding == key


def fields_of(anatomy: Anatomy, technique: Technique, findings: Sequence[SimulatedFinding], size: int) -> Fields:
    """Thickness maps of a patient with findings; noiseless."""
    scene = build_scene(anatomy, technique, findings)
    fields = soft_chest(scene.frame(size), scene)
    if size > REFERENCE:
        fields.texture = lung_texture(fields.frame, anatomy.seed, anatomy.texture)
        upper, gain = vessel_change(findings)
        add_vessels(fields, upper, gain)
    before_bones(fields, findings)
    add_ribs(fields)
    add_shoulders(fields)
    add_spine(fields)
    add_calcified_knob(fields)
    after_bones(fields, findings)
    return fields


@lru_cache(maxsize=64)
def _window(anatomy: Anatomy, technique: Technique) -> Window:
    fields = fields_of(anatomy, technique, (), REFERENCE)
    log = signal(fields.line_integral(), technique, fields.scene.film, None)
    return window_of(log, fields.air > 6, technique, fields.scene.film)


def _mask(study: Study, drawn: Sequence[SimulatedFinding], finding: SimulatedFinding, line: Array, size: int) -> Array:
    rest = tuple(f for f in drawn if f is not finding)
    change = np.abs(line - fields_of(study.anatomy, study.technique, rest, size).line_integral())
    if change.max() < 1e-3:
        # Wholly hidden by another finding: where it would show alone.
        alone = fields_of(study.anatomy, study.technique, (finding,), size).line_integral()
        change = np.abs(alone - fields_of(study.anatomy, study.technique, (), size).line_integral())
    if finding.finding in _BROAD:
        change = gaussian_filter(change, 0.008 * size, truncate=2.5)
    return change > min(_VISIBLE, 0.4 * float(change.max()))
