import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from saerad_core.descriptions import lasso
from saerad_core.descriptions.lasso import Inputs, Targets, fit_lasso
from saerad_core.descriptions.strengths import Scale


def problem(seed, n=120, m=30, k=3, p=0, density=0.3):
    rng = np.random.default_rng(seed)
    x = sparse.random(n, m, density, random_state=rng, format="csr", data_rvs=lambda size: rng.gamma(2.0, 0.5, size))
    prior = rng.normal(size=(n, p, k)).astype(np.float32)
    logit = x @ rng.normal(0, 1.5, (m, k)) * (rng.random((m, k)) < 0.2).any() + prior.sum(1) - 1
    y = (rng.random((n, k)) < expit(logit)).astype(np.float32)
    return x, Targets(y, (rng.random((n, k)) < 0.9).astype(np.float32), prior)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), p=st.integers(0, 2), strength=st.sampled_from([0.05, 0.3, 1.0]), some=st.booleans())
def test_meets_the_conditions_of_an_optimum(seed, p, strength, some):
    x, targets = problem(seed, p=p, density=0.3 if some else 0.02)
    inputs = Inputs(x)
    found = fit_lasso(inputs, targets, strength, tolerance=1e-8, steps=4000)
    centred = x.toarray() - np.asarray(x.mean(axis=0))
    scores = centred @ found.weights + np.einsum("npk,pk->nk", targets.prior, found.gains) + found.intercepts
    residual = (expit(scores) - targets.y) * targets.known * strength
    slope = centred.T @ residual
    used = found.weights != 0
    assert np.abs(slope[used] + np.sign(found.weights[used])).max(initial=0) < 0.05
    assert np.abs(slope[~used]).max(initial=0) < 1.05
    assert np.abs(residual.sum(0)).max() < 0.05
    assert np.abs(np.einsum("npk,nk->pk", targets.prior, residual)).max(initial=0) < 0.05


def test_is_the_librarys_optimum():
    x, targets = problem(3, n=300, k=1)
    targets = Targets(targets.y, np.ones_like(targets.y), targets.prior)
    found = fit_lasso(Inputs(x), targets, 0.3, tolerance=1e-8, steps=4000)
    model = LogisticRegression(C=0.3, l1_ratio=1, solver="saga", tol=1e-6, max_iter=20_000)
    model.fit(x.toarray() - np.asarray(x.mean(axis=0)), targets.y[:, 0])
    np.testing.assert_allclose(found.weights[:, 0], model.coef_[0], atol=0.02)


def test_sparse_and_ordinary_arrays_agree(monkeypatch):
    x, targets = problem(5)
    ordinary = fit_lasso(Inputs(x), targets, 0.3, tolerance=1e-8, steps=4000)
    monkeypatch.setattr(lasso, "DENSE", 1.1)
    kept = fit_lasso(Inputs(x), targets, 0.3, tolerance=1e-8, steps=4000)
    np.testing.assert_allclose(ordinary.weights, kept.weights, atol=5e-3)


def test_starting_from_another_fit_changes_nothing():
    x, targets = problem(7)
    cold = fit_lasso(Inputs(x), targets, 0.3, tolerance=1e-8, steps=4000)
    warm = fit_lasso(Inputs(x), targets, 0.3, fit_lasso(Inputs(x), targets, 0.05), tolerance=1e-8, steps=4000)
    np.testing.assert_allclose(cold.weights, warm.weights, atol=5e-3)


def test_a_scale_leaves_out_what_seldom_fires_and_caps_what_is_beyond_training():
    codes = np.zeros((10, 3), np.float32)
    codes[:6, 0], codes[:2, 1], codes[:, 2] = np.arange(1, 7), 5.0, 2.0
    scale = Scale.fit(sparse.csr_matrix(codes), fewest=5)
    assert scale.deviation[0] == pytest.approx(codes[:, 0].std(), abs=1e-4)
    assert scale.deviation[1] == 0 and scale.deviation[2] == 0
    beyond = scale.of(sparse.csr_matrix(np.array([[100.0, 1.0, 2.0]], np.float32))).toarray()[0]
    np.testing.assert_allclose(beyond, [6 / codes[:, 0].std(), 0, 0], rtol=1e-4)
