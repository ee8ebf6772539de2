import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from saerad_core.sae.matching import MOST, match, mcc, pw_mcc


def dictionary(m: int, d: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(m, d))


@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 8), st.integers(0, 10_000))
def test_order_sign_and_length_change_nothing(a, b, d, seed):
    rng = np.random.default_rng(seed)
    first, second = rng.normal(size=(a, d)), rng.normal(size=(b, d))
    other = first[rng.permutation(a)] * rng.choice([-1, 1], (a, 1)) * rng.uniform(0.1, 10, (a, 1))
    assert mcc(other, second) == pytest.approx(mcc(first, second))
    assert mcc(second, first) == pytest.approx(mcc(first, second))
    assert 0 <= mcc(first, second) <= 1
    assert mcc(other, first) == pytest.approx(1)


@given(st.integers(0, 10_000))
def test_extra_directions_never_lower_it(seed):
    known, learned, extra = dictionary(5, 4, seed), dictionary(6, 4, seed + 1), dictionary(3, 4, seed + 2)
    assert mcc(np.concatenate([learned, extra]), known) >= mcc(learned, known) - 1e-12


def test_pairs_are_the_best_ones_and_not_the_greedy():
    def at(*degrees):
        turn = np.radians(degrees)
        return np.stack([np.cos(turn), np.sin(turn)], axis=1)

    first, second = at(0, 40), at(30, 100)
    # Greedy takes 40 with 30 and is left with 0 and 100, which is worse in sum than 0-30 and 40-100.
    found = match(first, second)
    assert found.second.tolist() == [0, 1]
    assert mcc(first, second) == pytest.approx((np.cos(np.radians(30)) + np.cos(np.radians(60))) / 2)


def test_a_dead_direction_matches_nothing():
    known = np.eye(3)
    learned = known.copy()
    learned[1] = 0
    assert mcc(learned, known) == pytest.approx(2 / 3)


def test_random_directions_are_far_from_one():
    assert mcc(dictionary(64, 128, 0), dictionary(64, 128, 1)) < 0.35


def test_pw_mcc_is_the_mean_over_pairs():
    some = [dictionary(8, 5, seed) for seed in range(3)]
    found = pw_mcc(some)
    assert [(i, j) for i, j, _ in found.pairs] == [(0, 1), (0, 2), (1, 2)]
    assert found.mean == pytest.approx(np.mean([mcc(some[i], some[j]) for i, j in ((0, 1), (0, 2), (1, 2))]))


@pytest.mark.parametrize(
    ("first", "second", "says"),
    [
        (np.ones((2, 3)), np.ones((2, 4)), "one encoder"),
        (np.ones((0, 3)), np.ones((2, 3)), "at least one"),
        (np.ones((MOST + 1, 1)), np.ones((2, 1)), "dead features"),
    ],
)
def test_what_cannot_be_matched_is_said(first, second, says):
    with pytest.raises(ValueError, match=says):
        match(first, second)


def test_one_dictionary_has_no_pairs():
    with pytest.raises(ValueError, match="at least two"):
        pw_mcc([np.eye(2)])
