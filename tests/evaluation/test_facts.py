import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from saerad_core.evaluation.facts import at_level, difference, hits, scores
from saerad_core.vocabulary import Fact

A, B, C = (
    Fact("consolidation", "right", "lower zone"),
    Fact("consolidation", "left", "lower zone"),
    Fact("mass", "left"),
)
FACTS = st.lists(st.sets(st.sampled_from([A, B, C, Fact("cardiomegaly")])), min_size=1, max_size=12)


def test_by_hand():
    found = scores([{A}, {A, C}, set()], [{A}, {B, C}, set()])
    assert (found["precision"], found["recall"], found["f1"]) == (2 / 3, 2 / 3, 2 / 3)
    assert found["normal_called_abnormal"] == 0


def test_looser_levels_forgive_side_and_place():
    assert at_level({A, B}, "finding") == {Fact("consolidation")}
    assert at_level({A}, "side") == {Fact("consolidation", "right")}
    assert scores([{A}], [{B}], "exact")["f1"] == 0
    assert scores([{A}], [{B}], "side")["f1"] == 0
    assert scores([{A}], [{B}], "finding")["f1"] == 1


def test_saying_nothing_scores_zero_and_calls_no_normal_abnormal():
    found = scores([set(), set()], [{A}, set()])
    assert (found["precision"], found["f1"], found["normal_called_abnormal"]) == (0, 0, 0)


def test_macro_counts_facts_with_enough_xrays():
    truth = [{A, C}] * 5 + [{B}] * 2
    stated = [{A}] * 5 + [{B}] * 2
    assert scores(stated, truth)["macro_f1"] == pytest.approx(0.5)


@given(FACTS)
def test_the_truth_itself_is_right(truth):
    found = scores(truth, truth)
    assert found["f1"] == (1 if any(truth) else 0)


@given(FACTS, st.integers(0, 3))
def test_f1_lies_between_precision_and_recall(truth, shift):
    stated = truth[shift:] + truth[:shift]
    found = scores(stated, truth)
    low, high = sorted((found["precision"], found["recall"]))
    assert low - 1e-9 <= found["f1"] <= high + 1e-9


def test_differences_are_between_the_same_patients():
    rng = np.random.default_rng(0)
    truth = [{A} if rng.random() < 0.5 else set() for _ in range(300)]
    good = [set(t) if rng.random() < 0.9 else set() for t in truth]
    poor = [set(t) if rng.random() < 0.5 else {B} for t in truth]
    patients = np.arange(300) // 2
    found = difference(hits(good, truth), hits(poor, truth), patients)
    assert found["lo"] < found["difference"] < found["hi"] and found["lo"] > 0
    same = difference(hits(good, truth), hits(good, truth), patients)
    assert same == {"difference": 0, "lo": 0, "hi": 0}


def test_the_interval_widens_when_a_patients_xrays_are_alike():
    rng = np.random.default_rng(1)
    truth = [{A} if rng.random() < 0.5 else set() for _ in range(100)]
    stated = [set(t) if rng.random() < 0.7 else {C} for t in truth]
    nothing = [set() for _ in truth]
    once = difference(hits(stated, truth), hits(nothing, truth), np.arange(100))
    four = difference(hits(stated * 4, truth * 4), hits(nothing * 4, truth * 4), np.tile(np.arange(100), 4))
    assert four == pytest.approx(once)
