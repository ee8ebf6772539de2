import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from saerad_core.sae.metrics import (
    cosine,
    dead_share,
    dense_share,
    explained_variance,
    frequency_histogram,
    l0,
    pca_curve,
)


def test_cosine_is_a_mean_over_tokens_and_blind_to_length():
    x = torch.tensor([[1.0, 0], [0, 2], [1, 1]])
    assert cosine(x, x * 3) == pytest.approx(1)
    assert cosine(x, x[:, [1, 0]]) == pytest.approx(1 / 3)


def test_explained_variance_of_the_mean_is_nothing_and_of_the_token_all():
    x = torch.randn(50, 4, generator=torch.Generator().manual_seed(0))
    mean = x.mean(0)
    assert explained_variance(x, mean.expand_as(x), mean) == pytest.approx(0)
    assert explained_variance(x, x, mean) == 1


def test_counts_of_firing_features():
    codes = torch.tensor([[0.0, 1, 2, 0], [0, 1, 0, 0]])
    assert l0(codes) == 1.5 and dead_share(codes) == 0.5
    assert dense_share(np.array([0.0, 0.05, 0.1, 0.2])) == 0.25


@given(st.integers(1, 5_000), st.integers(0, 1_000))
def test_every_living_feature_is_in_one_bin(n, seed):
    counts = np.random.default_rng(seed).integers(0, n + 1, 60)
    counts[:2] = 1, n
    edges, found = frequency_histogram(counts / n, n)
    assert found.sum() == (counts > 0).sum() and len(edges) == len(found) + 1
    assert edges[0] < 1 / n and edges[-1] == 1
    for low, high, number in zip(edges[:-1], edges[1:], found, strict=True):
        inside = (counts / n > low * (1 + 1e-9)) & (counts / n <= high * (1 + 1e-9))
        assert inside.sum() == number


def test_the_pca_curve_is_the_explained_variance_of_projections():
    g = torch.Generator().manual_seed(0)
    train, test = (
        torch.randn(n, 6, generator=g) @ torch.randn(6, 6, generator=torch.Generator().manual_seed(1))
        for n in (200, 80)
    )
    curve = pca_curve(train, test)
    mean = train.mean(0)
    basis = torch.linalg.svd(train - mean, full_matrices=False).Vh
    for k in (1, 3, 6):
        rebuilt = (test - mean) @ basis[:k].T @ basis[:k] + mean
        assert curve[k - 1] == pytest.approx(explained_variance(test, rebuilt, mean), abs=1e-5)
