"""What holds of every architecture: sparse equals dense, features can be renumbered, scaling folds in, gradients are right."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from saerad_core.errors import SaeRadError
from saerad_core.sae.archetypal import make_archetypal, set_free
from saerad_core.sae.base import Context, as_dense, feature_axis
from saerad_core.sae.config import SaeConfig
from saerad_core.sae.dense import DenseStepper
from saerad_core.sae.jumprelu import _Jump, _Step
from saerad_core.sae.registry import REGISTRY, make
from tests.sae.examples import random_sae

every = pytest.mark.parametrize("architecture", REGISTRY)


def draw(seed: int, n: int = 6, d: int = 8) -> torch.Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


@every
@given(seed=st.integers(0, 10_000), k=st.integers(1, 20))
@settings(max_examples=15, deadline=None)
def test_sparse_equals_dense(architecture, seed: int, k: int) -> None:
    sae, x = random_sae(k=k, seed=seed, architecture=architecture), draw(seed + 1)
    codes, dense = sae.encode(x), sae.dense(x)
    torch.testing.assert_close(as_dense(codes, 24), dense)
    torch.testing.assert_close(sae.decode(codes), dense @ sae.W_dec + sae.b_dec, rtol=1e-5, atol=1e-5)
    assert (dense >= 0).all()


@every
@given(seed=st.integers(0, 10_000))
@settings(max_examples=10, deadline=None)
def test_features_can_be_renumbered(architecture, seed: int) -> None:
    sae, other = random_sae(seed=seed, architecture=architecture), random_sae(architecture=architecture)
    order = torch.randperm(24, generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        for name, value in sae.state_dict().items():
            axis = feature_axis(name) if value.dim() else None
            other.state_dict()[name].copy_(value if axis is None else value.index_select(axis, order))
    x = draw(seed)
    torch.testing.assert_close(other.dense(x), sae.dense(x)[:, order], rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(other.decode(other.encode(x)), sae.decode(sae.encode(x)), rtol=1e-4, atol=1e-5)


@every
@given(seed=st.integers(0, 10_000), scale=st.floats(0.1, 10))
@settings(max_examples=10, deadline=None)
def test_scaling_folds_into_the_weights(architecture, seed: int, scale: float) -> None:
    sae, x = random_sae(seed=seed, architecture=architecture), draw(seed)
    with torch.no_grad():
        scaled = sae.dense(x * scale)
        rebuilt = sae.decode(sae.encode(x * scale))
        sae.unscale(scale)
        torch.testing.assert_close(sae.dense(x) * scale, scaled, rtol=1e-3, atol=1e-4)
        torch.testing.assert_close(sae.decode(sae.encode(x)) * scale, rebuilt, rtol=1e-3, atol=1e-3)


@every
def test_feature_gradient_is_the_pre_activation(architecture) -> None:
    sae, x = random_sae(architecture=architecture), draw(0)
    torch.testing.assert_close(sae.feature_gradient(x, 5), sae.pre_activations(x)[:, 5])


@every
def test_a_step_touches_only_what_the_loss_says(architecture) -> None:
    sae = random_sae(architecture=architecture, k=2).train()
    dead = torch.zeros(24, dtype=torch.bool)
    dead[[3, 7]] = True
    loss = sae.loss(draw(0, n=3), Context(dead, 0.1))
    loss.total.backward()
    for name, parameter in sae.named_parameters():
        axis = feature_axis(name)
        if axis is not None and parameter.grad is not None:
            reached = parameter.grad.movedim(axis, 0).reshape(24, -1).abs().sum(1) > 0
            assert not (reached & ~loss.touched).any(), name
    assert not (loss.fired & ~loss.touched).any()


@pytest.mark.parametrize("architecture", ["topk", "batch_topk", "matryoshka", "gated"])
def test_gradients_are_those_of_finite_differences(architecture) -> None:
    """Of the decoder: there no straight-through estimate or detached part comes in between."""
    sae = random_sae(architecture=architecture, d=4, m=9, k=2).double().train()
    x, context = draw(1, n=5, d=4).double(), Context(torch.zeros(9, dtype=torch.bool), 0.0)
    sae.loss(x, context).total.backward()
    assert sae.W_dec.grad is not None
    with torch.no_grad():
        for f, j in ((0, 0), (4, 2), (8, 3)):
            # gated's auxiliary rebuilding is frozen to the decoder: difference of the first loss alone.
            sums = []
            for sign in (1, -1):
                sae.W_dec[f, j] += sign * 1e-6
                sums.append(_main(sae, x, architecture))
                sae.W_dec[f, j] -= sign * 1e-6
            assert float(sae.W_dec.grad[f, j]) == pytest.approx((sums[0] - sums[1]) / 2e-6, abs=1e-6)


def _main(sae, x: torch.Tensor, architecture: str) -> float:  # noqa: ANN001
    if architecture != "gated":
        return float(sae.loss(x, Context(torch.zeros(9, dtype=torch.bool), 0.0)).total)
    rebuilt = sae.decode(sae.encode(x))
    return float((x - rebuilt).square().sum() / (x - x.mean(0)).square().sum())


def test_jumprelu_estimates_follow_the_paper() -> None:
    z = torch.tensor([[1.0, 2.0], [1.04, 0.5]], requires_grad=True)
    threshold = torch.tensor([1.0, 3.0], requires_grad=True)
    upstream = torch.tensor([[3.0, 1.0], [2.0, 1.0]])
    (_Jump.apply(z, threshold, 0.1) * upstream).sum().backward()
    # Eq. 11: -(threshold / width) times the kernel, 1 inside half a width on either side.
    torch.testing.assert_close(threshold.grad, torch.tensor([-(1.0 / 0.1) * 5, 0.0]))
    torch.testing.assert_close(z.grad, torch.tensor([[0.0, 0.0], [2.0, 0.0]]))
    threshold.grad = z.grad = None
    (_Step.apply(z, threshold, 0.1) * upstream).sum().backward()
    torch.testing.assert_close(threshold.grad, torch.tensor([-5 / 0.1, 0.0]))


def test_batch_topk_keeps_k_a_token_on_average() -> None:
    sae = random_sae(architecture="batch_topk", k=3)
    kept = sae.keep(sae.pre_activations(draw(0, n=50))).detach()
    assert int((kept > 0).sum()) == 150
    assert (kept > 0).sum(1).float().std() > 0
    assert float(sae.threshold[0]) == pytest.approx(float(kept[kept > 0].min()))


@every
def test_archetypal_rows_stay_near_the_data(architecture) -> None:
    config = SaeConfig(4, 12, k=2, architecture=architecture, archetypes=6, relaxation=0.5)
    sae, points = make(config), draw(3, n=6, d=4)
    make_archetypal(sae, points)
    sae.tie()
    stepper = DenseStepper(sae, config)
    for step in range(30):
        stepper.step(draw(step, n=64, d=4), 0.05)
    archetypes = sae.parametrizations.W_dec[0]
    shares = sae.parametrizations.W_dec.original.softmax(1)
    assert (sae.W_dec - shares @ points).norm(dim=1).max() <= 0.5 + 1e-5
    assert archetypes.relax.abs().max() > 0
    rows = sae.W_dec.detach().clone()
    set_free(sae)
    torch.testing.assert_close(sae.W_dec.detach(), rows)
    assert "W_dec" in sae.state_dict()


def test_an_unknown_architecture_is_named() -> None:
    with pytest.raises(SaeRadError, match="transcoder"):
        make(SaeConfig(4, 8, architecture="transcoder"))


@pytest.mark.parametrize(("architecture", "shut", "at"), [("gated", "b_gate", -12.0), ("jumprelu", "threshold", 12.0)])
@pytest.mark.parametrize("coaxed", [True, False])
def test_a_dead_feature_comes_nearer_until_it_fires(monkeypatch, architecture, shut, at, coaxed) -> None:
    if not coaxed:
        monkeypatch.setattr(REGISTRY[architecture].sae, "coax", lambda *_: None)
    sae, x = random_sae(architecture=architecture), draw(0, n=32)
    sae.config.dead_after, sae.config.aux_k = 64, 0
    with torch.no_grad():
        sae.get_parameter(shut)[:3] = at
        if architecture == "gated":
            sae.b_mag[:3] = 0  # type: ignore[index,operator]  # so that an open gate lets something through
    stepper = DenseStepper(sae, sae.config)
    came = torch.zeros(24, dtype=torch.bool)
    for _ in range(300):
        stepper.step(x, 0.05)
        came |= stepper.silent_for == 0
    assert came[:3].all() if coaxed else not came[:3].any()
