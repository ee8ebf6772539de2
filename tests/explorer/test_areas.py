"""Outlines survive the way through an address, and tell inside from outside exactly."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from saerad_core.explorer.areas import GRID, MOST_AREAS, grid_places, read_areas, within, write_areas

corner = st.tuples(st.integers(-32_768, GRID + 32_768), st.integers(-32_768, GRID + 32_768))
outline = st.lists(corner, min_size=3, max_size=96)


@given(st.lists(outline, min_size=1, max_size=MOST_AREAS))
def test_an_address_gives_the_outlines_back(areas: list[list[tuple[int, int]]]):
    assert read_areas(write_areas(areas)) == areas


@pytest.mark.parametrize("text", ["", "x", "0000", "0" * 16, "!" * 24, "z" * 24, "0" * 24 + ".1", "0" * 8 * 97])
def test_anything_else_is_no_outline(text: str):
    assert read_areas(text) == []


def test_a_corner_too_far_away_is_refused():
    with pytest.raises(ValueError, match="corners lie from"):
        write_areas([[(0, 0), (GRID + 40_000, 0), (0, 9)]])


@given(corner, corner, st.lists(st.tuples(st.integers(0, GRID), st.integers(0, GRID)), min_size=1, max_size=30))
def test_a_box_holds_what_lies_between_its_sides(one, other, points):
    (left, right), (low, high) = sorted((one[0], other[0])), sorted((one[1], other[1]))
    places = np.array(points, dtype=np.uint16)
    x, y = places.astype(int).T
    inside = within(places, [[(left, low), (right, low), (right, high), (left, high)]])
    # Sides themselves may fall either way.
    assert inside[(x > left) & (x < right) & (y > low) & (y < high)].all()
    assert not inside[(x < left) | (x > right) | (y < low) | (y > high)].any()


@given(outline, st.integers(0, 95), st.integers(0, 2**32 - 1))
def test_where_an_outline_begins_and_which_way_it_goes_changes_nothing(area, first, seed):
    places = np.random.default_rng(seed).integers(0, GRID + 1, (50, 2)).astype(np.uint16)
    expected = within(places, [area])
    first %= len(area)
    assert (within(places, [area[first:] + area[:first]]) == expected).all()
    assert (within(places, [area[::-1]]) == expected).all()


def test_several_outlines_hold_what_any_of_them_holds_and_a_hole_is_a_hole():
    places = np.array([(10, 10), (50, 50), (90, 90)], dtype=np.uint16)
    around = [(0, 0), (20, 0), (20, 20), (0, 20)]
    far = [(80, 80), (99, 80), (99, 99), (80, 99)]
    assert within(places, [around, far]).tolist() == [True, False, True]
    # Twice around, the inner round is outside again.
    ring = [(0, 0), (100, 0), (100, 100), (0, 100), (0, 0), (40, 40), (60, 40), (60, 60), (40, 60), (40, 40)]
    assert within(places, [ring]).tolist() == [True, False, True]


def test_places_keep_the_map_s_shape():
    grid = grid_places(np.array([0.0, 10.0, 5.0]), np.array([-1.0, 1.0, 0.0])).astype(int)
    assert (grid[:, 0].min(), grid[:, 0].max()) == (0, GRID)
    assert abs((grid[1, 1] - grid[0, 1]) / (grid[1, 0] - grid[0, 0]) - 0.2) < 1e-4
    assert grid_places(np.array([3.0]), np.array([4.0])).tolist() == [[32_768, 32_768]]
