import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from saerad_core.descriptions.realise import NOTHING_FOUND
from saerad_core.reports.compose import Composer
from saerad_core.reports.coverage import LEAST, CoverageRule, choose, measure
from saerad_core.reports.reporting import Reporting
from saerad_core.stages.reporting import lowest_safe, lowest_sure
from tests.reports.written import composer, curated, tables

FOUND = st.lists(st.tuples(st.integers(0, 59), st.floats(0.1, 9)), max_size=25, unique_by=lambda one: one[0])


def covering(threshold: float) -> Composer:
    descriptions = {0: "There is cardiomegaly.", 1: "Right pleural effusion."}
    return Composer(tables(), descriptions, reporting=Reporting("", CoverageRule(threshold)))


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(FOUND, st.sets(st.integers(0, 59), max_size=12), st.sets(st.integers(0, 59), max_size=12))
def test_it_is_a_share_that_grows_with_what_is_described(found, some, more):
    one, both = (measure(found, trusted, CoverageRule(0.5)) for trusted in (some, some | more))
    assert 0 <= one.share <= both.share <= 1 + 1e-9 and one.active == len(found)
    assert measure(found, {f for f, _ in found}, None).share == pytest.approx(1.0 if found else 0.0)


@settings(max_examples=40, deadline=None)
@given(FOUND, st.floats(0.01, 1))
def test_a_report_abstains_under_the_threshold_and_says_why(found, threshold):
    report = covering(threshold).compose(found)
    told = sum(value for feature, value in found if feature in (0, 1))
    low = told < threshold * sum(value for _, value in found) or not found
    assert report.coverage is not None and report.coverage.abstains is low
    assert bool(report.findings) is bool(report.impression) is not low
    assert any("There is no report" in warning for warning in report.warnings) is low
    # What was abstained from is still there for whoever evaluates.
    assert covering(threshold).compose(found, abstain=False).findings


def test_without_described_features_the_sentence_says_what_to_do():
    report = covering(LEAST).compose([(5, 2.0), (6, 1.0)])
    (warning,) = report.warnings
    assert "none of the 2 features" in warning and "Describe features" in warning and not report.findings


def test_a_rejected_description_or_one_for_a_second_reader_explains_nothing():
    found = [(0, 3.0), (9, 1.0)]
    shares = {s: covering(0.5).compose(found, {0: curated(status=s)}).coverage.share for s in ("accepted", "rejected", "second")}  # fmt: skip
    assert shares == {"accepted": 0.75, "rejected": 0.0, "second": 0.0}
    assert covering(0.5).compose([(9, 1.0)], {9: curated("Nipple shadow.", "accepted")}).coverage.share == 1.0


def test_the_threshold_lies_where_reports_stop_being_of_no_use():
    shares = np.linspace(0.0, 0.99, 100)
    good = shares >= 0.3
    rule = choose(shares, np.where(good, 2, 0), np.full(100, 2), np.full(100, 2))
    # Up to about twice as many X-rays as those under .3 the F1 of all under the cut stays under half of the whole's.
    assert 0.3 <= rule.threshold < 0.6 and rule.f1_below is not None and rule.f1_below < 0.35


def test_where_no_coverage_is_useless_the_lowest_that_was_seen_is_the_threshold():
    shares = np.linspace(0.2, 0.9, 100)
    rule = choose(shares, np.full(100, 2), np.full(100, 2), np.full(100, 2))
    assert rule.threshold == pytest.approx(np.percentile(shares, 1)) and rule.f1_below is None
    assert choose(np.zeros(0), *(np.zeros(0, int),) * 3).threshold == LEAST


def test_where_reports_without_coverage_were_seen_to_be_no_worse_none_is_kept_back():
    shares = np.concatenate([np.zeros(20), np.linspace(0.2, 0.9, 80)])
    assert choose(shares, np.full(100, 2), np.full(100, 2), np.full(100, 2)).threshold == 0.0
    assert choose(shares[11:], *(np.full(89, 2),) * 3).threshold == LEAST
    assert choose(shares, np.where(shares > 0, 2, 0), *(np.full(100, 2),) * 2).threshold >= 0.2
    # Of those without any the first ten in the file have nothing right, all of them together have: they can't be parted.
    first = np.where(np.arange(100) < 10, 0, 2)
    assert choose(np.where(np.arange(100) < 60, 0.0, shares), first, *(np.full(100, 2),) * 2).threshold == 0.0
    one = measure([(5, 1.0)], (), CoverageRule(0.0))
    assert not one.abstains and "keeps none back" in one.sentence and measure([], (), CoverageRule(0.0)).abstains


def test_it_is_kept(tmp_path):
    path = tmp_path / "reporting.json"
    kept = Reporting("abc", CoverageRule(0.1, 20, 0.3))
    kept.save(path)
    assert Reporting.load(path) == kept
    path.write_text("{}", encoding="utf-8")
    assert Reporting.load(path) is None and Reporting.load(tmp_path / "none") is None


def test_an_impression_reassures_from_where_validation_patients_had_nothing():
    told = [(0.9 - 0.01 * i, i < 30) for i in range(60)]
    cut = lowest_safe(told, 0.95, 10)
    assert 0.6 <= cut < 0.62 and lowest_safe(told[:5], 0.95, 10) > 1 and lowest_safe([], 0.95, 10) > 1
    assert lowest_safe([(p, False) for p, _ in told], 0.95, 10) > 1
    calm = composer().compose([(20, 1.0)])
    for reassures, text in ((0.0, NOTHING_FOUND), (1.01, "does not exclude")):
        one = Composer(tables(), {20: "x"}, reporting=Reporting("", CoverageRule(0.0), reassures=reassures))
        assert text in one.compose([(20, 1.0)]).impression[0].text
    assert calm.impression


def test_a_finding_is_sure_only_from_where_validation_patients_bear_it_out():
    told = [(0.99 - 0.001 * i, True) for i in range(72)]
    assert lowest_sure(told, 0.95) > 1, "72 right facts don't show 95%"
    assert lowest_sure([*told, (0.5, True)], 0.95) == 0.5
    wrong = [(0.4 - 0.001 * i, False) for i in range(20)]
    assert lowest_sure([*told, (0.5, True), *wrong], 0.95) == 0.5 and lowest_sure([], 0.95) > 1
    # A probability can't part facts that share it.
    assert lowest_sure([(0.9, i < 73) for i in range(100)], 0.95) > 1


def test_the_hedge_follows_what_the_workspace_has_shown():
    def said(sure):
        return Composer(tables(), {1: "x"}, reporting=Reporting("", CoverageRule(0.0), sure=sure)).compose([(1, 4.0)])

    sure, hedged = said(0.0).findings[0], said(1.01).findings[0]
    assert {one.certainty for one in sure.statements} == {"certain"} and sure.probability >= 0.8
    assert {one.certainty for one in hedged.statements} == {"likely"} and hedged.text != sure.text
