"""The sparse step is the dense one: gradients and updates against autograd."""

import copy

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from saerad_core.sae.base import Context
from saerad_core.sae.config import SaeConfig
from saerad_core.sae.dense import DenseStepper
from saerad_core.sae.sparse.step import SparseStepper, sparse_stepper
from saerad_core.sae.topk import TopKSae


def made(d, m, dtype, seed=0, **settings):
    torch.manual_seed(seed)
    config = SaeConfig(d, m, **settings)
    sae = TopKSae(config).to(dtype)
    with torch.no_grad():
        sae.W_dec.normal_()
        sae.normalise()
        sae.tie()
        sae.W_enc.add_(torch.randn_like(sae.W_enc), alpha=0.1)
        sae.b_enc.normal_(0, 0.1)
        sae.b_dec.normal_(0, 0.3)
    return sae, config


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    batch=st.sampled_from([1, 2, 9, 40]),
    d=st.sampled_from([2, 5, 24, 50]),
    m=st.sampled_from([3, 17, 150]),
    k=st.sampled_from([1, 4, 15, "m"]),
    aux_k=st.sampled_from([0, 1, 6]),
    share_dead=st.sampled_from([0.0, 0.3, 1.0]),
    clip=st.sampled_from([0.0, 0.05, 1e6]),
    half=st.booleans(),
)
def test_agrees_with_autograd_in_float64(seed, batch, d, m, k, aux_k, share_dead, clip, half):
    """Before any update the first moment is a tenth of the clipped, projected gradient: both are compared at once."""
    k = m if k == "m" else min(k, m)
    sae, config = made(d, m, torch.float64, seed, k=k, aux_k=aux_k, dead_after=1_000, clip=clip)
    dense, sparse = DenseStepper(copy.deepcopy(sae), config), SparseStepper(copy.deepcopy(sae), config, half=half)
    # Counts in float32 would round the bias corrections of the dense one.
    dense.adam.updates = dense.adam.updates.double()
    dead = torch.rand(m) < share_dead
    dense.silent_for[dead] = 5_000
    sparse.silent_for[dead] = 5_000
    for _ in range(2):
        x = torch.randn(batch, d, dtype=torch.float64)
        expected, got = dense.step(x, 1e-3), sparse.step(x, 1e-3)
        # The variance of a batch of one is nothing; both divide by the same smallest number.
        assert np.allclose(got, expected, rtol=1e-6, atol=1e-8)
    wanted, found = dense.state_dict(), sparse.state_dict()
    for name in found:
        if name.startswith("adam.second"):
            torch.testing.assert_close(found[name].sqrt(), wanted[name].sqrt(), rtol=1e-6, atol=1e-8)
        elif name.startswith("adam.first"):
            torch.testing.assert_close(found[name], wanted[name], rtol=1e-6, atol=1e-9)
        else:
            torch.testing.assert_close(found[name].double(), wanted[name].double(), rtol=1e-6, atol=2e-6)


def test_first_gradients_are_autograds():
    """Without clipping and projection in the way: encoder, its bias and the decoder's bias to float64's precision."""
    sae, config = made(20, 90, torch.float64, k=5, aux_k=7, dead_after=10, clip=0.0)
    stepper = SparseStepper(copy.deepcopy(sae), config)
    stepper.silent_for[:30] = 50
    x = torch.randn(33, 20, dtype=torch.float64)
    sae.loss(x, Context(stepper.silent_for >= 10, 0.0)).total.backward()
    stepper.step(x, 1e-3)
    for name in ("W_enc", "b_enc", "b_dec"):
        torch.testing.assert_close(
            stepper.adam.first[name] * 10, sae.get_parameter(name).grad, rtol=1e-10, atol=1e-13, msg=name
        )


@pytest.mark.parametrize("half", [True, False])
def test_float32_stays_near_the_dense_step(half):
    sae, config = made(64, 512, torch.float32, k=8, aux_k=16, dead_after=300)
    dense, sparse = DenseStepper(copy.deepcopy(sae), config), SparseStepper(copy.deepcopy(sae), config, half=half)
    for _ in range(6):
        x = torch.randn(100, 64)
        expected, got = dense.step(x, 1e-3), sparse.step(x, 1e-3)
        assert got.dead == expected.dead
        assert np.allclose(got, expected, rtol=1e-4)
    torch.testing.assert_close(sparse.sae.W_enc, dense.sae.W_enc, rtol=0, atol=2e-4)
    torch.testing.assert_close(sparse.sae.W_dec, dense.sae.W_dec, rtol=0, atol=2e-4)


def test_same_weights_whatever_the_threads_and_the_screen():
    found = []
    for threads, half in ((1, False), (2, True), (3, True)):
        sae, config = made(32, 300, torch.float32, k=6, aux_k=8, dead_after=150)
        stepper = SparseStepper(sae, config, half=half, threads=threads)
        for _ in range(5):
            stepper.step(torch.randn(64, 32), 1e-2)
        found.append(stepper.state_dict())
    for other in found[1:]:
        assert all(torch.equal(found[0][name], other[name]) for name in other)


def test_goes_on_from_a_checkpoint_to_the_same_weights():
    sae, config = made(32, 300, torch.float32, k=6, aux_k=8, dead_after=150)
    batches = [torch.randn(64, 32) for _ in range(8)]
    stepper = SparseStepper(sae, config)
    for x in batches[:4]:
        stepper.step(x, 1e-2)
    kept = copy.deepcopy(stepper.state_dict())
    for x in batches[4:]:
        stepper.step(x, 1e-2)
    again = SparseStepper(made(32, 300, torch.float32, seed=9, k=6, aux_k=8, dead_after=150)[0], config)
    again.load_state_dict(kept)
    for x in batches[4:]:
        again.step(x, 1e-2)
    wanted, got = stepper.state_dict(), again.state_dict()
    assert all(torch.equal(wanted[name], got[name]) for name in wanted)


def test_trains_parameters_in_place_and_says_when_it_ran_away():
    sae, config = made(16, 40, torch.float32, k=3)
    stepper = sparse_stepper(sae, config)
    assert stepper is not None
    x = torch.randn(50, 16)
    before = stepper.step(x, 1e-2).loss
    for _ in range(30):
        stepper.step(x, 1e-2)
    assert float(sae.loss(x, Context(torch.zeros(40, dtype=torch.bool), 0.0)).total.detach()) < before
    assert not np.isfinite(stepper.step(x * float("nan"), 1e-2).loss)
