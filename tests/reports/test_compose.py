import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saerad_core.descriptions.realise import NOTHING_FOUND
from saerad_core.descriptions.statements import facts_of
from saerad_core.reports import compose
from saerad_core.reports.compose import Composer
from saerad_core.reports.exports.document import evidence_of
from saerad_core.reports.report import Evidence, Report, ReportSentence
from saerad_core.reports.text import Wording
from saerad_core.vocabulary import Fact, Statement
from tests.reports.written import all_sentences, composer, curated, tables

CODES = st.lists(st.tuples(st.integers(0, 59), st.floats(0.1, 9)), max_size=25, unique_by=lambda one: one[0])


def stated(report):
    return {s.fact for sentence in report.findings for s in sentence.statements if s.present}


def denied(report):
    return {s.finding for sentence in report.findings for s in sentence.statements if not s.present}


@settings(max_examples=60, deadline=None)
@given(found=CODES, rejected=st.sets(st.integers(0, 59), max_size=5))
def test_every_sentence_has_evidence_that_is_active_or_silent_and_not_rejected(found, rejected):
    report = composer().compose(found, {f: curated(status="rejected") for f in rejected})
    active = dict(found)
    assert report.findings and report.impression
    for sentence in all_sentences(report):
        assert sentence.evidence and 0 <= sentence.probability <= 1
        ids = [e.feature_id for e in sentence.evidence]
        assert len(ids) == len(set(ids)) and not set(ids) & rejected
        for e in sentence.evidence:
            assert e.activation == active.get(e.feature_id, 0.0)
            assert len(e.image_ids) == len(set(e.image_ids)) <= 6
            if any(s.present for s in sentence.statements):
                assert e.activation > 0 and e.logit > 0 and e.image_ids


@settings(max_examples=60, deadline=None)
@given(found=CODES)
def test_the_text_states_what_the_statements_say(found):
    report = composer().compose(found)
    read = facts_of(report.text)
    assert {fact for fact, s in read.items() if s.present} == stated(report)
    assert denied(report) <= {fact.finding for fact, s in read.items() if not s.present}
    assert not {fact.finding for fact in stated(report)} & denied(report)


@settings(max_examples=30, deadline=None)
@given(found=CODES)
def test_json_has_the_shape_that_the_command_line_prints(found):
    report = composer().compose(found)
    report.timings_ms["report"] = 1.5
    shape = json.loads(json.dumps(report.as_json()))
    assert list(shape) == [
        "findings", "impression", "changes", "features", "warnings", "typicality", "coverage", "timings_ms"
    ]  # fmt: skip
    for sentence in shape["findings"] + shape["impression"]:
        assert sentence["text"] and sentence["evidence"]
        assert all({"feature_id", "activation", "image_ids"} <= set(e) for e in sentence["evidence"])
    assert [line["feature_id"] for line in shape["features"]] == [f for f, _ in found]
    assert all({"feature_id", "activation", "description"} <= set(line) for line in shape["features"])


def test_states_the_planted_fact_with_its_feature_first():
    report = composer().compose([(1, 3.0)])
    assert Fact("pleural_effusion", "right") in stated(report)
    first = report.findings[0]
    assert first.evidence[0].feature_id == 1 and len(first.evidence[0].image_ids) == 6
    assert "pleural effusion" in first.text.lower() and "right" in first.text.lower()
    assert any("effusion" in sentence.text for sentence in report.impression)


def test_two_sides_are_one_sentence_with_evidence_of_both():
    report = composer().compose([(1, 3.0), (2, 3.0), (3, 2.0)])
    effusions = [s for s in report.findings if s.statements and s.statements[0].finding == "pleural_effusion"]
    assert len(effusions) == 1 and len(effusions[0].statements) == 2
    assert {1, 2} <= {e.feature_id for e in effusions[0].evidence}


