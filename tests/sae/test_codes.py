"""Sparse codes on disk and by feature, against the dense array that they stand for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from saerad_core.errors import WorkspaceError
from saerad_core.sae.active import active, active_rows, fit_thresholds
from saerad_core.sae.codes import CodesWriter, SparseCodes, open_codes
from saerad_core.sae.columns import by_feature


def drawn(seed: int, n: int = 40, m: int = 9, share: float = 0.4) -> np.ndarray:
    """Dense codes with empty rows, empty and full columns, ties, and some too small for float16."""
    rng = np.random.default_rng(seed)
    dense = rng.gamma(1, 2, (n, m)).round(1).astype(np.float32) * (rng.random((n, m)) < share)
    if n and m > 3:
        dense[rng.integers(n)] = 0
        dense[:, 1], dense[:, 2], dense[0, 3] = 0, 0.5 + rng.random(n), 1e-9
    return dense


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(0, 30), m=st.integers(1, 9), pieces=st.integers(1, 4))
def test_what_is_written_is_the_dense_array_rounded(tmp_path_factory, seed: int, n: int, m: int, pieces: int) -> None:
    dense = drawn(seed, n, m)
    folder = tmp_path_factory.mktemp("codes") / "codes"
    with CodesWriter(folder, m) as writer:
        for part in np.array_split(dense, pieces):
            writer.append(SparseCodes.of(part))
    found = open_codes(folder)
    want = dense.astype(np.float16).astype(np.float32)
    assert found.shape == (n, m) and len(found.values) == (want > 0).sum()
    np.testing.assert_array_equal(found.rows(slice(None)).toarray(), want)
    assert (np.diff(found.indptr) == (want > 0).sum(1)).all()
    some = np.random.default_rng(seed).random(n) < 0.5
    for which in (some, np.flatnonzero(some)[::-1], slice(n // 3, n), slice(0, n, 2)):
        np.testing.assert_array_equal(found.rows(which).toarray(), want[which])
    blocks = list(found.blocks(entries=7))
    assert [first for first, _ in blocks] == np.cumsum([0, *(block.shape[0] for _, block in blocks)])[:-1].tolist()
    if n:
        np.testing.assert_array_equal(sparse.vstack([block for _, block in blocks]).toarray(), want)
        ids, values = found.row(n - 1)
        np.testing.assert_array_equal(ids, np.flatnonzero(want[-1]))
        np.testing.assert_array_equal(values, want[-1][ids])
    np.testing.assert_array_equal(found.frequencies(some), (want[some] > 0).sum(0))
    assert not folder.with_name("codes.part").exists()


def test_it_takes_its_name_when_it_is_whole(tmp_path: Path) -> None:
    first, other = SparseCodes.of(drawn(1)), SparseCodes.of(drawn(2))
    first.save(tmp_path / "codes")
    with pytest.raises(RuntimeError, match="midway"), CodesWriter(tmp_path / "codes", 9) as writer:
        writer.append(other)
        raise RuntimeError("midway")
    np.testing.assert_array_equal(open_codes(tmp_path / "codes").values, first.values)
    other.save(tmp_path / "codes")
    np.testing.assert_array_equal(open_codes(tmp_path / "codes").values, other.values)


def test_missing_old_and_damaged_codes_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="holds no codes; run its build again"):
        open_codes(tmp_path / "codes")
    np.save(tmp_path / "codes.npy", np.zeros((2, 3), np.float16))
    with pytest.raises(WorkspaceError, match="kept codes differently; run its build again"):
        open_codes(tmp_path / "codes")
    SparseCodes.of(drawn(1)).save(tmp_path / "codes")
    np.save(tmp_path / "codes" / "values.npy", np.ones(3, np.float16))
    with pytest.raises(WorkspaceError, match="damaged"):
        open_codes(tmp_path / "codes")


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 60), q=st.floats(0, 1))
def test_columns_are_the_chosen_x_rays_in_ascending_order(seed: int, n: int, q: float) -> None:
    dense = drawn(seed, n)
    which = np.random.default_rng(seed).random(n) < 0.7
    which[0] = True
    columns = by_feature(SparseCodes.of(dense), which)
    want = dense[which].astype(np.float16).astype(np.float32)
    for f in range(9):
        at = slice(columns.starts[f], columns.starts[f + 1])
        order = np.argsort(want[:, f], kind="stable")
        order = order[want[order, f] > 0]
        np.testing.assert_array_equal(columns.rows[at], order)
        np.testing.assert_array_equal(columns.values[at], want[order, f])
    np.testing.assert_allclose(columns.quantile(q), np.quantile(want.astype(np.float64), q, axis=0), rtol=1e-9, atol=0)
    mean, sd = columns.moments()
    np.testing.assert_allclose(mean, want.mean(0, dtype=np.float64), rtol=1e-9)
    np.testing.assert_allclose(sd, want.std(0, dtype=np.float64), atol=1e-6)
    thresholds = np.abs(np.random.default_rng(seed).normal(1, 1, 9)).astype(np.float32)
    thresholds[4] = np.inf
    np.testing.assert_array_equal(columns.above(thresholds), (want > thresholds).sum(0))


def test_columns_of_many_close_values_are_sorted_too(tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(1, 50, (3000, 2)).astype(np.float32)
    columns = by_feature(SparseCodes.of(values), None, tmp_path)
    for f in range(2):
        at = slice(columns.starts[f], columns.starts[f + 1])
        order = np.argsort(values[:, f], kind="stable")
        np.testing.assert_array_equal(columns.rows[at], order)
        np.testing.assert_array_equal(columns.values[at], values[order, f])
    assert (tmp_path / "rows.npy").exists()


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), target=st.floats(0.5, 4))
def test_thresholds_are_the_rule_on_dense_codes(seed: int, target: float) -> None:
    dense = drawn(seed, n=200, m=12, share=0.6).astype(np.float16).astype(np.float32)
    rule = fit_thresholds(by_feature(SparseCodes.of(dense)), tokens="patch", target=target, cap=0.3)
    mean, sd, floor = (
        dense.mean(0, dtype=float),
        dense.std(0, dtype=float),
        np.quantile(dense.astype(float), 0.7, axis=0),
    )
    silent = (dense > 0).sum(0) < 5
    assert np.isinf(rule.thresholds[silent]).all() and (rule.thresholds[~silent] >= floor[~silent] - 1e-6).all()
    with np.errstate(invalid="ignore", divide="ignore"):
        z = ((rule.thresholds - mean) / sd)[(rule.thresholds > floor + 1e-5) & ~silent]
    assert len(z) == 0 or np.ptp(z) < 1e-3
    fires = (dense > rule.thresholds).mean(0)
    assert fires.sum() <= target + 1e-9 and (fires <= 0.3 + 1e-9).all()
    found = active_rows(SparseCodes.of(dense), rule.thresholds)
    np.testing.assert_array_equal(found.toarray(), np.where(dense > rule.thresholds, dense, 0))
    ids, values = active(dense[0], rule.thresholds)
    assert sorted(ids) == found[0].indices.tolist() and sorted(values) == sorted(found[0].data)
