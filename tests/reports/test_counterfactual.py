import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saerad_core.reports.counterfactual import MOST, SILENT_SHARE, compare, pairs_of, parse, switched, written
from tests.reports.written import composer, tables

WIDTH = 60
CODES = st.lists(st.tuples(st.integers(0, WIDTH - 1), st.floats(0.1, 9)), max_size=20, unique_by=lambda one: one[0])
SWITCHES = st.dictionaries(st.integers(0, WIDTH - 1), st.floats(0, MOST).map(lambda x: round(x, 2)), max_size=5)


def code_of(found) -> np.ndarray:
    code = np.zeros(WIDTH, dtype=np.float32)
    for feature, value in found:
        code[feature] = np.float16(value)
    return code


@given(CODES, SWITCHES)
def test_switching_touches_only_what_is_switched(found, multipliers):
    code, largest = code_of(found), np.full(WIDTH, 4.0, dtype=np.float32)
    out = switched(code, multipliers, largest)
    for feature in range(WIDTH):
        if feature not in multipliers:
            assert out[feature] == code[feature]
        else:
            unit = code[feature] if code[feature] > 0 else SILENT_SHARE * 4
            assert out[feature] == pytest.approx(unit * multipliers[feature], rel=2e-3, abs=1e-6)


@given(SWITCHES)
def test_the_address_is_read_back(multipliers):
    assert parse(written(multipliers), WIDTH) == multipliers


@pytest.mark.parametrize("text", ["", "x", "1", "1:", "1:x", "99:1", "-1:1", "1:-1", "1:5", "1:nan", "1:inf", "\u0661:1", "1" * 99 + ":1"])  # fmt: skip
def test_junk_in_the_address_switches_nothing(text):
    assert parse(text, WIDTH) == {}


def test_the_rule_is_applied_again():
    code = code_of([(1, 2.0), (2, 1.0)])
    found, fires = pairs_of(code, np.full(WIDTH, 1.5))
    assert [f for f, _ in found] == [1] and [f for f, _ in fires] == [1, 2]


def report_of(code):
    found, fires = pairs_of(code, np.full(WIDTH, 0.5, dtype=np.float32))
    return composer().compose(found, code=fires)


@settings(max_examples=40, deadline=None)
@given(CODES)
def test_nothing_switched_differs_in_nothing(found):
    report = report_of(code_of(found))
    assert compare(report, report) == []


@settings(max_examples=40, deadline=None)
@given(CODES, SWITCHES)
def test_the_difference_leads_from_one_report_to_the_other(found, multipliers):
    before = report_of(code_of(found))
    after = report_of(switched(code_of(found), multipliers, tables().most))
    told = compare(before, after)
    for part in ("findings", "impression"):
        mine = [one for one in told if one.part == part]
        texts = [s.text for s in getattr(before, part)]
        for one in mine:
            if one.before is not None:
                texts.remove(one.before.text)
            if one.after is not None:
                texts.append(one.after.text)
        assert sorted(texts) == sorted(s.text for s in getattr(after, part))
    assert all(one.kind == ("changed" if one.before and one.after else "added" if one.after else "removed") for one in told)  # fmt: skip


def test_the_feature_behind_a_sentence_takes_it_away():
    code = code_of([(1, 3.0), (20, 1.0)])
    told = compare(report_of(code), report_of(switched(code, {1: 0.0}, tables().most)))
    assert any(one.kind == "removed" and one.before and "effusion" in one.before.text for one in told)
    up = compare(report_of(code_of([(20, 1.0)])), report_of(switched(code_of([(20, 1.0)]), {1: 2.0}, tables().most)))
    assert any(one.kind == "added" and one.after and "effusion" in one.after.text for one in up)