def test_certainty_follows_probability():
    for found in ([(1, 3.0)], [(3, 3.0)], [(5, 2.0), (6, 1.0)]):
        for sentence in composer().compose(found).findings:
            for s in (s for s in sentence.statements if s.present):
                p = tables().probabilities(found)[tables().index(s.fact)]
                assert s.certainty == ("certain" if p >= 0.8 else "likely" if p >= 0.5 else "possible")


def test_nothing_found_is_said_with_what_speaks_against():
    report = composer().compose([(20, 1.0)])
    assert not stated(report)
    assert report.findings[0].statements == () and report.findings[0].evidence
    assert report.impression[0].evidence
    assert not any(s.present for s in facts_of(report.text).values())


def test_an_impression_reassures_only_where_nothing_is_likely(monkeypatch):
    calm = composer().compose([(20, 1.0)]).impression[0]
    assert (calm.text == NOTHING_FOUND) is (calm.probability >= compose.REASSURES)
    monkeypatch.setattr(compose, "REASSURES", 1.1)
    wary = composer().compose([(20, 1.0)]).impression[0]
    assert wary.text != NOTHING_FOUND and "does not exclude" in wary.text
    assert not any(s.present for s in facts_of(wary.text).values())


def test_an_impression_beside_minor_findings_says_that_no_other_is_supported():
    wording = composer().wording
    alone, beside = (wording.not_excluded(beside=one) for one in (False, True))
    assert alone.startswith("No finding is supported") and beside.startswith("No other finding is supported")
    made = Composer(tables(), {}, wording=_Minor())
    report = made.compose([(1, 3.0)], silence=False)
    assert report.findings[0].statements and report.impression[0].text == beside
    assert report.impression[1].statements == report.findings[0].statements


class _Minor(Wording):
    """To whom every finding is a minor one."""

    def is_minor(self, finding: str) -> bool:
        return True


def test_beside_minor_findings_the_impression_is_as_sure_as_of_the_others():
    finding = composer().tables.facts[0].finding
    p = np.array([0.9 if fact.finding == finding else 0.01 for fact in composer().tables.facts])
    assert composer().nothing(p) < 0.1 and composer().nothing(p, {finding}) > 0.85


def test_a_possible_finding_that_matters_more_than_the_likely_ones_stands_in_the_impression():
    wording = composer().wording
    report = Report()
    evidence = (Evidence(1, 1.0, ("x",)),)

    def add(finding: str, certainty: str, probability: float) -> None:
        statement = Statement(finding, certainty=certainty)
        report.findings.append(ReportSentence(wording.finding((statement,)), (statement,), probability, evidence))

    add("hyperinflation", "certain", 0.99)
    add("nodule", "possible", 0.35)
    add("hiatus_hernia", "possible", 0.4)
    composer()._add_impression(report, np.zeros(len(composer().tables.facts)), evidence, True)
    assert [s.statements[0].finding for s in report.impression] == ["nodule", "hyperinflation"]


def test_an_x_ray_explained_worse_than_all_that_were_seen_has_no_report():
    report = composer().compose([(1, 3.0)], seen=False)
    assert not report.findings and not report.impression and report.coverage is not None
    assert report.coverage.abstains and report.coverage.reason in report.warnings
    assert "worse than every validation X-ray" in report.coverage.reason
    assert "there is no report" in report.coverage.sentence and "keeps none back" not in report.coverage.sentence
    assert report.coverage.as_json()["unseen"] and "unseen" not in composer().compose([(1, 3.0)]).coverage.as_json()


def test_where_probabilities_were_not_calibrated_none_is_told():
    sure, unsure = (composer().compose([(1, 3.0)], silence=silence) for silence in (True, False))
    assert all(s.calibrated for s in all_sentences(sure)) and not any(s.calibrated for s in all_sentences(unsure))
    assert evidence_of(unsure.findings[0]).startswith("not calibrated; #1")
    assert unsure.as_json()["findings"][0]["calibrated"] is False and "calibrated" not in sure.as_json()["findings"][0]


