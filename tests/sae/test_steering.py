"""gated and jumprelu come to the wanted L0, stay there, and explain about as much as topk does at it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from saerad_core.sae.config import SaeConfig
from saerad_core.sae.controller import LOWEST, L0Controller
from saerad_core.sae.train import train

D, M = 32, 128
LIKE = SaeConfig(D, M, k=5, steps=900, batch=256, check_every=50, lr=1e-2, dead_after=5_000)


def alike(n: int, seed: int) -> np.ndarray:
    """float32 [n, 32] tokens as an encoder's patches are: a few directions that all share, and rarer ones on top."""
    rng, basis = np.random.default_rng(seed), np.random.default_rng(0)
    common = rng.normal(size=(n, 3)) @ basis.normal(size=(3, D)) * 2
    active = rng.random((n, 64)) < 5 / 64
    rare = (active * rng.lognormal(0.5, 0.4, active.shape)) @ basis.normal(size=(64, D))
    return (common + rare + 0.2 * rng.normal(size=(n, D)) + 3).astype(np.float32)


@pytest.fixture(scope="module")
def tokens() -> tuple[np.ndarray, np.ndarray]:
    return alike(20_000, 1), alike(4_000, 2)


@pytest.fixture(scope="module")
def by_topk(tokens) -> float:
    return train(*tokens, LIKE).log[-1]["explained_variance"]


@pytest.mark.parametrize(("architecture", "lr"), [("gated", 4e-3), ("gated", 2e-2), ("jumprelu", 4e-3)])
def test_l0_settles_and_nothing_collapses(tokens, by_topk, architecture, lr) -> None:
    log = train(*tokens, replace(LIKE, architecture=architecture, lr=lr)).log
    last = log[-len(log) // 5 :]
    assert last[-1]["l0"] == pytest.approx(LIKE.k, rel=0.05)
    assert all(look["l0"] == pytest.approx(LIKE.k, rel=0.1) for look in last)
    assert last[-1]["explained_variance"] > by_topk - 0.07


def held(l0: float, steps: int, controller: L0Controller) -> float:
    for _ in range(steps):
        controller.update(l0, 1.0)
    return controller.penalty


def test_the_weight_rises_above_the_target_and_falls_below() -> None:
    assert held(12, 400, L0Controller(10, 0.5, 20)) > held(12, 100, L0Controller(10, 0.5, 20)) > 0.5
    assert held(8, 100, L0Controller(10, 0.5, 20)) < 0


def test_what_is_far_off_does_not_wind_it_up() -> None:
    far = L0Controller(10, 0.5, 20)
    held(500, 120, far)
    assert 0.5 < far.integral < 2
    low = L0Controller(10, 0.5, 20)
    held(6, 1_000, low)
    assert low.integral == LOWEST
    assert held(10, 100, low) == pytest.approx(LOWEST, abs=1e-3)


def test_it_rises_over_the_warm_up_and_stands_still_when_nothing_moves() -> None:
    controller = L0Controller(10, 0.5, 20)
    assert controller.penalty == pytest.approx(0.5 / 20)
    held(10, 50, controller)
    for _ in range(100):
        controller.update(13, 0.0)
    assert controller.integral == 0.5


def test_it_steers_what_unseen_tokens_have_active() -> None:
    controller = L0Controller(10, 0.5, 20)
    held(10, 100, controller)
    controller.look(12.0)
    assert controller.off == pytest.approx(0.2)
