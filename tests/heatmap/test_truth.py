"""Pointing game, energy, prior and intervals: what each must be on maps whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from saerad_core.heatmap.truth import (
    Prior,
    agreement,
    energy_inside,
    interval_of_mean,
    left_behind,
    place_of,
    points_at,
    score_maps,
)

GRID, SIDE = 8, 64
maps = arrays.arrays(np.float32, (GRID, GRID), elements=st.floats(0, 4, width=32))
masks = arrays.arrays(bool, (SIDE, SIDE))


def square(row: int, column: int, patches: int = 2) -> np.ndarray:
    """A mask that covers whole patches."""
    mask = np.zeros((SIDE, SIDE), bool)
    mask[row * 8 : (row + patches) * 8, column * 8 : (column + patches) * 8] = True
    return mask


@settings(max_examples=50, deadline=None)
@given(heat=maps, mask=masks)
def test_energy_is_a_share_and_adds_up(heat: np.ndarray, mask: np.ndarray) -> None:
    inside, outside = energy_inside(heat, place_of(mask, GRID)), energy_inside(heat, place_of(~mask, GRID))
    assert 0 <= inside <= 1 + 1e-6
    assert inside + outside == pytest.approx(1.0 if heat.sum() > 0 else 0.0, abs=1e-4)


@settings(max_examples=50, deadline=None)
@given(heat=maps, factor=st.floats(0.1, 10))
def test_scale_changes_nothing(heat: np.ndarray, factor: float) -> None:
    place = place_of(square(2, 3), GRID)
    scaled = heat * np.float32(factor)
    assert points_at(heat, place) == points_at(scaled, place)
    assert energy_inside(heat, place) == pytest.approx(energy_inside(scaled, place), abs=1e-4)


@settings(max_examples=30, deadline=None)
@given(row=st.integers(0, 6), column=st.integers(0, 6))
def test_a_map_of_the_mask_is_right_and_its_opposite_wrong(row: int, column: int) -> None:
    place = place_of(square(row, column), GRID)
    assert points_at(place.inside, place) and energy_inside(place.inside, place) == pytest.approx(1)
    assert not points_at(1 - np.maximum(place.inside, place.hit), place)
    assert energy_inside(1 - place.inside, place) == 0


def test_tolerance_is_a_share_of_the_side() -> None:
    mask = np.zeros((SIDE, SIDE), bool)
    mask[18, 20] = True
    # The nearest pixels of patch centres lie at 19 and 20: 1 pixel away, then 7 and more.
    near = place_of(mask, GRID, tolerance=1 / SIDE).hit
    assert np.argwhere(near).tolist() == [[2, 2]]
    assert not place_of(mask, GRID, tolerance=0).hit.any()
    assert place_of(mask, GRID, tolerance=8 / SIDE).hit.sum() > 1


def test_an_empty_map_points_nowhere() -> None:
    place = place_of(np.ones((SIDE, SIDE), bool), GRID)
    assert not points_at(np.zeros((GRID, GRID)), place) and energy_inside(np.zeros((GRID, GRID)), place) == 0


def test_the_prior_doesn_t_know_the_patient() -> None:
    places = [place_of(square(r, c), GRID) for r, c in ((0, 0), (0, 0), (4, 4), (4, 4), (4, 4))]
    prior = Prior(places, ["a", "a", "b", "c", "c"])
    assert len(prior) == 3
    without = prior.without("a")
    assert not points_at(without.hit, places[0]) and energy_inside(without.inside, places[0]) == 0
    np.testing.assert_allclose(without.inside, places[2].inside)
    # Every patient counts once: of b's others one lies here and one there.
    np.testing.assert_allclose(prior.without("b").inside[0, 0], 0.5)
    np.testing.assert_allclose(prior.without("nobody").inside[4, 4], 2 / 3)
    assert not Prior(places[:1], ["a"]).without("a").inside.any()


def test_every_patient_counts_the_same() -> None:
    score = score_maps(["a"] * 8 + ["b"], [1] * 8 + [0], [0] * 9, [1] * 9, [0.5] * 9)
    assert (score.patients, score.pointing, score.gain) == (2, 0.5, 0.5)


@settings(max_examples=25, deadline=None)
@given(hits=st.lists(st.booleans(), min_size=2, max_size=40))
def test_intervals_hold_the_mean(hits: list[bool]) -> None:
    lo, hi = interval_of_mean(np.array(hits, float), (0, 1))
    assert 0 <= lo <= np.mean(hits) + 1e-9 and np.mean(hits) - 1e-9 <= hi <= 1


@pytest.mark.parametrize("n", [5, 8, 20])
@pytest.mark.parametrize("share", [0.5, 0.8, 0.95])
def test_intervals_of_few_patients_hold_the_truth(n: int, share: float) -> None:
    trials = np.random.default_rng(n).random((200, n)) < share
    held = [lo <= share <= hi for lo, hi in (interval_of_mean(row, (0, 1)) for row in trials)]
    assert np.mean(held) >= 0.9


def test_five_hits_of_five_leave_doubt() -> None:
    score = score_maps(list("abcde"), [1] * 5, [1, 1, 0, 1, 0], [0] * 5, [0] * 5)
    assert score.pointing == 1 and score.lo < 0.8 and not score.beats_prior


def test_only_a_clear_gain_beats_the_prior() -> None:
    names = [f"p{i}" for i in range(20)]
    same = score_maps(names, [1] * 10 + [0] * 10, [0] * 10 + [1] * 10, [0] * 20, [0] * 20)
    assert same.gain == 0 and not same.beats_prior
    better = score_maps(names, [1] * 18 + [0] * 2, [1] * 5 + [0] * 15, [0] * 20, [0] * 20)
    assert better.beats_prior
    assert not score_maps(names, [1] * 20, [1] * 20, [0] * 20, [0] * 20).beats_prior


def test_agreement_and_what_a_twin_leaves() -> None:
    heat = np.arange(64, dtype=np.float32).reshape(8, 8)
    assert agreement(heat, heat**3) == pytest.approx(1) and agreement(heat, -heat) == pytest.approx(-1)
    assert np.isnan(agreement(heat, np.ones((8, 8))))
    place = place_of(square(2, 2), GRID)
    assert left_behind(heat, heat / 4, place) == pytest.approx(0.25)
    assert np.isnan(left_behind(heat * 0, heat, place))
