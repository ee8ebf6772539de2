"""The TopK SAE: sparse equals dense, files round trip, training recovers a known dictionary."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from saerad_core.sae.config import SaeConfig
from saerad_core.sae.metrics import dead_share, explained_variance, l0, pca_explained_variance
from saerad_core.sae.topk import TopKSae
from saerad_core.sae.train import train
from tests.sae.examples import planted, random_sae


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 20))
def test_sparse_decode_equals_dense(seed: int, k: int) -> None:
    sae = random_sae(k=k, seed=seed)
    x = torch.randn(5, 8, generator=torch.Generator().manual_seed(seed + 1))
    codes = sae.encode(x)
    dense = sae.dense(x)
    assert (dense > 0).sum(1).max() <= k
    torch.testing.assert_close(sae.decode(codes), dense @ sae.W_dec + sae.b_dec, rtol=1e-5, atol=1e-5)
    assert l0(codes.values) == pytest.approx(float((dense > 0).sum(1).float().mean()))


@given(st.integers(0, 1_000))
@settings(max_examples=10, deadline=None)
def test_features_can_be_renumbered(seed: int) -> None:
    sae, x = random_sae(seed=seed), torch.randn(3, 8, generator=torch.Generator().manual_seed(seed))
    order = torch.randperm(24, generator=torch.Generator().manual_seed(seed))
    other = TopKSae(sae.config)
    with torch.no_grad():
        other.W_enc.copy_(sae.W_enc[:, order])
        other.b_enc.copy_(sae.b_enc[order])
        other.W_dec.copy_(sae.W_dec[order])
        other.b_dec.copy_(sae.b_dec)
    torch.testing.assert_close(other.dense(x), sae.dense(x)[:, order])
    torch.testing.assert_close(other.decode(other.encode(x)), sae.decode(sae.encode(x)), rtol=1e-4, atol=1e-5)


def test_training_recovers_a_known_dictionary() -> None:
    rng = np.random.default_rng(0)
    directions = rng.normal(size=(24, 16)).astype(np.float32)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    config = SaeConfig(16, 48, k=3, lr=1e-2, steps=500, batch=256, check_every=100, patience=5, dead_after=5_000)
    trained = train(planted(4_000, 1, directions), planted(1_000, 2, directions), config)
    sae = trained.sae
    test = torch.from_numpy(planted(1_000, 3, directions))
    with torch.no_grad():
        explained = explained_variance(test, sae.decode(sae.encode(test)), test.mean(0))
    best = np.abs(directions @ sae.W_dec.detach().numpy().T).max(1)
    assert explained > 0.85
    assert explained > pca_explained_variance(torch.from_numpy(planted(4_000, 1, directions)), test, 3)
    assert np.mean(best > 0.9) > 0.7
    torch.testing.assert_close(sae.W_dec.norm(dim=1), torch.ones(48), rtol=1e-4, atol=1e-4)


def test_training_keeps_the_weights_that_were_best_on_validation() -> None:
    rng = np.random.default_rng(0)
    few, others = rng.normal(size=(64, 12)).astype(np.float32), rng.normal(size=(64, 12)).astype(np.float32)
    config = SaeConfig(12, 64, k=4, lr=3e-2, steps=200, batch=64, check_every=10, patience=3)
    trained = train(few, others, config)
    best = max(entry["explained_variance"] for entry in trained.log)
    x = torch.from_numpy(others)
    with torch.no_grad():
        kept = explained_variance(x, trained.sae.decode(trained.sae.encode(x)), x.mean(0))
    assert kept == pytest.approx(best, abs=2e-3)
    assert trained.log[-1]["step"] < 200


def test_metrics_on_known_numbers() -> None:
    x = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 2.0], [0.0, -2.0]])
    mean = torch.zeros(2)
    assert explained_variance(x, x, mean) == 1
    assert explained_variance(x, torch.zeros_like(x), mean) == 0
    assert pca_explained_variance(x, x, 1) == pytest.approx(0.8)
    assert pca_explained_variance(x, x, 2) == pytest.approx(1)
    assert dead_share(torch.tensor([[0.0, 1.0, 0.0, 2.0]])) == 0.5
