"""FAISS answers as brute force does; the map keeps neighbours together."""

from __future__ import annotations

import numpy as np
import pytest

from saerad_core.atlas import build_atlas, lay_out, read_atlas
from saerad_core.errors import WorkspaceError
from saerad_core.retrieval import ImageIndex
from tests.sae.test_topk import random_sae


def unit(n: int, d: int, seed: int) -> np.ndarray:
    x = np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def test_search_equals_brute_force(tmp_path) -> None:
    vectors = unit(300, 24, 0)
    ImageIndex.build(vectors, tmp_path / "images.faiss")
    index = ImageIndex(tmp_path / "images.faiss")
    assert len(index) == 300
    for row in (0, 17, 299):
        found = index.search(vectors[row], 10)
        expected = np.argsort(-(vectors @ vectors[row]))[:10]
        assert found[0][0] == row and found[0][1] == pytest.approx(1, abs=1e-2)
        assert len({r for r, _ in found} & set(expected.tolist())) >= 9
        assert [s for _, s in found] == sorted((s for _, s in found), reverse=True)


def test_asking_for_more_than_there_is(tmp_path) -> None:
    ImageIndex.build(unit(3, 8, 0), tmp_path / "i.faiss")
    assert len(ImageIndex(tmp_path / "i.faiss").search(unit(1, 8, 1)[0], 50)) == 3


def test_a_missing_index_is_said_plainly(tmp_path) -> None:
    with pytest.raises(WorkspaceError, match="build the workspace again"):
        ImageIndex(tmp_path / "nothing.faiss")


def test_the_map_of_few_features_is_written_and_read(tmp_path) -> None:
    assert read_atlas(tmp_path / "atlas.parquet") is None
    build_atlas(random_sae(m=4), tmp_path / "atlas.parquet")
    frame = read_atlas(tmp_path / "atlas.parquet")
    assert frame is not None and frame["feature_id"].tolist() == [0, 1, 2, 3]


@pytest.mark.slow
def test_the_map_keeps_neighbours_together() -> None:
    centres = unit(4, 16, 0)
    points = np.repeat(centres, 30, axis=0) + 0.05 * unit(120, 16, 1)
    places = lay_out(points)
    group = np.repeat(np.arange(4), 30)
    distance = np.linalg.norm(places[:, None] - places[None], axis=2)
    np.fill_diagonal(distance, np.inf)
    assert (group[distance.argmin(1)] == group).mean() > 0.95
