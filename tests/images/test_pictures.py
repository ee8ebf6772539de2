"""Thumbnails and pictures keep proportion, polarity and, where they promise it, every level."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from saerad_core.errors import ImageRefused
from saerad_core.images.pictures import fit, picture, read_picture, thumbnail


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 700), st.integers(1, 700), st.sampled_from([64, 224, 512]))
def test_fit_keeps_proportion_and_range(height, width, size) -> None:
    pixels = np.random.default_rng(height).random((height, width), dtype=np.float32)
    small = fit(pixels, size)
    assert max(small.shape) == size and small.dtype == np.float32 and small.min() >= 0 and small.max() <= 1
    # The shorter side is rounded to a pixel, and never to none.
    scale = size / max(height, width)
    assert abs(min(small.shape) - max(1, min(height, width) * scale)) <= 0.5


def test_a_picture_is_lossless(tmp_path) -> None:
    levels = np.random.default_rng(0).integers(0, 256, (512, 300))
    path = tmp_path / "p.webp"
    path.write_bytes(picture((levels / 255).astype(np.float32)))
    assert np.array_equal(np.round(read_picture(path) * 255), levels)


def test_a_thumbnail_is_square_with_black_beside_the_film() -> None:
    pixels = np.ones((100, 50), dtype=np.float32)
    pixels[50:] = 0
    with Image.open(io.BytesIO(thumbnail(pixels))) as image:
        assert image.format == "WEBP"
        shown = np.asarray(image.convert("L"))
    assert shown.shape == (224, 224)
    assert shown[:, :50].max() < 10 and shown[:, -50:].max() < 10
    assert shown[20:90, 100:120].min() > 240 and shown[140:, 100:120].max() < 15


def test_a_missing_or_damaged_picture_is_one_sentence(tmp_path) -> None:
    with pytest.raises(ImageRefused, match="missing or damaged"):
        read_picture(tmp_path / "none.webp")
    (tmp_path / "bad.webp").write_bytes(b"RIFFxxxxWEBPjunk")
    with pytest.raises(ImageRefused, match="missing or damaged"):
        read_picture(tmp_path / "bad.webp")
