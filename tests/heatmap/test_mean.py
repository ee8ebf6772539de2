"""A mean map in figures and words."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saerad_core.heatmap.mean import mean_map, spread_of


def test_every_x_ray_counts_the_same() -> None:
    maps = np.array([[0, 10, 0, 0], [0.1, 0, 0, 0.1]], np.float32)
    np.testing.assert_allclose(mean_map(maps), [0.5, 0.5, 0, 0.5])


def test_everywhere_is_no_place() -> None:
    spread = spread_of(np.ones((16, 16)))
    assert spread.entropy == pytest.approx(8) and spread.area == pytest.approx(1)
    assert spread.words == "no place of its own" and not spread.has_place
    assert spread.right == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("row", "column", "where"),
    [(13, 2, "right, lower zone"), (2, 13, "left, upper zone"), (8, 15, "left, mid zone")],
)
def test_left_in_the_picture_is_the_patient_s_right(row: int, column: int, where: str) -> None:
    mean = np.zeros((16, 16))
    mean[row, column] = 2
    spread = spread_of(mean)
    assert spread.where == where and spread.entropy == 0 and spread.words == "one small place"
    assert spread.area == pytest.approx(1 / 256)


@settings(max_examples=40, deadline=None)
@given(n=st.integers(1, 256))
def test_area_of_an_even_patch_is_its_size(n: int) -> None:
    mean = np.zeros(256)
    mean[:n] = 3
    assert spread_of(mean.reshape(16, 16)).area == pytest.approx(n / 256)


def test_a_grid_with_a_middle_column_is_halved_too() -> None:
    assert spread_of(np.ones((37, 37))).right == pytest.approx(0.5)
