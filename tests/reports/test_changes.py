import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saerad_core.reports.changes import FEWEST_PAIRS, KINDS, RIGHT, ChangeRule, fit
from saerad_core.reports.check import check
from saerad_core.reports.compose import Composer
from saerad_core.reports.exports.audit import audit_row, recreate
from saerad_core.reports.reporting import Reporting
from saerad_core.reports.text import Wording
from saerad_core.vocabulary import SIDES, TERMS, Statement
from tests.reports.written import tables

CODES = st.lists(st.tuples(st.integers(0, 59), st.floats(0.1, 9)), max_size=20, unique_by=lambda one: one[0])
EVEN = ChangeRule(50, dict.fromkeys(KINDS, 1.0), dict.fromkeys(KINDS, 0.0), dict.fromkeys(KINDS, 0.5))


def comparing(rule: ChangeRule = EVEN) -> Composer:
    return Composer(tables(), {1: "Right pleural effusion."}, reporting=Reporting("", changes=rule))


def told(found, prior, **more):
    report = comparing(**more).compose(found, prior=prior, abstain=False)
    return {(s.change, s.statements[0].fact) for s in report.changes}


RIGHT_EFFUSION = Statement("pleural_effusion", "right").fact


def test_new_gone_and_same_follow_the_features_of_both_x_rays():
    with_it, without = [(1, 3.0), (20, 1.0)], [(20, 1.0)]
    assert told(with_it, without) == {("new", RIGHT_EFFUSION)}
    assert told(without, with_it) == {("gone", RIGHT_EFFUSION)}
    assert told(with_it, with_it) == {("same", RIGHT_EFFUSION)}
    assert told(without, without) == set()


@settings(max_examples=40, deadline=None)
@given(CODES, CODES)
def test_every_change_rests_on_both_and_passes_the_checker_and_no_other_sentence_speaks_of_a_past(found, prior):
    report = comparing().compose(found, prior=prior, abstain=False)
    stated = {(s.finding, s.side) for one in report.findings for s in one.statements if s.present}
    for sentence in report.changes:
        assert sentence.evidence and sentence.prior and not sentence.flags
        (statement,) = sentence.statements
        assert ((statement.finding, statement.side) in stated) is (sentence.change != "gone")
        # Without a prior the same words are an invention.
        assert "invented prior" in {flag.kind for flag in check(sentence.text, sentence.statements)}
    assert not any(s.change for s in (*report.findings, *report.impression))


def test_without_evidence_for_a_change_nothing_is_said():
    found = [(1, 3.0), (20, 1.0)]
    assert comparing().compose(found, abstain=False).changes == []
    unsure = comparing(ChangeRule(5)).compose(found, prior=[(20, 1.0)], abstain=False)
    assert unsure.changes == [] and any("Nothing is said of changes" in w for w in unsure.warnings)
    strict = ChangeRule(50, EVEN.slope, EVEN.shift, dict.fromkeys(KINDS, 1.01))
    assert comparing(strict).compose(found, prior=[(20, 1.0)], abstain=False).changes == []
    odd = comparing().compose(found, prior=[(20, 1.0)], silence=False, abstain=False)
    assert odd.changes == [] and any("silent features are no evidence" in w for w in odd.warnings)


@settings(max_examples=20, deadline=None)
@given(CODES, CODES)
def test_the_audit_row_makes_a_compared_report_again(found, prior):
    composer = comparing()
    report = composer.compose(found, prior=prior)
    row = audit_row(report, {}, composer)
    assert recreate(row, {}, composer).as_json() == report.as_json()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("certainty", ["certain", "likely", "possible"])
def test_every_wording_is_borne_out_by_its_kind(kind, certainty):
    for key, term in TERMS.items():
        for side in SIDES if term.sided else ("",):
            statement = Statement(
                key, side, present=kind != "gone", certainty="certain" if kind == "gone" else certainty
            )
            assert check(Wording().change(kind, statement), (statement,), change=kind) == [], key


def planted(pairs: int, seed: int = 0):
    """Probabilities that are calibrated on each X-ray, and what is true of it."""
    rng = np.random.default_rng(seed)
    now, prior = rng.beta(0.3, 1.2, (2, pairs, 12))
    return now, prior, rng.random(now.shape) < now, rng.random(now.shape) < prior


def test_the_thresholds_hold_on_other_patients():
    rule = fit(*planted(400), known=np.ones((400, 12), bool))
    now, prior, stated, before = planted(400, seed=1)
    truth = {"new": stated & ~before, "gone": before & ~stated, "same": stated & before}
    assert {"new", "gone"} <= set(rule.threshold)
    for kind in rule.threshold:
        p = np.vectorize(lambda a, b, kind=kind: rule.probability(kind, a, b))(now, prior)
        said = p >= rule.threshold[kind]
        assert said.sum() > 50 and truth[kind][said].mean() >= RIGHT - 0.08


def test_few_pairs_or_no_signal_teach_nothing():
    few = planted(FEWEST_PAIRS - 1)
    assert fit(*few, known=np.ones(few[0].shape, bool)) == ChangeRule(FEWEST_PAIRS - 1)
    now, prior, *_ = planted(200)
    coin = np.random.default_rng(3).random((2, *now.shape)) < 0.3
    assert fit(now, prior, *coin, known=np.ones(now.shape, bool)).threshold == {}
