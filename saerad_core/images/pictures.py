"""Pictures for people: thumbnails and the 512 px view."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

THUMB = 224
PICTURE = 512


def _fitted(pixels: np.ndarray, size: int) -> Image.Image:
    image = Image.fromarray(np.round(np.clip(pixels, 0, 1) * 255).astype(np.uint8))
    scale = size / max(image.size)
    shape = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image if image.size == shape else image.resize(shape, Image.Resampling.LANCZOS, reducing_gap=3)


def _webp(image: Image.Image, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format="WEBP", **options)
    return buffer.getvalue()


def thumbnail(pixels: np.ndarray, size: int = THUMB) -> bytes:
    """Square WebP (quality 80), letterboxed on black, of float32 H x W in [0, 1]."""
    small = _fitted(pixels, size)
    square = Image.new("L", (size, size), 0)
    square.paste(small, ((size - small.width) // 2, (size - small.height) // 2))
    return _webp(square, quality=80, method=4)


def picture(pixels: np.ndarray, size: int = PICTURE) -> bytes:
    """Lossless grey WebP whose longer side is ``size``, of float32 H x W in [0, 1]."""
    return _webp(_fitted(pixels, size), lossless=True, method=2)


def read_picture(path: Path) -> np.ndarray:
    """float32 H x W in [0, 1] of a picture that this program wrote."""
    with Image.open(path, formats=["WEBP"]) as image:
        return np.asarray(image.convert("L"), dtype=np.float32) / 255
