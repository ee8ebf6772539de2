"""Pictures for people: thumbnails and grey WebP files, and the way back to pixels."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

from saerad_core.errors import ImageRefused

THUMBNAIL = 224
"""Pixels along a side of a thumbnail."""
PICTURE = 512
"""Pixels along the longer side of a picture."""
_QUALITY = 80


def fit(pixels: np.ndarray, size: int) -> np.ndarray:
    """Scale an X-ray so that its longer side has ``size`` pixels; never fewer than one on the other.

    Args:
        pixels: float32 [H, W] in [0, 1].
        size: pixels.

    Returns:
        float32 [h, w] in [0, 1], max(h, w) == size.
    """
    height, width = pixels.shape
    scale = size / max(height, width)
    if scale == 1:
        return pixels
    shape = max(1, round(width * scale)), max(1, round(height * scale))
    image = Image.fromarray(np.ascontiguousarray(pixels, dtype=np.float32))
    return np.clip(np.asarray(image.resize(shape, Image.Resampling.LANCZOS), dtype=np.float32), 0, 1)


def thumbnail(pixels: np.ndarray, size: int = THUMBNAIL) -> bytes:
    """A square WebP (quality 80) of the X-ray [H, W], the rest black."""
    small = _bytes(fit(pixels, size))
    square = np.zeros((size, size), dtype=np.uint8)
    top, left = (size - small.shape[0]) // 2, (size - small.shape[1]) // 2
    square[top : top + small.shape[0], left : left + small.shape[1]] = small
    return _webp(square, quality=_QUALITY)


def picture(pixels: np.ndarray, size: int = PICTURE) -> bytes:
    """A lossless grey WebP of the X-ray [H, W], the longer side ``size`` pixels."""
    return _webp(_bytes(fit(pixels, size)), lossless=True)


def read_picture(path: Path) -> np.ndarray:
    """Pixels of a file that ``picture`` or ``thumbnail`` made.

    Returns:
        float32 [H, W] in [0, 1].

    Raises:
        ImageRefused: it isn't there or is damaged.
    """
    try:
        with Image.open(path, formats=["WEBP"]) as image:
            return np.asarray(image.convert("L"), dtype=np.float32) / 255
    except (OSError, SyntaxError, ValueError) as error:
        raise ImageRefused(f"The picture {path.name} is missing or damaged; build the workspace again.") from error


def _bytes(pixels: np.ndarray) -> np.ndarray:
    return np.round(np.clip(pixels, 0, 1) * 255).astype(np.uint8)


def _webp(grey: np.ndarray, **how: object) -> bytes:
    file = io.BytesIO()
    Image.fromarray(grey).save(file, "WEBP", **how)
    return file.getvalue()
