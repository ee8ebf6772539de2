"""The ways to say where on an X-ray a feature looks; docs/heatmaps.md compares them. Adding one = one function and one line here.

A patch dictionary answers by itself: the feature's activation on each patch. A CLS feature has no place of its own; there the answer is
an attribution to the patches, which can point beside the finding and is shown only where it does better than a guess.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch.nn import functional as F

from saerad_core.encoder import Encoder
from saerad_core.heatmap.heat import Heat
from saerad_core.heatmap.relevance import relevance, rolled_out, run
from saerad_core.sae.base import Sae
from saerad_core.sae.image_code import patch_activations

CHOSEN = {"patch": "activation", "cls": "attention"}
"""The method that a workspace's heatmaps are made by, for each kind of token that dictionaries read; chosen by benchmarks/heatmaps.py."""
OCCLUDED, STRIDE = 3, 2
"""Side of the square of patches that occlusion covers, and its step, in patches."""
AT_ONCE = 32
"""X-rays, each covered elsewhere, that go through the encoder together."""


class Asked(NamedTuple):
    """One X-ray and one feature."""

    encoder: Encoder
    sae: Sae
    tokens: str
    """Which the dictionary reads: cls or patch."""
    batch: torch.Tensor
    """[1, C, S, S]."""
    feature_id: int


@dataclass(frozen=True)
class Method:
    """One way."""

    title: str
    tokens: str
    """Which dictionaries it explains: patch, cls, or "" for both."""
    find: Callable[[Asked], torch.Tensor]
    """-> float32 [P]; only what speaks for the feature, >= 0."""
    source: str


def _activation(asked: Asked) -> torch.Tensor:
    patches = asked.encoder.embed(asked.batch, patches=True).patches
    assert patches is not None
    return patch_activations(asked.sae, patches[0], asked.feature_id)


def _wish(asked: Asked) -> torch.Tensor:
    """Pre-activation of each patch, below the cut of the k strongest too."""
    patches = asked.encoder.embed(asked.batch, patches=True).patches
    assert patches is not None
    with torch.no_grad():
        return asked.sae.feature_gradient(patches[0].to(asked.sae.b_dec.device), asked.feature_id)


def _of_cls(asked: Asked, last: torch.Tensor) -> torch.Tensor:
    return asked.sae.feature_gradient(last[:, 0].to(asked.sae.b_dec.device), asked.feature_id).sum()


def _gradient(asked: Asked) -> torch.Tensor:
    done = run(asked.encoder.model, asked.batch)
    (slope,) = torch.autograd.grad(_of_cls(asked, done.last), done.tokens)
    patches = done.tokens.detach()[0, 1:]
    return ((patches - patches.mean(0)) * slope[0, 1:]).sum(1)


def _lrp(rule: str) -> Callable[[Asked], torch.Tensor]:
    def find(asked: Asked) -> torch.Tensor:
        done = run(asked.encoder.model, asked.batch, rule)
        return relevance(done, _of_cls(asked, done.last))[0, 1:]

    return find


def _rollout(asked: Asked) -> torch.Tensor:
    done = run(asked.encoder.model, asked.batch)
    return rolled_out(done, _of_cls(asked, done.last))


def _attention_projection(asked: Asked) -> torch.Tensor:
    """What each patch hands to the CLS token in the last layer, along the feature's direction."""
    done = run(asked.encoder.model, asked.batch)
    (slope,) = torch.autograd.grad(_of_cls(asked, done.last), done.values[-1])
    # The values' gradient is attention x projection of the feature through the layers after it.
    return (slope * done.values[-1].detach())[0].sum(0).sum(-1)[1:]


def _projection(asked: Asked) -> torch.Tensor:
    """The patch tokens themselves along the feature's direction, as though each were a CLS token."""
    patches = asked.encoder.embed(asked.batch, patches=True).patches
    assert patches is not None
    with torch.no_grad():
        wished = asked.sae.feature_gradient(patches[0].to(asked.sae.b_dec.device), asked.feature_id)
    return wished - wished.mean()


def strength(asked: Asked, batch: torch.Tensor) -> torch.Tensor:
    """How strongly a feature wants to be active on whole X-rays [B, C, S, S] -> float32 [B], before any cut at zero."""
    embedded = asked.encoder.embed(batch, patches=True)
    with torch.no_grad():
        if asked.tokens == "cls":
            return asked.sae.feature_gradient(embedded.cls.to(asked.sae.b_dec.device), asked.feature_id)
        assert embedded.patches is not None
        each, per_image = embedded.patches.flatten(0, 1), embedded.patches.shape[1]
        wished = asked.sae.feature_gradient(each.to(asked.sae.b_dec.device), asked.feature_id)
        return wished.view(-1, per_image).amax(1)


