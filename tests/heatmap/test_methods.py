"""Attributions obey the laws that they promise: conservation, exactness, equivariance, and dependence on the weights."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.stats import spearmanr
from transformers import Dinov2Config, Dinov2Model

from saerad_core.encoder import Encoder
from saerad_core.heatmap import relevance as lrp
from saerad_core.heatmap.heat import Heat
from saerad_core.heatmap.methods import METHODS, Asked, feature_heatmap, feature_map
from saerad_core.heatmap.overlay import overlay_png
from saerad_core.sae.config import SaeConfig
from saerad_core.sae.topk import TopKSae
from tests.test_encoder import write_encoder

CLS = [name for name, method in METHODS.items() if method.tokens in ("cls", "")]
QUICK = [name for name in CLS if name != "occlusion"]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory) -> Encoder:
    return Encoder.load(write_encoder(tmp_path_factory.mktemp("encoder") / "tiny", edge=80), precision="float32")


def model_of(seed: int, swiglu: bool = False) -> Dinov2Model:
    """A small model with weights and biases large enough to matter."""
    torch.manual_seed(seed)
    config = Dinov2Config(
        hidden_size=24, num_hidden_layers=2, num_attention_heads=3, image_size=48, patch_size=16, num_channels=1,
        use_swiglu_ffn=swiglu,
    )  # fmt: skip
    model = Dinov2Model(config).eval().double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.4)
    return model


def toy_sae(d: int, seed: int = 0, tokens: str = "cls") -> TopKSae:
    torch.manual_seed(seed)
    sae = TopKSae(SaeConfig(d, 4, k=2, tokens=tokens))
    with torch.no_grad():
        sae.W_enc.copy_(torch.randn(d, 4))
        sae.b_dec.copy_(torch.randn(d) * 0.1)
    return sae


def signed(method: str, encoder: Encoder, sae: TopKSae, tokens: str, batch: torch.Tensor) -> np.ndarray:
    """The map with what speaks against the feature too, [grid, grid], of feature 1."""
    values = METHODS[method].find(Asked(encoder, sae, tokens, batch, 1)).detach().float()
    return values.reshape(encoder.patch_grid, encoder.patch_grid).numpy()


@pytest.mark.parametrize("rule", ["", *lrp.RULES])
@pytest.mark.parametrize("swiglu", [False, True])
def test_rules_change_gradients_and_no_number(rule: str, swiglu: bool) -> None:
    model = model_of(1, swiglu)
    batch = torch.randn(2, 1, 48, 48, dtype=torch.float64)
    ours = lrp.run(model, batch, rule).last
    torch.testing.assert_close(ours, model(batch).last_hidden_state, atol=1e-5, rtol=1e-5)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_relevance_is_conserved(seed: int) -> None:
    """Bach et al. 2015: tokens and biases together make up the output, under the rules of Ali et al. 2022."""
    model = model_of(seed)
    done = lrp.run(model, torch.randn(1, 1, 48, 48, dtype=torch.float64), "cp")
    direction = torch.randn(24)
    target = (done.last[0, 0] * direction).sum()
    total = lrp.relevance(done, target).sum() + lrp.bias_relevance(model, done, target)
    torch.testing.assert_close(total, target.detach(), atol=1e-4, rtol=1e-3)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_a_product_shares_its_relevance_in_halves(seed: int) -> None:
    torch.manual_seed(seed)
    left, right, weight = (torch.randn(4, 4, dtype=torch.float64, requires_grad=True) for _ in range(3))
    (lrp._product(left, right, "attn") * weight).sum().backward()
    assert left.grad is not None and right.grad is not None
    target = ((left @ right) * weight).sum().detach()
    for factor in (left, right):
        torch.testing.assert_close((factor * factor.grad).sum().detach(), target / 2)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_relevance_of_a_linear_model_is_exact(seed: int) -> None:
    """With attention that looks everywhere alike and no feed-forward part, a token's relevance is what it adds to the output."""
    model = model_of(seed)
    with torch.no_grad():
        for layer in model.encoder.layer:
            layer.layer_scale2.lambda1.zero_()
            layer.attention.q_proj.weight.zero_()
            layer.attention.q_proj.bias.zero_()
        model.encoder.layer[1].layer_scale1.lambda1.zero_()
    done = lrp.run(model, torch.randn(1, 1, 48, 48, dtype=torch.float64), "cp")
    direction = torch.randn(24)
    got = lrp.relevance(done, (done.last[0, 0] * direction).sum())[0]
    with torch.no_grad():
        layer, x = model.encoder.layer[0], done.tokens.detach()[0].double()

        def steady(norm: torch.nn.LayerNorm, y: torch.Tensor, of: torch.Tensor) -> torch.Tensor:
            return (
                (y - y.mean(-1, keepdim=True))
                / (of.var(-1, unbiased=False, keepdim=True) + norm.eps).sqrt()
                * norm.weight
            )

        added = steady(layer.norm1, x, x) @ layer.attention.v_proj.weight.T @ layer.attention.o_proj.weight.T
        added = added * layer.layer_scale1.lambda1 / len(x)
        added[0] += x[0]
        values = layer.attention(layer.norm1(x[None]))[0][0] * layer.layer_scale1.lambda1
        last = x[0] + values[0]
        expected = torch.stack([(steady(model.layernorm, one, last) * direction).sum() for one in added])
    torch.testing.assert_close(got.double(), expected, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("method", QUICK)
def test_maps_follow_the_patches(encoder: Encoder, method: str) -> None:
    """Without position embeddings an X-ray shifted by a patch has the same map, shifted."""
    sae = toy_sae(encoder.d)
    kept = encoder.model.embeddings.position_embeddings.clone()
    batch = torch.randn(1, 1, 64, 64)
    try:
        with torch.no_grad():
            encoder.model.embeddings.position_embeddings[:, 1:] = 0
        here = signed(method, encoder, sae, "cls", batch)
        moved = signed(method, encoder, sae, "cls", batch.roll((16, -32), (2, 3)))
    finally:
        with torch.no_grad():
            encoder.model.embeddings.position_embeddings.copy_(kept)
    assert np.ptp(here) > 0
    np.testing.assert_allclose(np.roll(here, (1, -2), (0, 1)), moved, atol=1e-4 * np.abs(here).max(), rtol=1e-3)


def test_occlusion_finds_what_a_patch_feature_hangs_on(encoder: Encoder) -> None:
    rng = np.random.default_rng(2)
    pixels = np.full((64, 64), 0.5, dtype=np.float32)
    pixels[32:48, 16:32] = rng.random((16, 16), dtype=np.float32)
    batch = encoder.preprocess([pixels])
    # The tiny encoder resizes and crops, so the square is looked for where it came to lie.
    bright = (batch[0, 0] - batch[0, 0, 0, 0]).abs().reshape(4, 16, 4, 16).sum((1, 3))
    patches = encoder.embed(batch).patches
    assert patches is not None
    place = int(bright.argmax())
    sae = toy_sae(encoder.d, tokens="patch")
    with torch.no_grad():
        sae.b_dec.copy_(patches[0].mean(0))
        sae.W_enc[:, 2] = patches[0, place] - patches[0].mean(0)
    heat = feature_map(encoder, sae, "patch", batch, 2, "occlusion")
    rows, columns = np.indices((4, 4))
    near = (np.abs(rows - place // 4) <= 1) & (np.abs(columns - place % 4) <= 1)
    assert heat[near].mean() > heat[~near].mean() if (~near).any() else heat.max() > 0


def test_patch_heat_lies_where_the_feature_fires(encoder: Encoder) -> None:
    rng = np.random.default_rng(1)
    pixels = rng.random((80, 80), dtype=np.float32)
    patches = encoder.embed(encoder.preprocess([pixels])).patches
    assert patches is not None
    sae = TopKSae(SaeConfig(32, 4, k=1))
    with torch.no_grad():
        sae.b_dec.copy_(patches[0].mean(0))
        sae.W_enc[:, 2] = patches[0, 5] - patches[0].mean(0)
    heat = feature_heatmap(encoder, sae, "patch", pixels, 2)
    assert heat.values.shape == (4, 4)
    assert heat.values.argmax() == 5
    cls = feature_heatmap(encoder, sae, "cls", pixels, 2)
    assert cls.values.shape == (4, 4) and cls.values.max() > 0


@pytest.fixture(scope="module")
def demo() -> tuple[Encoder, list[torch.Tensor]]:
    """The demo's encoder and three of its X-rays."""
    from saerad_core.demo.population import patient_studies
    from saerad_core.demo.render import render

    encoder = Encoder.load(Path(__file__).parents[2] / "data" / "demo" / "encoder", precision="float32")
    return encoder, [encoder.preprocess([render(patient_studies(3, i)[0]).pixels]) for i in range(3)]


@pytest.mark.parametrize("method", ["activation", *QUICK])
def test_maps_depend_on_the_weights(method: str, demo: tuple[Encoder, list[torch.Tensor]]) -> None:
    """Adebayo et al. 2018, "Sanity checks for saliency maps": with the encoder's weights drawn anew the map must become another one."""
    from saerad_core.demo.student import random_student

    encoder, batches = demo
    trained, tokens = encoder.model, METHODS[method].tokens
    like = []
    try:
        for batch in batches:
            maps = []
            for model in (trained, random_student(3)):
                encoder.model = model
                embedded = encoder.embed(batch)
                assert embedded.patches is not None
                sae = toy_sae(encoder.d, tokens=tokens)
                with torch.no_grad():
                    # The feature is what this X-ray, or one patch of it, shows.
                    mean = embedded.patches[0].mean(0)
                    sae.b_dec.copy_(mean)
                    sae.W_enc[:, 1] = (embedded.cls[0] if tokens == "cls" else embedded.patches[0, 100]) - mean
                maps.append(signed(method, encoder, sae, tokens, batch).ravel())
            like.append(spearmanr(*maps).statistic)
    finally:
        encoder.model = trained
    assert np.mean(like) < 0.6, like


def test_overlay_is_transparent_outside_of_the_peak() -> None:
    values = np.zeros((4, 4), dtype=np.float32)
    values[0, 3] = 2
    picture = Image.open(io.BytesIO(overlay_png(Heat(values, (10, 0, 90, 80)), 100, 80)))
    alpha = np.asarray(picture)[..., 3]
    assert picture.size == (80, 100)
    assert alpha[:10].max() == 0 and alpha[60:].max() == 0
    assert alpha[15:25, 65:75].min() > 100
    silent = np.asarray(Image.open(io.BytesIO(overlay_png(Heat(np.zeros((4, 4), np.float32), (0, 0, 80, 80)), 80, 80))))
    assert silent[..., 3].max() == 0
