"""From patches to the X-ray's code, and the rule for which features speak."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from saerad_core.encoder import Embedded
from saerad_core.sae.active import active, fit_thresholds
from saerad_core.sae.codes import SparseCodes
from saerad_core.sae.columns import by_feature
from saerad_core.sae.image_code import ImageRead, ImageReader, patch_activations
from tests.sae.examples import random_sae


def read(sae, embedded: Embedded, tokens: str) -> ImageRead:
    return ImageReader(sae, tokens).read(embedded)


@given(st.integers(0, 1_000))
@settings(max_examples=15, deadline=None)
def test_patch_code_is_the_maximum_over_patches(seed: int) -> None:
    sae = random_sae(seed=seed)
    patches = torch.randn(2, 9, 8, generator=torch.Generator().manual_seed(seed))
    code = torch.from_numpy(read(sae, Embedded(patches[:, 0], patches), "patch").code.rows(slice(None)).toarray())
    expected = torch.stack([sae.dense(image).amax(0) for image in patches])
    torch.testing.assert_close(code, expected.half().float(), rtol=1e-3, atol=1e-6)
    feature = int(code[0].argmax())
    torch.testing.assert_close(patch_activations(sae, patches[0], feature), sae.dense(patches[0])[:, feature])


@given(st.integers(0, 1_000))
@settings(max_examples=15, deadline=None)
def test_patch_code_is_the_mean_over_patches_where_the_dictionary_says_so(seed: int) -> None:
    sae = random_sae(seed=seed)
    sae.config.pool = "mean"
    patches = torch.randn(2, 9, 8, generator=torch.Generator().manual_seed(seed))
    code = torch.from_numpy(read(sae, Embedded(patches[:, 0], patches), "patch").code.rows(slice(None)).toarray())
    expected = torch.stack([sae.dense(image).mean(0) for image in patches])
    torch.testing.assert_close(code, expected.detach(), rtol=1e-3, atol=1e-6)


def test_cls_code_ignores_patches() -> None:
    sae = random_sae(tokens="cls")
    cls = torch.randn(3, 8, generator=torch.Generator().manual_seed(0))
    code = read(sae, Embedded(cls, None), "cls").code.rows(slice(None)).toarray()
    torch.testing.assert_close(torch.from_numpy(code), sae.dense(cls).half().float(), rtol=1e-3, atol=1e-6)


@given(st.integers(0, 1_000), st.sampled_from(["cls", "patch"]))
@settings(max_examples=15, deadline=None)
def test_the_error_is_what_the_rebuilt_tokens_lack(seed: int, tokens: str) -> None:
    sae = random_sae(tokens=tokens, seed=seed)
    patches = torch.randn(3, 5, 8, generator=torch.Generator().manual_seed(seed))
    embedded = Embedded(patches[:, 0], patches)
    error = read(sae, embedded, tokens).error
    for row in range(3):
        x = patches[row, :1] if tokens == "cls" else patches[row]
        rebuilt = (sae.dense(x) @ sae.W_dec + sae.b_dec).detach()
        expected = [float((x - rebuilt).square().sum()), float((x - sae.b_dec.detach()).square().sum())]
        np.testing.assert_allclose(error[row], expected, rtol=1e-4)


@given(st.integers(0, 1_000), st.integers(2, 8))
@settings(max_examples=15, deadline=None)
def test_the_rule_meets_its_target_and_its_cap(seed: int, target: int) -> None:
    rng = np.random.default_rng(seed)
    codes = np.maximum(rng.normal(size=(400, 60)) + rng.normal(size=60), 0).astype(np.float32) ** 2
    codes = codes.astype(np.float16).astype(np.float32)
    rule = fit_thresholds(by_feature(SparseCodes.of(codes)), tokens="patch", target=target, cap=0.2)
    speaks = codes > rule.thresholds
    assert abs(speaks.sum(1).mean() - target) < 0.2
    assert speaks.mean(0).max() <= 0.2 + 1 / 400
    assert "standard deviations" in rule.rule


def test_the_rule_meets_its_target_where_every_feature_is_rare() -> None:
    rng = np.random.default_rng(0)
    codes = rng.gamma(2, 1, (1_500, 3_000)).astype(np.float32) * (rng.random((1_500, 3_000)) < 0.006)
    rule = fit_thresholds(by_feature(SparseCodes.of(codes)), tokens="patch", target=5)
    assert 4.5 < (codes.astype(np.float16) > rule.thresholds).sum(1).mean() <= 5


def test_features_that_hardly_fire_stay_silent() -> None:
    codes = np.zeros((50, 3), dtype=np.float32)
    codes[:4, 0] = 5
    codes[:10, 1] = 5
    rule = fit_thresholds(by_feature(SparseCodes.of(codes)), tokens="patch", target=0.2)
    assert np.isinf(rule.thresholds[[0, 2]]).all()
    assert np.isfinite(rule.thresholds[1])


def test_active_features_come_strongest_for_themselves_first() -> None:
    features, values = active(np.array([5, 3, 1, 0], dtype=np.float32), np.array([4, 1, 2, 0], dtype=np.float32))
    assert features.tolist() == [1, 0]
    assert values.tolist() == [3, 5]
    features, _ = active(np.array([1, 3, 0], dtype=np.float32), np.zeros(3, dtype=np.float32))
    assert features.tolist() == [1, 0]
