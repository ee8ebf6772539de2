"""Simulated reports: deterministic, varied, and true without the help of any parser."""

import random
import re
from collections import Counter
from dataclasses import replace

import pytest

from saerad_core.demo.population import sample_studies
from saerad_core.demo.study import SimulatedFinding
from saerad_core.demo.wording import write_report
from saerad_core.demo.wording_negatives import NEGATIVES, negatives
from saerad_core.demo.wording_styles import STYLES
from saerad_core.demo.wording_terms import ONE, TWO
from saerad_core.vocabulary import SIMULATED, TERMS


@pytest.fixture(scope="module")
def studies():
    return sample_studies(400, 19)


def reports_of(study, findings, prior=None, n=200):
    """Reports of many studies with the same findings, each with its own wording."""
    for seed in range(n):
        yield write_report(replace(study, findings=tuple(findings), prior=prior, seed=seed))


def test_same_study_same_report(studies):
    assert [write_report(s) for s in studies[:50]] == [write_report(s) for s in studies[:50]]


def test_every_section_is_filled(studies):
    for study in studies:
        assert all(text.strip() for text in write_report(study))


def test_every_finding_has_wordings():
    assert set(ONE) == set(SIMULATED)
    assert set(TWO) <= set(SIMULATED)
    assert len(STYLES) >= 5


def test_wording_varies(studies):
    effusion = [SimulatedFinding("pleural_effusion", "left", severity="moderate")]
    texts = {report.findings for report in reports_of(studies[0], effusion)}
    assert len(texts) > 150
    assert {"edema", "oedema"} <= set(re.findall(r"o?edema", " ".join(texts)))


def test_side_place_and_severity_are_said(studies):
    found = [
        SimulatedFinding("consolidation", "right", "upper zone"),
        SimulatedFinding("cardiomegaly", severity="severe"),
    ]
    words = Counter()
    for report in reports_of(studies[0], found):
        text = report.findings.lower()
        assert "right" in text
        assert "upper" in text
        assert "left" not in text
        assert "lower" not in text
        assert not re.search(r"\b(mild|mildly|slight|slightly|moderate|moderately|borderline)\b", text)
        words.update(re.findall(r"severe|marked", text))
    assert sum(words.values()) > 100


@pytest.mark.parametrize("negative", NEGATIVES)
def test_nothing_present_is_denied(negative):
    for key in negative.absent:
        for seed in range(60):
            said = [text for texts in negatives(random.Random(seed), {key}, 1.0).values() for text in texts]
            assert not set(said) & set(negative.sentences)


def test_clear_lungs_only_where_they_are(studies):
    for study in studies:
        text = write_report(study).findings.lower()
        lung = {"consolidation", "nodule", "mass", "multiple_nodules", "interstitial_oedema", "lobar_collapse"}
        if lung & {f.finding for f in study.findings}:
            assert not re.search(r"(?<!otherwise )(lungs (are )?clear|clear lungs)", text.replace("\n", " ")), text


def test_normal_impression_only_of_normal_studies(studies):
    for study in studies:
        if study.findings:
            assert not re.search(r"normal (study|chest)", write_report(study).impression.lower())


def test_the_indication_names_no_finding(studies):
    names = re.compile(
        "|".join({term.name for term in TERMS.values()} | {"effusion", "oedema", "edema", "tube", "cardiac"})
    )
    told = [write_report(study).indication.lower() for study in studies]
    assert not [text for text in told if names.search(text)]
    assert len(set(told)) > 40


def test_comparison_follows_both_studies(studies):
    small = SimulatedFinding("pleural_effusion", "right", severity="small", extent=0.6)
    large = replace(small, severity="large")
    grown = " ".join(r.findings for r in reports_of(studies[0], [large], prior=(small,)))
    assert re.search("increased since|larger than before|worse than", grown)
    assert not re.search("decreased|smaller|improved|unchanged|stable|new ", grown)
    shrunk = " ".join(r.findings for r in reports_of(studies[0], [small], prior=(large,)))
    assert re.search("decreased since|smaller than before|improved since", shrunk)
    assert not re.search("increased|larger|worse|unchanged|stable|new ", shrunk)
    same = " ".join(r.findings for r in reports_of(studies[0], [small], prior=(small,)))
    assert re.search("unchanged|stable|similar", same)
    fresh = " ".join(r.findings for r in reports_of(studies[0], [small], prior=()))
    assert re.search("[Nn]ew ", fresh)
    gone = " ".join(r.findings for r in reports_of(studies[0], [], prior=(small,)))
    assert re.search("has resolved|Resolution of|no longer|has cleared", gone)


def test_nothing_is_compared_without_a_previous_study(studies):
    for study in studies:
        if study.prior is None:
            text = write_report(study).findings.lower()
            assert not re.search(
                r"\b(new|unchanged|stable|increased since|decreased since|resolved|previous|prior)\b", text
            )


def test_only_subtle_findings_are_doubted(studies):
    plain = [SimulatedFinding("mass", "left", "upper zone", extent=0.8)]
    subtle = [replace(plain[0], extent=0.1)]
    doubt = re.compile("possible|probable|likely|suspicious for", re.I)
    # "No suspicious nodule" is a denial, not a doubt about the mass.
    assert not any(doubt.search(r.findings) for r in reports_of(studies[0], plain))
    assert any(doubt.search(r.findings) for r in reports_of(studies[0], subtle))
