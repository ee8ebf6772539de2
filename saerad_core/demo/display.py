"""From line integrals to a displayed film: beam, scatter, detector, noise, log, edge enhancement, window."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import gaussian_filter

from saerad_core.demo.anatomy import Technique
from saerad_core.demo.geometry import Array

REFERENCE = 64
"""Side of the film without findings that sets the display; its window never depends on a finding."""
_SCATTER_CM = 1.7


class Window(NamedTuple):
    """How log signal becomes grey: two anchors and the slow background that is partly removed."""

    low: float
    high: float
    slow: Array
    """Slowly varying log signal [64, 64] of the film without findings."""


def signal(line: Array, technique: Technique, film: float, noise: Array | None) -> Array:
    """Log signal [size, size] of a film; larger is denser.

    Args:
        line: attenuation along every ray.
        technique: scatter, blur and noise.
        film: side of the film, cm.
        noise: standard normal [size, size], or None for a noiseless film.
    """
    size = len(line)
    # A polychromatic beam: the softer part is used up first.
    beam = 0.55 * np.exp(-line) + 0.45 * np.exp(-0.66 * line)
    cell = size // REFERENCE
    coarse = beam.reshape(REFERENCE, cell, REFERENCE, cell).mean(axis=(1, 3))
    coarse = gaussian_filter(coarse, _SCATTER_CM * REFERENCE / film, mode="nearest", truncate=2.5)
    beam = (1 - technique.scatter) * beam + technique.scatter * enlarge(coarse, size)
    sigma = technique.blur * size / film
    if sigma > 0.25:
        beam = gaussian_filter(beam, sigma, mode="nearest", truncate=3.0)
    if noise is not None:
        beam = beam + technique.noise * 0.17 * np.sqrt(np.clip(beam, 1e-4, None)) * noise
    return -np.log(np.clip(beam, 2e-4, None))


def enlarge(coarse: Array, size: int) -> Array:
    """Bilinear enlargement of a square picture with aligned edges."""
    image = Image.fromarray(coarse.astype(np.float32), mode="F")
    return np.asarray(image.resize((size, size), Image.Resampling.BILINEAR), dtype=np.float32)


def window_of(log: Array, lung: Array, technique: Technique, film: float) -> Window:
    """Choose the display from the film without findings.

    Args:
        log: its log signal [64, 64].
        lung: where aerated lung is, bool [64, 64].
        technique: brightness and contrast wanted.
        film: side of the film, cm.
    """
    slow = gaussian_filter(log, 3.6 * REFERENCE / film, mode="nearest", truncate=2.5)
    flat = log - _SLOW * slow
    middle = float(0.5 * np.percentile(flat[lung], 22) + 0.5 * np.median(flat[lung]))
    inner = log[8:-8, 8:-8] > 1.0
    dense = float(np.percentile(flat[8:-8, 8:-8][inner], 88))
    gain = (0.87 - technique.brightness) / max(dense - middle, 0.3) * technique.contrast
    gain = float(np.clip(gain, 1 / 3.4, 1 / 2.2))
    low = middle - technique.brightness / gain
    return Window(low, low + 1 / gain, slow)


_SLOW = 0.12


def displayed(log: Array, window: Window, technique: Technique, film: float) -> Array:
    """Grey levels 0 to 1, bone white, of a log signal."""
    size = len(log)
    fine = log - gaussian_filter(log, 0.28 * size / film, mode="nearest", truncate=2.5)
    flat = log - _SLOW * enlarge(window.slow, size) + technique.edge * fine
    grey = (flat - window.low) / (window.high - window.low)
    # A film's toe and shoulder instead of hard clipping.
    grey = np.where(grey > 0.72, 0.72 + 0.28 * np.tanh((grey - 0.72) / 0.28), grey)
    grey = np.where(grey < 0.08, 0.08 * np.exp(np.minimum(grey - 0.08, 0) / 0.08), grey)
    # What the beam reached unhindered is black.
    open_air = np.clip((log - 0.12) / 0.35, 0, 1)
    return np.clip(grey, 0, 1) * open_air


def printed(grey: Array, technique: Technique) -> Array:
    """Add the collimator's border and the lead markers."""
    size = len(grey)
    left, right, top, bottom = (round(share * size) for share in technique.collimation)
    frame = np.zeros_like(grey)
    frame[top : size - bottom, left : size - right] = 1
    out = grey * frame
    for stamp, x, y in stamps(technique, size):
        h, w = stamp.shape
        part = out[y : y + h, x : x + w]
        out[y : y + h, x : x + w] = np.maximum(part, stamp * 0.97)
    return out


def stamps(technique: Technique, size: int) -> list[tuple[Array, int, int]]:
    """The marker, and the second label where there is one, float32 [h, w] of 0 to 1, and the column and row of their upper left corners."""
    placed = []
    for stamp, x, y in _stamps(technique, size):
        h, w = stamp.shape
        placed.append((stamp, int(np.clip(x, 0, size - w)), int(np.clip(y, 0, size - h))))
    return placed


def _stamps(technique: Technique, size: int) -> list[tuple[Array, float, float]]:
    side = technique.marker
    letter = _text(side, round(size * 0.045), technique.marker_turn)
    margin = 0.015 + 0.09 * technique.marker_x
    x = margin * size if side == "R" else (1 - margin) * size - letter.shape[1]
    y = (0.02 + 0.2 * technique.marker_y) * size
    stamps = [(letter, x, y)]
    if technique.label:
        label = _text(technique.label, round(size * 0.026), 0.0)
        far = 0.02 * size if side == "L" else 0.98 * size - label.shape[1]
        stamps.append((label, far, 0.02 * size))
    return stamps


def _text(text: str, height: int, turn: float) -> Array:
    font = ImageFont.load_default(height)
    x0, y0, x1, y1 = (int(v) for v in font.getbbox(text))
    image = Image.new("L", (x1 - x0 + 4, y1 - y0 + 4))
    ImageDraw.Draw(image).text((2 - x0, 2 - y0), text, fill=255, font=font)
    if abs(turn) > 0.5:
        image = image.rotate(turn, expand=True, resample=Image.Resampling.BICUBIC)
    return np.asarray(image, dtype=np.float32) / 255