def _occlusion(asked: Asked) -> torch.Tensor:
    """How much weaker the feature becomes where a square is blurred away (Zeiler and Fergus 2014); of both kinds of token."""
    grid, side = asked.encoder.patch_grid, asked.encoder.image_size // asked.encoder.patch_grid
    blurred = blurred_away(asked.batch, 2 * OCCLUDED * side)
    firsts = range(1 - OCCLUDED, grid, STRIDE)
    places = [(top, left) for top in firsts for left in firsts]
    whole = strength(asked, asked.batch)
    total, times = torch.zeros(grid, grid), torch.zeros(grid, grid)
    for start in range(0, len(places), AT_ONCE):
        some = places[start : start + AT_ONCE]
        covered = asked.batch.repeat(len(some), 1, 1, 1)
        spans = [[slice(max(0, at), min(grid, at + OCCLUDED)) for at in place] for place in some]
        for film, (rows, columns) in zip(covered, spans, strict=True):
            y, x = (slice(one.start * side, one.stop * side) for one in (rows, columns))
            film[:, y, x] = blurred[0, :, y, x]
        lost = (whole - strength(asked, covered)).float().cpu()
        for value, (rows, columns) in zip(lost, spans, strict=True):
            total[rows, columns] += value
            times[rows, columns] += 1
    return (total / times).flatten()


def blurred_away(batch: torch.Tensor, width: int) -> torch.Tensor:
    """X-rays [B, C, S, S] averaged over squares of ``width`` pixels, thrice: near a Gaussian, with nothing small left."""
    out = batch
    for _ in range(3):
        padded = F.pad(out, [width // 2, width - 1 - width // 2] * 2, mode="replicate")
        out = F.avg_pool2d(padded, width, stride=1)
    return out


METHODS: dict[str, Method] = {
    "activation": Method("the feature's activation on each patch", "patch", _activation, "this dictionary"),
    "pre-activation": Method("its activation before the cut", "patch", _wish, "this dictionary"),
    "gradient": Method("gradient x activation", "cls", _gradient, "Simonyan et al. 2013, Shrikumar et al. 2017"),
    "cplrp": Method("LRP, attention held", "cls", _lrp("cp"), "Ali et al. 2022"),
    "attnlrp": Method("LRP through attention", "cls", _lrp("attn"), "Achtibat et al. 2024"),
    "rollout": Method("attention x its gradient, rolled out", "cls", _rollout, "Chefer et al. 2021"),
    "attention": Method("attention x projection, last layer", "cls", _attention_projection, "Kobayashi et al. 2020"),
    "projection": Method("patch tokens along the feature", "cls", _projection, "as nostalgebraist's logit lens, 2020"),
    "occlusion": Method("loss by blurring each place away", "", _occlusion, "Zeiler and Fergus 2014"),
}
"""Name -> method; occlusion is the reference that the others are held against, not one that pages can wait for."""


def feature_map(
    encoder: Encoder, sae: Sae, tokens: str, batch: torch.Tensor, feature_id: int, method: str = ""
) -> np.ndarray:
    """Where one feature looks on one X-ray.

    Args:
        encoder: of the workspace.
        sae: of the workspace.
        tokens: which the dictionary reads: cls or patch.
        batch: [1, C, S, S], preprocessed.
        feature_id: which.
        method: of METHODS; "" for the chosen one.

    Returns:
        float32 [grid, grid], >= 0.
    """
    how = METHODS[method or CHOSEN[tokens]]
    assert how.tokens in ("", tokens), f"{how.title} doesn't explain {tokens} features"
    values = how.find(Asked(encoder, sae, tokens, batch, feature_id))
    grid = encoder.patch_grid
    return values.detach().float().cpu().clamp_min(0).reshape(grid, grid).numpy()


def feature_heatmap(
    encoder: Encoder, sae: Sae, tokens: str, pixels: np.ndarray, feature_id: int, stored: np.ndarray | None = None
) -> Heat:
    """Heat of one feature on one X-ray, by the chosen method.

    Args:
        encoder: of the workspace.
        sae: of the workspace.
        tokens: which the dictionary reads: cls or patch.
        pixels: float32 H x W in [0, 1].
        feature_id: which.
        stored: float32 [P], the feature's map on the X-ray where the workspace keeps it; the encoder then needn't run.
    """
    grid, box = encoder.patch_grid, encoder.patch_box(*pixels.shape)
    if stored is not None:
        return Heat(stored.reshape(grid, grid), box)
    return Heat(feature_map(encoder, sae, tokens, encoder.preprocess([pixels]), feature_id), box)
