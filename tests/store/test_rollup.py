"""What is counted once, against counting it plainly."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from saerad_core.sae.codes import SparseCodes
from saerad_core.store import rollup
from saerad_core.store.rollup import BINS, FEWEST_PATIENTS, TOGETHER, coactivations, histograms, similar_directions


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(1, 6))
def test_histograms_count_every_activation_once(seed: int, n: int, m: int) -> None:
    rng = np.random.default_rng(seed)
    codes = (rng.gamma(1.0, 2.0, (n, m)) * (rng.random((n, m)) < 0.5)).astype(np.float16)
    which = rng.random(n) < 0.8
    frame = histograms(SparseCodes.of(codes), which)
    codes = codes[which]
    fires = (codes > 0).any(0)
    assert sorted(set(frame["feature_id"])) == np.flatnonzero(fires).tolist()
    for feature, bars in frame.groupby("feature_id"):
        values = codes[:, int(feature)].astype(np.float32)
        assert len(bars) == BINS and bars["n"].sum() == (values > 0).sum()
        assert bars["lo"].iloc[0] == 0 and bars["hi"].iloc[-1] == values.max()
        assert bars["n"].iloc[-1] >= 1
        # An activation on an edge may count on either side of it.
        for lo, hi, counted in zip(bars["lo"], bars["hi"], bars["n"], strict=True):
            slack = 1e-5 * values.max()
            inner = ((values > lo + slack) & (values <= hi - slack)).sum()
            outer = ((values > max(lo - slack, 0)) & (values <= hi + slack)).sum()
            assert inner <= counted <= outer


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_coactivations_are_counted_plainly(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, m = 60, 7
    shown = rng.random((n, m)) < rng.random(m)
    shown[:, 1] = shown[:, 0]
    patients = rng.integers(0, 25, n)
    found = coactivations(sparse.csr_matrix(shown.astype(np.float32)), patients)
    got = {(int(r.feature_id), int(r.other_id)): (int(r.n), float(r.npmi)) for r in found.itertuples()}
    want = {}
    for one in range(m):
        for other in range(m):
            both = shown[:, one] & shown[:, other]
            common = len(set(patients[both]))
            if one == other or common < FEWEST_PATIENTS or both.all():
                continue
            p = both.mean()
            score = np.log(p / (shown[:, one].mean() * shown[:, other].mean())) / -np.log(p)
            if score > 1e-12:
                want[one, other] = (common, score)
    assert {pair for pair, (_, score) in got.items() if score > 1e-12} == set(want)
    for pair, (common, score) in want.items():
        assert got[pair] == (common, pytest.approx(score, abs=1e-9))


def test_one_shared_xray_of_two_rare_features_is_no_company() -> None:
    shown = np.zeros((100, 2), dtype=np.float32)
    shown[:4] = 1  # Four X-rays of one patient.
    assert coactivations(sparse.csr_matrix(shown), np.r_[[0] * 4, np.arange(1, 97)]).empty
    assert len(coactivations(sparse.csr_matrix(shown), np.arange(100))) == 2


def test_no_more_company_than_kept_and_the_closest_first() -> None:
    rng = np.random.default_rng(0)
    group = rng.random((200, 1)) < 0.3
    shown = (group & (rng.random((200, 40)) < 0.9)).astype(np.float32)
    found = coactivations(sparse.csr_matrix(shown), np.arange(200))
    for _, rows in found.groupby("feature_id"):
        assert len(rows) == TOGETHER and rows["npmi"].is_monotonic_decreasing


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    shown = rng.gamma(1, 1, (80, 30)).astype(np.float32) * (rng.random((80, 30)) < 0.4)
    decoder, patients = rng.standard_normal((30, 5)).astype(np.float32), rng.integers(0, 40, 80)

    def everything() -> list:
        return [
            histograms(SparseCodes.of(shown), np.arange(80) % 3 > 0),
            coactivations(sparse.csr_matrix(shown), patients),
            similar_directions(decoder, np.arange(30) % 4 > 0),
        ]

    whole = everything()
    monkeypatch.setattr(rollup, "BLOCK", 7)
    for one, other in zip(whole, everything(), strict=True):
        np.testing.assert_allclose(one.to_numpy(float), other.to_numpy(float), rtol=1e-5)


def test_similar_directions_are_the_nearest_living_ones() -> None:
    decoder = np.array([[1, 0], [2, 0.1], [0, 3], [-1, 0], [1, 0.01]], dtype=np.float32)
    fires = np.array([True, True, True, True, False])
    found = similar_directions(decoder, fires)
    unit = decoder / np.linalg.norm(decoder, axis=1, keepdims=True)
    for feature, rows in found.groupby("feature_id"):
        others = rows["other_id"].tolist()
        if fires[int(feature)]:
            assert set(others) == set(np.flatnonzero(fires)) - {feature}
        assert 4 not in others
        np.testing.assert_allclose(rows["cosine"], unit[others] @ unit[int(feature)], atol=1e-6)
        assert rows["cosine"].is_monotonic_decreasing
    assert found[found["feature_id"] == 0]["other_id"].iloc[0] == 1
    assert similar_directions(decoder, np.zeros(5, bool)).empty
    # A direction of length 0 is near nothing, and no warning.
    assert np.isfinite(similar_directions(np.zeros((3, 2), np.float32), np.ones(3, bool))["cosine"]).all()


def test_nothing_in_nothing_out() -> None:
    for n in (5, 0):
        assert histograms(SparseCodes.of(np.zeros((n, 4), np.float16)), np.ones(n, bool)).empty
    assert coactivations(sparse.csr_matrix((5, 4), dtype=np.float32), np.arange(5)).empty
