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
from saerad_core.sae.registry import REGISTRY, make, stepper_for
from saerad_core.sae.sparse.step import SparseStepper

every = pytest.mark.parametrize("architecture", REGISTRY)


def made(architecture, d, m, dtype, seed=0, **settings):
    """A dictionary of which every part has something to learn."""
    torch.manual_seed(seed)
    # No warm-up, so that the penalty counts from the first step.
    config = SaeConfig(d, m, architecture=architecture, warmup=1, **settings)
    sae = make(config).to(dtype)
    with torch.no_grad():
        sae.W_dec.normal_()
        if architecture != "gated":
            sae.normalise()
        sae.tie()
        sae.W_enc.add_(torch.randn_like(sae.W_enc), alpha=0.1)
        sae.b_dec.normal_(0, 0.3)
        for name, parameter in sae.named_parameters():
            if name in ("b_enc", "b_mag", "r_mag"):
                parameter.normal_(0, 0.1)
            if name == "b_gate":
                parameter.normal_(-0.5, 0.5)
            if name == "threshold":
                # Some below the kernel's half width and some below 0.
                parameter.uniform_(-0.05, 1.0)
    return sae, config


def sparse(sae, config, **options):
    """The architecture's sparse stepper, which never leaves a step to the dense one."""
    fitting = stepper_for(sae, config)
    assert isinstance(fitting, SparseStepper)
    stepper = type(fitting)(sae, config, **options)
    stepper.crowded = 2.0
    return stepper


@every
@settings(max_examples=30, deadline=None)
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
def test_agrees_with_autograd_in_float64(architecture, seed, batch, d, m, k, aux_k, share_dead, clip, half):
    """Before any update the first moment is a tenth of the clipped, projected gradient: both are compared at once."""
    k = m if k == "m" else min(k, m)
    sae, config = made(architecture, d, m, torch.float64, seed, k=k, aux_k=aux_k, dead_after=1_000, clip=clip)
    dense, stepper = DenseStepper(copy.deepcopy(sae), config), sparse(copy.deepcopy(sae), config, half=half)
    # Counts in float32 would round the bias corrections of the dense one.
    dense.adam.updates = dense.adam.updates.double()
    dead = torch.rand(m) < share_dead
    dense.silent_for[dead] = 5_000
    stepper.silent_for[dead] = 5_000
    for _ in range(2):
        x = torch.randn(batch, d, dtype=torch.float64)
        expected, got = dense.step(x, 1e-3), stepper.step(x, 1e-3)
        # The variance of a batch of one is nothing; both divide by the same smallest number.
        assert np.allclose(got, expected, rtol=1e-6, atol=1e-8)
    wanted, found = dense.state_dict(), stepper.state_dict()
    assert set(found) == set(wanted)
    for name in found:
        if name.startswith("adam.second"):
            torch.testing.assert_close(found[name].sqrt(), wanted[name].sqrt(), rtol=1e-6, atol=1e-8, msg=name)
        elif name.startswith("adam.first"):
            torch.testing.assert_close(found[name], wanted[name], rtol=1e-6, atol=1e-9, msg=name)
        else:
            torch.testing.assert_close(found[name].double(), wanted[name].double(), rtol=1e-6, atol=2e-6, msg=name)


@every
def test_first_gradients_are_autograds(architecture):
    """Without clipping and projection in the way: all but a projected decoder to float64's precision."""
    sae, config = made(architecture, 20, 90, torch.float64, k=5, aux_k=7, dead_after=10, clip=0.0)
    stepper = sparse(copy.deepcopy(sae), config)
    stepper.silent_for[:30] = 50
    x = torch.randn(33, 20, dtype=torch.float64)
    sae.loss(x, Context(torch.arange(90) < 30, config.penalty)).total.backward()
    stepper.step(x, 1e-3)
    for name, parameter in sae.named_parameters():
        if name != "W_dec" or not sae.unit_decoder:
            torch.testing.assert_close(stepper.adam.first[name] * 10, parameter.grad, rtol=1e-10, atol=1e-13, msg=name)
    assert len(list(sae.parameters())) >= 4


