"""In which half of the patient heatmaps lie."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from saerad_core.explorer.sides import heat_side
from saerad_core.sae.strongest_patches import Entries, write


@pytest.mark.parametrize(("columns", "side"), [((0, 1), "right"), ((3,), "left"), ((0, 3), "")])
def test_the_picture_s_left_half_is_the_patient_s_right(tmp_path: Path, columns: tuple[int, ...], side: str) -> None:
    places = np.array([4 * row + column for row in range(4) for column in columns], np.uint16)
    n = len(places)
    entries = Entries(
        np.full(n, 2, np.int32), np.arange(n, dtype=np.int32) // len(columns), places, np.ones(n, np.float16)
    )
    write(tmp_path / "patches.safetensors", entries, 5, 16)
    assert heat_side(tmp_path / "patches.safetensors", 2) == side
    assert heat_side(tmp_path / "patches.safetensors", 1) == "", "it fires nowhere"


def test_one_strong_x_ray_doesn_t_decide_and_a_missing_or_damaged_file_says_nothing(tmp_path: Path) -> None:
    path = tmp_path / "patches.safetensors"
    values = np.array([900, 1, 1, 1], np.float16)
    entries = Entries(np.zeros(4, np.int32), np.arange(4, dtype=np.int32), np.array([0, 3, 3, 3], np.uint16), values)
    write(path, entries, 1, 16)
    assert heat_side(path, 0) == ""
    assert heat_side(tmp_path / "none", 0) == ""
    path.write_bytes(b"rubbish")
    assert heat_side(path, 0) == ""