def test_where_silence_is_no_evidence_nothing_is_called_absent_and_nobody_reassured():
    report = composer().compose([(20, 1.0)], silence=False)
    assert not denied(report) and denied(composer().compose([(20, 1.0)]))
    assert NOTHING_FOUND not in report.text and "does not exclude" in report.impression[0].text
    assert any("Nothing is called absent" in warning for warning in report.warnings)
    sure, unsure = (composer().compose([(1, 3.0)], silence=silence) for silence in (True, False))
    said = {f for f in stated(unsure)}
    assert said == stated(sure) and said
    assert {s.certainty for one in unsure.findings for s in one.statements} == {"possible"}
    assert "certain" in {s.certainty for one in sure.findings for s in one.statements if s.present}


def test_absences_are_grouped_and_supported():
    report = composer().compose([(20, 1.0)])
    absences = [s for s in report.findings if s.statements and not s.statements[0].present]
    assert absences and denied(report) >= {"cardiomegaly"}
    for sentence in absences:
        assert sentence.text.startswith("No ") and sentence.probability >= 0.95


def test_no_active_feature_is_said():
    report = composer().compose([])
    assert any("No feature counts as active" in warning for warning in report.warnings)
    assert all(e.activation == 0 for s in all_sentences(report) for e in s.evidence)


def test_a_rejected_feature_does_not_count_and_is_named():
    with_it, without = (composer().compose([(7, 3.0)], c) for c in ({}, {7: curated(status="rejected")}))
    assert Fact("pneumothorax", "left") in stated(with_it)
    assert Fact("pneumothorax", "left") not in stated(without)
    assert any("Feature 7 was rejected" in warning for warning in without.warnings)
    assert without.features[0].status == "rejected"


def test_the_curators_words_are_shown():
    report = composer().compose([(0, 2.0), (1, 2.0), (9, 1.0)], {0: curated("Big heart."), 1: curated()})
    assert [line.description for line in report.features] == ["Big heart.", "Right pleural effusion.", ""]


def test_a_description_rewritten_to_another_finding_is_pointed_out():
    report = composer().compose([(7, 3.0)], {7: curated("There is a pacemaker.")})
    assert any("feature 7 otherwise than as pneumothorax" in warning for warning in report.warnings)
    same = composer().compose([(7, 3.0)], {7: curated("Left pneumothorax.")})
    assert not any("otherwise" in warning for warning in same.warnings)


def test_features_for_and_against_are_named():
    from saerad_core.reports.compose import Composer, ComposeSettings
    from saerad_core.reports.conflicts import ConflictSettings

    row = tables().weights[tables().index(Fact("cardiomegaly"))]
    against = int(row.argmin())
    easy = Composer(tables(), {}, settings=ComposeSettings(conflicts=ConflictSettings(logit=0.1, undecided=1.0)))
    warnings = easy.compose([(0, 2.0), (against, 1.0)]).warnings
    assert any(w.startswith("Feature 0 speaks for cardiomegaly and feature") for w in warnings), warnings


def test_no_table_no_sentence():
    from dataclasses import replace

    from saerad_core.reports.compose import Composer

    t = tables()
    empty = replace(
        t,
        facts=(),
        weights=t.weights[:0],
        intercepts=t.intercepts[:0],
        thresholds=t.thresholds[:0],
        priors=t.priors[:0],
    )
    report = Composer(empty, {}).compose([(1, 2.0)])
    assert not report.findings and not report.impression and report.warnings and report.features


def test_a_sentence_without_evidence_cannot_be_made():
    with pytest.raises(AssertionError):
        ReportSentence("There is cardiomegaly.", (Statement("cardiomegaly"),), 0.9, ())


def test_unseen_patients_reports_beat_saying_nothing():
    from tests.descriptions.planted import plant

    unseen = plant(80, seed=5)
    right = wrong = missed = 0
    for row, truth in enumerate(unseen.truth):
        span = unseen.active[row]
        said = stated(composer().compose(list(zip(span.indices.tolist(), span.data.tolist(), strict=True))))
        right, wrong, missed = right + len(said & truth), wrong + len(said - truth), missed + len(truth - said)
    assert 2 * right / (2 * right + wrong + missed) > 0.6