@every
@pytest.mark.parametrize("half", [True, False])
def test_float32_stays_near_the_dense_step(architecture, half):
    sae, config = made(architecture, 64, 512, torch.float32, k=8, aux_k=16, dead_after=300)
    dense, stepper = DenseStepper(copy.deepcopy(sae), config), sparse(copy.deepcopy(sae), config, half=half)
    for _ in range(6):
        x = torch.randn(100, 64)
        expected, got = dense.step(x, 1e-3), stepper.step(x, 1e-3)
        assert got.dead == expected.dead
        assert np.allclose(got, expected, rtol=1e-4)
    torch.testing.assert_close(stepper.sae.W_enc, dense.sae.W_enc, rtol=0, atol=2e-4)
    torch.testing.assert_close(stepper.sae.W_dec, dense.sae.W_dec, rtol=0, atol=2e-4)


@every
def test_same_weights_whatever_the_threads_and_the_screen(architecture):
    found = []
    for threads, half in ((1, False), (2, True), (3, True)):
        sae, config = made(architecture, 32, 300, torch.float32, k=6, aux_k=8, dead_after=150)
        stepper = sparse(sae, config, half=half, threads=threads)
        for _ in range(5):
            stepper.step(torch.randn(64, 32), 1e-2)
        found.append(stepper.state_dict())
    for other in found[1:]:
        assert all(torch.equal(found[0][name], other[name]) for name in other)


@every
@pytest.mark.parametrize("then", [sparse, DenseStepper])
def test_goes_on_from_a_checkpoint_to_the_same_weights(architecture, then):
    """The sparse stepper bit for bit; the dense one, given the sparse one's state, to rounding."""
    dtype = torch.float32 if then is sparse else torch.float64
    sae, config = made(architecture, 32, 300, dtype, k=6, aux_k=8, dead_after=150, penalty=0.3)
    batches = [torch.randn(64, 32, dtype=dtype) for _ in range(8)]
    stepper = sparse(sae, config)
    for x in batches[:4]:
        stepper.step(x, 1e-3)
    kept = copy.deepcopy(stepper.state_dict())
    for x in batches[4:]:
        stepper.step(x, 1e-3)
    again = then(made(architecture, 32, 300, dtype, seed=9, k=6, aux_k=8, dead_after=150, penalty=0.3)[0], config)
    again.load_state_dict(kept)
    for x in batches[4:]:
        again.step(x, 1e-3)
    wanted, got = stepper.state_dict(), again.state_dict()
    assert set(wanted) == set(got)
    if then is sparse:
        assert all(torch.equal(wanted[name], got[name]) for name in wanted)
    for name in wanted:
        torch.testing.assert_close(got[name], wanted[name], rtol=1e-4, atol=1e-5, msg=name)


@pytest.mark.parametrize("architecture", ["gated", "jumprelu", "batch_topk", "matryoshka"])
def test_a_crowded_step_is_the_dense_one(architecture):
    sae, config = made(architecture, 20, 60, torch.float32, k=20)
    dense, stepper = DenseStepper(copy.deepcopy(sae), config), sparse(copy.deepcopy(sae), config)
    stepper.crowded = 0.0
    for _ in range(3):
        x = torch.randn(30, 20)
        assert dense.step(x, 1e-2) == stepper.step(x, 1e-2)
    assert all(torch.equal(value, stepper.state_dict()[name]) for name, value in dense.state_dict().items())


@every
def test_trains_parameters_in_place_and_says_when_it_ran_away(architecture):
    sae, config = made(architecture, 16, 40, torch.float32, k=3)
    stepper = sparse(sae, config)
    x = torch.randn(50, 16)
    before = stepper.step(x, 1e-2).explained_variance
    for _ in range(30):
        stepper.step(x, 1e-2)
    nobody = torch.zeros(40, dtype=torch.bool)
    # Not the loss, of which a steered penalty is part.
    assert float(sae.loss(x, Context(nobody, stepper.controller.penalty)).explained) > before
    assert not np.isfinite(stepper.step(x * float("nan"), 1e-2).loss)


def test_only_the_dense_step_learns_an_archetypal_decoder():
    sae, config = made("topk", 16, 40, torch.float32, k=3, archetypes=8)
    assert not isinstance(stepper_for(sae, config), SparseStepper)
