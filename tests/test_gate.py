"""The gate places an image among the training X-rays by patient, flags what is far and says what is badly rebuilt."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from saerad_core.errors import WorkspaceError
from saerad_core.gate import FLAG_AT, Gate
from saerad_core.retrieval import ImageIndex

N, D = 400, 16


def unit(x: np.ndarray) -> np.ndarray:
    return (x / np.linalg.norm(x, axis=-1, keepdims=True)).astype(np.float32)


@pytest.fixture
def made(tmp_path: Path):
    """400 X-rays of 200 patients around one direction, three in four of them training, each pair of a patient the same."""
    rng = np.random.default_rng(0)
    own = unit(np.eye(D)[0] + 0.1 * rng.normal(size=(N // 2, D)))
    vectors = np.repeat(own, 2, axis=0)
    patients = np.repeat(np.arange(N // 2), 2)
    train = patients % 4 != 0
    errors = np.stack([rng.uniform(1, 2, N), np.full(N, 10.0)], axis=1).astype(np.float32)
    ImageIndex.build(vectors, tmp_path / "images.faiss")
    index = ImageIndex(tmp_path / "images.faiss")
    Gate.build(index, vectors, errors, patients, np.where(train, "train", "validate"), tmp_path / "gate.safetensors")
    return Gate(tmp_path / "gate.safetensors", index), vectors, errors, train


def test_training_and_held_out_x_rays_are_spread_over_the_percentiles(made) -> None:
    gate, vectors, errors, train = made
    for rows in (np.flatnonzero(train)[:100], np.flatnonzero(~train)):
        judged = [gate.judge(vectors[row], errors[row], int(row)) for row in rows]
        middle = np.median([one.distance_percentile for one in judged])
        assert 25 < middle < 75
        assert np.mean([one.flagged for one in judged]) < 0.12


def test_what_is_far_is_flagged_and_so_is_what_is_badly_rebuilt(made) -> None:
    gate, vectors, errors, train = made
    far = gate.judge(unit(np.eye(D)[1]), errors[0])
    assert far.distance_percentile == 100 and far.flagged and far.distance > 0.5
    assert "further" in far.warning and far.warning.endswith("report.")
    poor = gate.judge(vectors[1], np.array([9, 10]))
    assert poor.error_percentile == 100 and poor.error == pytest.approx(0.9)
    assert not poor.flagged and poor.poorly_explained and "may miss findings" in poor.warning
    # Worse than each of the 100 validation X-rays; as badly as the worst of them has been seen.
    worst = errors[~train].max(axis=0)
    assert poor.unseen and not gate.judge(vectors[1], worst).unseen
    assert "unseen" not in poor.as_json()
    assert gate.judge(vectors[1], errors[1], 1, gate.distance(vectors[1], 1)) == gate.judge(vectors[1], errors[1], 1)
    both = gate.judge(unit(np.eye(D)[1]), np.array([9, 10]))
    assert both.flagged and both.poorly_explained and "may not be a chest X-ray" in both.warning


def test_a_patients_own_x_rays_do_not_make_it_near(made) -> None:
    gate, vectors, errors, train = made
    row = int(np.flatnonzero(train)[0])
    as_stranger, as_own = gate.judge(vectors[row], errors[row]), gate.judge(vectors[row], errors[row], row)
    # Two of the five nearest are the patient's own, at distance 0.
    assert as_stranger.distance < as_own.distance


def test_percentiles_rise_with_distance_and_error(made) -> None:
    gate, _, errors, _ = made
    turned = [unit(np.eye(D)[0] + t * np.eye(D)[1]) for t in (0, 0.5, 1, 3)]
    judged = [gate.judge(one, errors[0]) for one in turned]
    assert [one.distance for one in judged] == sorted(one.distance for one in judged)
    assert [one.distance_percentile for one in judged] == sorted(one.distance_percentile for one in judged)
    shares = [gate.judge(turned[0], np.array([e, 10.0])).error_percentile for e in (0.5, 1.2, 1.6, 2.5)]
    assert shares == sorted(shares) and shares[0] == 0 and shares[-1] == 100 >= FLAG_AT


def test_an_ordinary_image_has_no_warning_and_json_says_so(made) -> None:
    gate, vectors, _, train = made
    row = int(np.flatnonzero(~train)[0])
    judged = gate.judge(vectors[row], np.array([1.0, 10.0]), row)
    assert judged.error_percentile == 0
    assert judged.as_json()["flagged"] is judged.flagged
    assert bool(judged.warning) is judged.flagged


def test_errors_are_placed_among_held_out_x_rays(made, tmp_path: Path) -> None:
    gate, vectors, errors, train = made
    # A dictionary that rebuilds its training X-rays ten times as well: held-out ones must not all look badly explained.
    better = errors.copy()
    better[train, 0] /= 10
    splits = np.where(train, "train", "validate")
    Gate.build(gate._index, vectors, better, np.repeat(np.arange(N // 2), 2), splits, tmp_path / "other.safetensors")
    other = Gate(tmp_path / "other.safetensors", gate._index)
    judged = [other.judge(vectors[row], better[row], int(row)) for row in np.flatnonzero(~train)]
    assert np.mean([one.poorly_explained for one in judged]) < 0.1


def test_a_missing_file_is_said_plainly(tmp_path: Path) -> None:
    ImageIndex.build(unit(np.ones((3, 4))), tmp_path / "i.faiss")
    with pytest.raises(WorkspaceError, match="build it again"):
        Gate(tmp_path / "gate.safetensors", ImageIndex(tmp_path / "i.faiss"))
