"""A heatmap as a transparent picture: cividis with a contour."""

from __future__ import annotations

import io
from functools import cache

import numpy as np
from PIL import Image

from saerad_core.heatmap.heat import Heat, on_picture

CONTOUR = 0.5
"""Share of the peak that the contour line is drawn at."""


@cache
def cividis() -> np.ndarray:
    """uint8 [256, 3]: the colour scale of all heatmaps (Nuñez et al. 2018), readable with any colour vision."""
    from plotly.colors import hex_to_rgb as to_rgb
    from plotly.colors import sequential, unlabel_rgb

    anchors = np.array([unlabel_rgb(c) if c.startswith("rgb") else to_rgb(c) for c in sequential.Cividis], dtype=float)
    at = np.linspace(0, len(anchors) - 1, 256)
    return np.stack([np.interp(at, np.arange(len(anchors)), anchors[:, i]) for i in range(3)], axis=1).astype(np.uint8)


def overlay_png(heat: Heat, height: int, width: int) -> bytes:
    """Transparent cividis overlay of a picture of ``height`` x ``width``, opaque where the feature is strongest.

    A silent feature gives an empty overlay.
    """
    canvas = on_picture(heat, height, width)
    peak = float(heat.values.max(initial=0))
    if peak > 0:
        canvas = (canvas / peak).clip(0, 1)
    rgba = np.zeros((height, width, 4), dtype=np.uint8)
    rgba[..., :3] = cividis()[(canvas * 255).astype(np.uint8)]
    rgba[..., 3] = (np.clip(canvas * 1.4, 0, 0.85) * 255).astype(np.uint8)
    rgba[_edge(canvas >= CONTOUR)] = (255, 255, 255, 230)
    buffer = io.BytesIO()
    Image.fromarray(rgba, mode="RGBA").save(buffer, format="PNG", compress_level=3)
    return buffer.getvalue()


def _edge(inside: np.ndarray) -> np.ndarray:
    """The border pixels of a mask."""
    padded = np.pad(inside, 1)
    core = padded[1:-1, :-2] & padded[1:-1, 2:] & padded[:-2, 1:-1] & padded[2:, 1:-1]
    return inside & ~core
