"""The features chosen are the true top k, whatever screened them."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from saerad_core.sae.sparse.threads import spans
from saerad_core.sae.sparse.topk import NOBODY, screened, top_k


def check(x, weights, bias, k, half, ids=NOBODY, threads=2):
    """Chosen values are the largest in float64, each belongs to its feature, none is chosen twice."""
    found = top_k(x, screened(weights, bias, half), k, ids, threads)
    among = ids if len(ids) else np.arange(len(weights))
    pre = x.astype(np.float64) @ weights[among].astype(np.float64).T + bias[among].astype(np.float64)
    k = min(k, len(among))
    truth = -np.sort(-np.maximum(pre, 0), axis=1)[:, :k]
    place = {int(feature): at for at, feature in enumerate(among)}
    for r in range(len(x)):
        n = found.active[r]
        chosen = [place[int(f)] for f in found.indices[r, :n]]
        assert len(set(chosen)) == n
        slack = 1e-12 * (1 + np.abs(x[r]).astype(np.float64) @ np.abs(weights[among]).astype(np.float64).T.max(1))
        np.testing.assert_allclose(pre[r, chosen], truth[r, :n], rtol=0, atol=slack)
        assert (truth[r, n:] <= slack).all()
        np.testing.assert_allclose(found.values[r, :n], truth[r, :n], rtol=1e-6, atol=1e-40)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    batch=st.sampled_from([1, 2, 7, 33]),
    d=st.sampled_from([1, 3, 16, 70]),
    m=st.sampled_from([1, 5, 64, 200, 1_100]),
    k=st.integers(1, 40),
    half=st.booleans(),
    scale=st.sampled_from([1e-30, 1e-3, 1.0, 1e4, 1e15]),
)
def test_true_top_k_of_many_shapes(seed, batch, d, m, k, half, scale):
    rng = np.random.default_rng(seed)
    x = (rng.standard_normal((batch, d)) * scale).astype(np.float32)
    weights = (rng.standard_normal((m, d)) * rng.lognormal(0, 2, (m, 1))).astype(np.float32)
    bias = (rng.standard_normal(m) * scale * rng.integers(0, 2)).astype(np.float32)
    ids = np.sort(rng.choice(m, max(1, m // 3), replace=False)).astype(np.int32) if rng.integers(0, 2) else NOBODY
    check(x, weights, bias, k, half, ids)


@pytest.mark.parametrize("half", [True, False])
@pytest.mark.parametrize("case", ["near ties", "one direction", "denormal", "zeros", "huge", "cancelling", "all equal"])
def test_true_top_k_where_screens_err(case, half):
    rng = np.random.default_rng(3)
    x = rng.standard_normal((20, 48)).astype(np.float32)
    weights = rng.standard_normal((900, 48)).astype(np.float32)
    bias = np.zeros(900, np.float32)
    if case == "near ties":
        weights[:] = weights[0] + rng.standard_normal((900, 48)).astype(np.float32) * 1e-4
    elif case == "one direction":
        weights = weights[:1] * np.linspace(1, 1.0001, 900, dtype=np.float32)[:, None]
    elif case == "denormal":
        x *= np.float32(1e-39)
        weights *= np.float32(10)
    elif case == "zeros":
        x[::2] = 0
        weights[::3] = 0
        bias[::5] = 1e-3
    elif case == "huge":
        x *= np.float32(1e18)
        weights[7] *= np.float32(1e17)
    elif case == "cancelling":
        x[:, 0], weights[:, 0] = 1e3, 1e3
        bias[:] = -1e6
    else:
        weights[:] = weights[0]
    check(np.ascontiguousarray(x), np.ascontiguousarray(weights), bias, 6, half)


def test_reduced_precision_of_torch_does_not_change_the_choice():
    rng = np.random.default_rng(5)
    x, weights = rng.standard_normal((64, 64)).astype(np.float32), rng.standard_normal((2_000, 64)).astype(np.float32)
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        check(x, weights, np.zeros(2_000, np.float32), 9, False)
    finally:
        torch.set_float32_matmul_precision(before)


@given(n=st.integers(1, 500), most=st.integers(1, 100), parts=st.integers(1, 5))
def test_spans_cover_everything_once(n, most, parts):
    found = spans(n, most, parts)
    assert [i for lo, hi in found for i in range(lo, hi)] == list(range(n))
    assert all(0 < hi - lo <= most for lo, hi in found)
