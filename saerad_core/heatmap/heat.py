"""A heatmap: how much each patch of an encoder's square input contributes, and where that square lies on the X-ray."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from PIL import Image


class Heat(NamedTuple):
    """A heatmap in the patches' own grid."""

    values: np.ndarray
    """float32 [grid, grid], >= 0, in units of activation (patch) or of attribution (CLS)."""
    box: tuple[int, int, int, int]
    """(top, left, bottom, right) of the source pixels that the grid covers."""


def enlarged(values: np.ndarray, height: int, width: int) -> np.ndarray:
    """A map [grid, grid] over ``height`` x ``width`` pixels: smooth between the centres of patches, so that its peak lies at one.

    Returns:
        float32 [height, width], >= 0.
    """
    small = Image.fromarray(np.ascontiguousarray(values, dtype=np.float32), mode="F")
    return np.asarray(small.resize((width, height), Image.Resampling.BICUBIC)).clip(0)


def on_picture(heat: Heat, height: int, width: int) -> np.ndarray:
    """The map over an X-ray of ``height`` x ``width`` pixels, float32; 0 where the encoder doesn't look."""
    top, left, bottom, right = heat.box
    canvas = np.zeros((height, width), dtype=np.float32)
    if heat.values.max(initial=0) > 0:
        large = enlarged(heat.values, bottom - top, right - left)
        inside = large[max(0, -top) : height - top, max(0, -left) : width - left]
        canvas[max(0, top) : max(0, top) + inside.shape[0], max(0, left) : max(0, left) + inside.shape[1]] = inside
    return canvas
