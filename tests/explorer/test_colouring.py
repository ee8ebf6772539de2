"""Codes of a column: every word and number keeps its place, and nothing known is code 0."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from saerad_core.explorer.colouring import MOST_NAMES, colour_codes


def test_words_are_named_by_how_often_they_come_and_the_rest_is_other():
    words = [f"w{i:02}" for i in range(20) for _ in range(20 - i)] + ["", None]
    found = colour_codes(np.array(words, dtype=object))
    assert [name for name, _ in found.names] == [f"w{i:02}" for i in range(MOST_NAMES)] + ["other"]
    assert sum(n for _, n in found.names) + found.unknown == len(words) and found.unknown == 2
    for word, code in zip(words, found.codes, strict=True):
        assert (found.names[code - 1][0] if code else "") in (word or "", "other")
    assert not found.numeric


def test_truth_values_are_words():
    found = colour_codes(np.array([True, False, True]))
    assert found.names == (("yes", 2), ("no", 1)) and found.codes.tolist() == [1, 2, 1]


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True, width=32), max_size=60))
def test_numbers_keep_their_order_and_what_isn_t_finite_is_unknown(some: list[float]):
    values = np.array(some, dtype=np.float64)
    found = colour_codes(values)
    finite = np.isfinite(values)
    assert ((found.codes > 0) == finite).all() and found.unknown == (~finite).sum()
    order = np.argsort(values[finite])
    assert (np.diff(found.codes[finite][order].astype(int)) >= 0).all()
    if finite.any():
        assert found.numeric and found.lo < found.hi


def test_shares_over_many_sizes_go_by_the_logarithm_with_the_zeros_at_its_lower_end():
    found = colour_codes(np.concatenate([np.zeros(5), np.geomspace(1e-6, 1e-1, 1_000)]))
    assert found.log and found.lo > 0 and (found.codes[:5] == 1).all()
    middle = found.codes[5 + 500]
    assert 110 < middle < 145
    assert not colour_codes(np.linspace(0.5, 1, 100)).log
