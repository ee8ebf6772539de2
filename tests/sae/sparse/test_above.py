"""The pre-activations found above a floor are all of them, and BatchTopK's are the largest of the batch, whatever screened them."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from saerad_core.sae.sparse.above import above
from saerad_core.sae.sparse.slots import by_row
from saerad_core.sae.sparse.step_batch_topk import BatchTopKStepper
from saerad_core.sae.sparse.topk import screened
from tests.sae.sparse.test_step import made


def pairs(slots):
    """Rows and features of the slots, in their order."""
    rows = np.repeat(np.arange(len(slots.active)), slots.active)
    return rows, slots.indices


def check(x, weights, bias, floor, half):
    """Nothing that is clearly above its floor is missing, nothing clearly below is there, values are those of float64."""
    found = above(x, screened(weights, bias, half), floor, threads=2)
    pre = x.astype(np.float64) @ weights.astype(np.float64).T + bias.astype(np.float64)
    slack = 1e-12 * (1 + np.abs(x).astype(np.float64) @ np.abs(weights).astype(np.float64).T)
    rows, features = pairs(found)
    there = np.zeros(pre.shape, bool)
    there[rows, features] = True
    assert there.sum() == len(rows)
    assert there[pre > floor + slack].all()
    assert not there[pre < floor - slack].any()
    assert (np.diff(rows * len(weights) + features) > 0).all()
    np.testing.assert_allclose(found.values, pre[rows, features], rtol=1e-6, atol=slack.max())


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    batch=st.sampled_from([1, 2, 7, 33]),
    d=st.sampled_from([1, 3, 16, 70]),
    m=st.sampled_from([1, 5, 64, 200, 1_100]),
    share=st.sampled_from([0.0, 0.01, 0.3, 1.0]),
    half=st.booleans(),
    scale=st.sampled_from([1e-30, 1e-3, 1.0, 1e4, 1e15]),
)
def test_all_above_their_floors(seed, batch, d, m, share, half, scale):
    rng = np.random.default_rng(seed)
    x = (rng.standard_normal((batch, d)) * scale).astype(np.float32)
    weights = (rng.standard_normal((m, d)) * rng.lognormal(0, 2, (m, 1))).astype(np.float32)
    bias = (rng.standard_normal(m) * scale * rng.integers(0, 2)).astype(np.float32)
    floor = np.quantile(x.astype(np.float64) @ weights.astype(np.float64).T, 1 - share, axis=0)
    floor[rng.random(m) < 0.1] = -np.inf
    check(x, weights, bias, floor, half)


@pytest.mark.parametrize("half", [True, False])
@pytest.mark.parametrize("case", ["at the floor", "zeros", "one direction", "cancelling"])
def test_all_above_where_screens_err(case, half):
    rng = np.random.default_rng(3)
    x, weights = rng.standard_normal((20, 48)).astype(np.float32), rng.standard_normal((900, 48)).astype(np.float32)
    bias, floor = np.zeros(900, np.float32), np.zeros(900)
    if case == "at the floor":
        floor = (x[:1].astype(np.float64) @ weights.astype(np.float64).T)[0]
    elif case == "zeros":
        x[::2] = 0
        bias[::5] = 1e-3
    elif case == "one direction":
        weights = weights[:1] * np.linspace(1, 1.0001, 900, dtype=np.float32)[:, None]
        floor[:] = float(x[0].astype(np.float64) @ weights[450].astype(np.float64))
    else:
        x[:, 0], weights[:, 0], bias[:] = 1e3, 1e3, -1e6
    check(x, np.ascontiguousarray(weights), bias, floor, half)


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 1_000),
    batch=st.sampled_from([1, 5, 60]),
    k=st.sampled_from([1, 4, 30, 150]),
    uneven=st.booleans(),
    half=st.booleans(),
)
def test_batch_topk_keeps_the_largest_of_the_batch(seed, batch, k, uneven, half):
    """Uneven: a few tokens, which the guess of the floor may miss, hold most of the largest."""
    sae, config = made("batch_topk", 20, 150, torch.float32, seed, k=k)
    stepper = BatchTopKStepper(sae, config, half=half, threads=2)
    stepper.crowded = 2.0
    x = torch.randn(batch, 20).numpy()
    if uneven:
        x[1::7] *= 30
    slots = stepper.choose(x)
    pre = np.maximum(x.astype(np.float64) @ stepper.enc.T.astype(np.float64) + stepper.parameter("b_enc"), 0)
    kept = min(k * batch, int((pre > 0).sum()))
    rows, features = pairs(slots)
    assert len(set(zip(rows.tolist(), features.tolist(), strict=True))) == len(rows) == kept
    largest = -np.sort(-pre, axis=None)[:kept]
    np.testing.assert_allclose(-np.sort(-pre[rows, features]), largest, rtol=1e-6)
    assert float(sae.get_buffer("threshold")[0]) == pytest.approx(
        float(largest[-1]) if kept == k * batch else 0.0, rel=1e-5, abs=1e-30
    )


@given(rows=st.lists(st.integers(0, 5), max_size=30))
def test_slots_by_row_keep_their_order(rows):
    rows = np.array(rows, np.int32)
    order = np.arange(len(rows), dtype=np.int32)
    active, indices, values = by_row(6, rows, order, order.astype(np.float32))
    assert active.tolist() == np.bincount(rows, minlength=6).tolist()
    assert indices.tolist() == np.argsort(rows, kind="stable").tolist()
    assert values.tolist() == indices.tolist()
