"""Where on an X-ray a feature looks.

Patch dictionaries answer it themselves: a feature's activation on each patch. A CLS feature has no place of its own;
there the answer is an attribution (gradient x input over patch embeddings, Simonyan et al. 2013, Shrikumar et al.
2017), which often points beside the finding and is to be shown as such.
"""

from __future__ import annotations

import io
from functools import cache
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image

from saerad_core.encoder import Encoder
from saerad_core.sae.base import Sae
from saerad_core.sae.image_code import patch_activations

CONTOUR = 0.5
"""Share of the peak that the contour line is drawn at."""


class Heat(NamedTuple):
    """A heatmap in the patches' own grid."""

    values: np.ndarray
    """float32 [grid, grid], >= 0, in units of activation (patch) or of attribution (CLS)."""
    box: tuple[int, int, int, int]
    """(top, left, bottom, right) of the source pixels that the grid covers."""


def feature_heatmap(
    encoder: Encoder, sae: Sae, tokens: str, pixels: np.ndarray, feature_id: int, stored: np.ndarray | None = None
) -> Heat:
    """Heat of one feature on one X-ray.

    Args:
        encoder: of the workspace.
        sae: of the workspace.
        tokens: cls or patch.
        pixels: float32 H x W in [0, 1].
        feature_id: which.
        stored: float32 [P], the feature's activations on the X-ray's patches where the workspace keeps them; the encoder then needn't run.
    """
    grid, box = encoder.patch_grid, encoder.patch_box(*pixels.shape)
    if stored is not None:
        return Heat(stored.reshape(grid, grid), box)
    batch = encoder.preprocess([pixels])
    if tokens == "patch":
        patches = encoder.embed(batch, patches=True).patches
        assert patches is not None
        values = patch_activations(sae, patches[0], feature_id)
    else:
        values = _attribution(encoder, sae, batch, feature_id)
    return Heat(values.reshape(grid, grid).numpy().astype(np.float32), box)


def _attribution(encoder: Encoder, sae: Sae, batch: torch.Tensor, feature_id: int) -> torch.Tensor:
    kept: list[torch.Tensor] = []

    def keep(_module: torch.nn.Module, _inputs: tuple, output: torch.Tensor) -> torch.Tensor:
        kept.append(output.detach().requires_grad_())
        return kept[0]

    hook = encoder.model.embeddings.register_forward_hook(keep)
    try:
        with torch.enable_grad():
            cls = encoder.model(batch).last_hidden_state[:, 0].float()
            sae.feature_gradient(cls.to(sae.b_dec.device), feature_id).sum().backward()
    finally:
        hook.remove()
    gradient = kept[0].grad
    assert gradient is not None
    patches, slopes = kept[0].detach()[0, 1:], gradient[0, 1:]
    return ((patches - patches.mean(0)) * slopes).sum(1).clamp_min(0).float().cpu()


@cache
def _cividis() -> np.ndarray:
    from plotly.colors import hex_to_rgb as to_rgb
    from plotly.colors import sequential, unlabel_rgb

    anchors = np.array([unlabel_rgb(c) if c.startswith("rgb") else to_rgb(c) for c in sequential.Cividis], dtype=float)
    at = np.linspace(0, len(anchors) - 1, 256)
    return np.stack([np.interp(at, np.arange(len(anchors)), anchors[:, i]) for i in range(3)], axis=1).astype(np.uint8)


def overlay_png(heat: Heat, height: int, width: int) -> bytes:
    """Transparent cividis overlay of a picture of ``height`` x ``width``, opaque where the feature is strongest.

    A silent feature gives an empty overlay.
    """
    top, left, bottom, right = heat.box
    canvas = np.zeros((height, width), dtype=np.float32)
    peak = float(heat.values.max())
    if peak > 0:
        small = Image.fromarray(heat.values / peak, mode="F")
        large = np.asarray(small.resize((right - left, bottom - top), Image.Resampling.BICUBIC)).clip(0, 1)
        inside = large[max(0, -top) : height - top, max(0, -left) : width - left]
        canvas[max(0, top) : max(0, top) + inside.shape[0], max(0, left) : max(0, left) + inside.shape[1]] = inside
    rgba = np.zeros((height, width, 4), dtype=np.uint8)
    rgba[..., :3] = _cividis()[(canvas * 255).astype(np.uint8)]
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
