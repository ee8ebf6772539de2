"""Adam that leaves silent features alone."""

from __future__ import annotations

import torch

from saerad_core.sae.adam import LazyAdam
from saerad_core.sae.dense import DenseStepper
from tests.sae.examples import random_sae


def with_gradients(sae, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    for parameter in sae.parameters():
        parameter.grad = torch.randn(parameter.shape, generator=generator)


def test_it_is_torchs_adam_where_everything_is_touched() -> None:
    ours, theirs = random_sae(), random_sae()
    adam, reference = LazyAdam(ours), torch.optim.Adam(theirs.parameters(), lr=0.01)
    for step in range(5):
        with_gradients(ours, step)
        with_gradients(theirs, step)
        adam.step(0.01, torch.ones(24, dtype=torch.bool))
        reference.step()
    for name, value in ours.state_dict().items():
        torch.testing.assert_close(value, theirs.state_dict()[name])


def test_a_silent_feature_keeps_weights_moments_and_count() -> None:
    often, seldom = random_sae(), random_sae()
    a, b = LazyAdam(often), LazyAdam(seldom)
    everything, others = torch.ones(24, dtype=torch.bool), torch.ones(24, dtype=torch.bool)
    others[5] = False
    for step in range(2):
        with_gradients(often, step)
        with_gradients(seldom, step)
        a.step(0.01, everything)
        b.step(0.01, everything)
        for silent in range(7):
            with_gradients(seldom, 100 + silent)
            b.step(0.01, others)
    # Seven silent steps in between leave no trace on feature 5.
    torch.testing.assert_close(seldom.W_dec[5], often.W_dec[5])
    torch.testing.assert_close(seldom.W_enc[:, 5], often.W_enc[:, 5])
    torch.testing.assert_close(b.second["W_dec"][5], a.second["W_dec"][5])
    assert not torch.allclose(seldom.W_dec[4], often.W_dec[4])


def test_a_step_leaves_unreached_features_and_unit_rows() -> None:
    sae = random_sae(k=1)
    before = sae.W_dec.detach().clone()
    stepper = DenseStepper(sae, sae.config)
    x = torch.randn(2, 8, generator=torch.Generator().manual_seed(0))
    fired = sae.dense(x).any(0)
    stepper.step(x, 0.01)
    torch.testing.assert_close(sae.W_dec[~fired], before[~fired])
    assert (sae.W_dec[fired] != before[fired]).any()
    torch.testing.assert_close(sae.W_dec.norm(dim=1), torch.ones(24))
