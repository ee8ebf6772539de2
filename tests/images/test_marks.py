"""Markers and burned-in text by zone: found where they are drawn, in any reflection, and nowhere else."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import gaussian_filter

from saerad_core.demo.display import stamps
from saerad_core.demo.render import render
from saerad_core.demo.renders import studies_of
from saerad_core.images.marks import SIDE, Mark, find_marks, marked_zones
from saerad_core.images.zones import ZONES

CELLS = [(column, row) for row in range(3) for column in range(3) if (column, row) != (1, 1)]
"""Column and row of each zone."""


def ground(seed: int, height: int, width: int) -> np.ndarray:
    """float32 [height, width], 0 to 0.6: soft shapes, as a chest's, under a film's noise."""
    rng = np.random.default_rng(seed)
    soft = gaussian_filter(rng.standard_normal((height, width)), max(height, width) / 12, mode="nearest")
    # Ranks: as much of it is dark as is bright.
    soft = np.argsort(np.argsort(soft, axis=None), axis=None).reshape(soft.shape) / soft.size
    return (0.6 * soft + 0.005 * rng.standard_normal((height, width))).clip(0, 1).astype(np.float32)


def with_letters(pixels: np.ndarray, cells: set[int], text: str, size: int) -> np.ndarray:
    """A word burned in white into the middle of some zones."""
    image = Image.fromarray((pixels * 255).astype(np.uint8))
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(size)
    for cell in cells:
        column, row = CELLS[cell]
        at = ((column + 0.5) * image.width / 3, (row + 0.5) * image.height / 3)
        pen.text(at, text, fill=255, font=font, anchor="mm")
    return np.asarray(image)


def zones_of(bits: int) -> set[int]:
    return {zone for zone in range(len(ZONES)) if bits >> zone & 1}


pictures = st.tuples(st.integers(0, 10_000), st.sampled_from([(256, 256), (300, 260), (262, 320)]))


@settings(max_examples=12, deadline=None)
@given(pictures)
def test_without_marks_there_are_none(picture):
    seed, shape = picture
    assert find_marks(ground(seed, *shape)) == []


@settings(max_examples=12, deadline=None)
@given(pictures, st.sets(st.integers(0, 7)), st.sampled_from(["R", "L", "AP"]))
def test_letters_are_found_in_their_zones_and_in_no_other(picture, cells: set[int], text: str):
    seed, shape = picture
    lettered = with_letters(ground(seed, *shape), cells, text, round(0.06 * max(shape)))
    assert zones_of(marked_zones(lettered)) == cells


@settings(max_examples=12, deadline=None)
@given(pictures, st.sets(st.integers(0, 7), min_size=1), st.integers(0, 10_000))
def test_a_mirrored_picture_has_mirrored_zones(picture, cells: set[int], noise: int):
    seed, shape = picture
    pixels = with_letters(ground(seed, *shape), cells, "R", round(0.05 * max(shape))).astype(np.int16)
    # Blots of any shape, on the brink of being marks: the law isn't for clear cases only.
    blots = gaussian_filter(np.random.default_rng(noise).standard_normal(shape), 2)
    pixels = np.clip(pixels + 160 * (blots > 2.6 * blots.std()), 0, 255).astype(np.uint8)
    found = find_marks(pixels)
    for axis, turned in ((1, pixels[:, ::-1]), (0, pixels[::-1])):
        expected = {
            (1 - m.right, m.top, 1 - m.left, m.bottom) if axis else (m.left, 1 - m.bottom, m.right, 1 - m.top)
            for m in found
        }
        other = find_marks(np.ascontiguousarray(turned))
        assert len(other) == len(found)
        np.testing.assert_allclose(sorted(expected), sorted(tuple(m) for m in other), atol=1e-9)


def test_a_larger_picture_has_the_same_zones():
    lettered = with_letters(ground(3, 512, 512), {0, 7}, "L", 28)
    large = np.asarray(Image.fromarray(lettered).resize((4 * 512, 4 * 512), Image.Resampling.BICUBIC))
    assert max(large.shape) > SIDE
    assert zones_of(marked_zones(lettered)) == zones_of(marked_zones(large)) == {0, 7}


def test_wires_and_bones_are_no_marks():
    pixels = ground(4, 512, 512)
    pixels[60:64, 40:400] = 0.95
    pixels[300:500, 470:473] = 0.95
    bone = np.zeros((512, 512), np.float32)
    bone[400:420, 60:110] = 1
    assert find_marks(np.clip(pixels + 0.5 * gaussian_filter(bone, 8), 0, 1)) == []


def test_the_middle_is_no_zone():
    centre = Mark(0.45, 0.45, 0.55, 0.55)
    assert centre.zone == -1
    image = Image.fromarray((ground(5, 512, 512) * 255).astype(np.uint8))
    ImageDraw.Draw(image).text((256, 256), "R", fill=255, font=ImageFont.load_default(30), anchor="mm")
    assert [mark.zone for mark in find_marks(np.asarray(image))] == [-1] and marked_zones(np.asarray(image)) == 0


def test_zones_are_named_by_rows():
    for zone, (column, row) in enumerate(CELLS):
        x, y = (column + 0.5) / 3, (row + 0.5) / 3
        assert Mark(x, y, x, y).zone == zone
        words = [("top", "", "bottom")[row], ("left", "", "right")[column]]
        assert ZONES[zone] == " ".join(word for word in words if word)


def test_the_simulators_markers_are_found():
    for study in studies_of(72, 0, 4):
        pixels = render(study).pixels
        there = set()
        for stamp, x, y in stamps(study.technique, 256):
            h, w = stamp.shape
            there.add(Mark(x / 256, y / 256, (x + w) / 256, (y + h) / 256).zone)
        assert zones_of(marked_zones(pixels)) == there
