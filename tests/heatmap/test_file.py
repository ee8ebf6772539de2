"""maps.safetensors says what was written, and nothing where it is damaged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from saerad_core.errors import WorkspaceError
from saerad_core.heatmap.file import FeatureMaps, Judged, MapsWritten, write
from saerad_core.heatmap.truth import score_maps


def test_round_trip(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    means = rng.random((5, 4, 4)).astype(np.float32)
    means[3] = 0
    score = score_maps(["a", "b", "c"], [1, 1, 0], [0, 0, 1], [0.5, 0.2, 0.1], [0.1, 0.1, 0.3])
    tested = {4: Judged("Mass", 2, score), 1: Judged("Effusion", 0, score)}
    path = tmp_path / "maps.safetensors"
    write(
        path,
        MapsWritten(means, np.array([3, 4, 5, 0, 6]), tested, "boxes", {"Mass": 9, "Effusion": 7}, "activation", "abc"),
    )
    maps = FeatureMaps(path)
    assert (maps.kind, maps.method, maps.sae, maps.labels) == ("boxes", "activation", "abc", {"Effusion": 7, "Mass": 9})
    assert maps.mean(3) is None and maps.mean(99) is None and maps.judged(0) is None
    found = maps.mean(2)
    assert found is not None and found.patients == 5
    np.testing.assert_allclose(found.values, means[2], atol=means[2].max() / 500)
    back = maps.judged(4)
    assert back is not None and (back.label, back.unseen, back.score.patients) == ("Mass", 2, 3)
    np.testing.assert_allclose(back.score, score, rtol=1e-6)
    assert set(maps.all_judged) == {1, 4}


def test_nothing_tested(tmp_path: Path) -> None:
    path = tmp_path / "maps.safetensors"
    write(path, MapsWritten(np.zeros((2, 4, 4), np.float32), np.zeros(2), {}, "", {}, "activation", ""))
    maps = FeatureMaps(path)
    assert maps.judged(0) is None and maps.kind == "" and maps.all_judged == {}


def test_damage_is_said(tmp_path: Path) -> None:
    path = tmp_path / "maps.safetensors"
    path.write_bytes(b"no such thing")
    with pytest.raises(WorkspaceError, match="saerad_core maps"):
        FeatureMaps(path)
