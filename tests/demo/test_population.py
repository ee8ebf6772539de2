"""The simulated population: reproducible, plausible, and never impossible."""

from collections import Counter
from dataclasses import replace

import pytest

from saerad_core.demo.causes import SPREADS
from saerad_core.demo.coexistence import fits
from saerad_core.demo.population import patient_studies, sample_studies
from saerad_core.demo.study import SimulatedFinding
from saerad_core.vocabulary import CONCEPTS, SIMULATED, TERMS, concept_of


@pytest.fixture(scope="module")
def studies():
    return sample_studies(1400, seed=7)


def facts(study):
    return Counter(f.finding for f in study.findings)


def test_a_patient_depends_on_seed_and_index_only():
    assert patient_studies(3, 17) == patient_studies(3, 17)
    assert sample_studies(6, 3)[-1].patient_id == patient_studies(3, 5)[0].patient_id
    assert [s for s in sample_studies(20, 3) if s.patient_id == "S03-000017"] == patient_studies(3, 17)
    assert patient_studies(3, 17) != patient_studies(4, 17)


def test_populations_never_share_a_patient():
    ids = [{s.study_id for s in sample_studies(30, seed)} for seed in (1, 2, 12)]
    assert not (ids[0] & ids[1] or ids[0] & ids[2] or ids[1] & ids[2])


def test_enough_studies_with_names_in_order(studies):
    assert len(studies) >= 2050
    assert len({s.study_id for s in studies}) == len(studies)
    first = studies[0]
    assert (first.patient_id, first.study_id, first.number) == ("S07-000000", "S07-000000-1", 0)
    assert {s.sex for s in studies} == {"F", "M"}
    assert min(s.age for s in studies) >= 18
    assert max(s.age for s in studies) <= 95


def test_long_tail(studies):
    share = Counter(key for s in studies for key in {f.finding for f in s.findings})
    share = {key: n / len(studies) for key, n in share.items()}
    assert set(share) == set(SIMULATED)
    assert 0.12 < max(share.values()) < 0.2
    assert min(share.values()) > 0.02
    assert 0.26 < sum(not s.findings for s in studies) / len(studies) < 0.35


def test_every_concept_occurs_often_enough_to_be_tested(studies):
    concepts = Counter(c for s in studies for c in {concept_of(f.fact) for f in s.findings})
    assert set(concepts) == set(CONCEPTS)
    assert min(concepts.values()) / len(studies) > 0.02


def lift(studies, one, other):
    """How much more often two findings share a study than chance would have it."""
    n = len(studies)
    has = [{f.finding for f in s.findings} for s in studies]
    both = sum(one in h and other in h for h in has) / n
    return both / (sum(one in h for h in has) / n * sum(other in h for h in has) / n)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("pleural_effusion", "cardiomegaly"),
        ("interstitial_oedema", "cardiomegaly"),
        ("endotracheal_tube", "nasogastric_tube"),
        ("sternal_wires", "cardiomegaly"),
        ("rib_fracture", "pneumothorax"),
    ],
)
def test_illnesses_bind_findings_together(studies, one, other):
    assert lift(studies, one, other) > 1.4


def test_the_ill_are_examined_lying_down(studies):
    def lying(some):
        return sum(s.view == "AP" for s in some) / len(some)

    assert lying([s for s in studies if len(s.findings) > 2]) > 2 * lying([s for s in studies if not s.findings])
    assert all(s.view == "AP" for s in studies if "endotracheal_tube" in facts(s))


def test_findings_are_of_the_vocabulary(studies):
    for study in studies:
        for f in study.findings:
            term = TERMS[f.finding]
            assert f.finding in SIMULATED
            assert f.side in (("right", "left") if term.sided else ("",))
            assert f.place in (term.places or ("",))
            assert f.severity in (term.severities or ("",))
            assert 0 <= f.extent <= 1
        assert len({f.fact for f in study.findings}) == len(study.findings)
        assert all(n <= 2 for n in facts(study).values())


def test_nothing_impossible_is_in_one_chest(studies):
    for study in studies:
        for i, f in enumerate(study.findings):
            assert fits(f, study.findings[:i] + study.findings[i + 1 :], study.view), study.findings
        has = {(f.finding, f.side): f.severity for f in study.findings}
        for side in ("right", "left"):
            severities = (has.get(("pleural_effusion", side)), has.get(("pneumothorax", side)))
            assert severities != ("large", "large")
        assert not {"nodule", "multiple_nodules"} <= set(facts(study))
        assert facts(study)["raised_hemidiaphragm"] < 2


def test_fits_refuses_what_could_not_be_told_apart():
    effusion = SimulatedFinding("pleural_effusion", "left", severity="large")
    nodule = SimulatedFinding("nodule", "left", "lower zone")
    assert not fits(nodule, [effusion], "PA")
    assert not fits(effusion, [nodule], "PA")
    assert fits(replace(nodule, side="right"), [effusion], "PA")
    assert fits(nodule, [replace(effusion, severity="small")], "PA")
    assert not fits(SimulatedFinding("endotracheal_tube"), [], "PA")
    assert not fits(nodule, [replace(nodule, seed=1)], "PA")


def test_follow_up_remembers(studies):
    followed = kept = gone = changed = 0
    for before, after in zip(studies, studies[1:], strict=False):
        if after.number == 0:
            assert after.prior is None
            continue
        assert after.patient_id == before.patient_id
        assert after.prior == before.findings
        assert after.anatomy == before.anatomy
        assert after.seed != before.seed
        now = {f.fact: f for f in after.findings}
        for f in before.findings:
            if SPREADS[f.finding].chronic:
                followed += 1
                kept += now.get(f.fact) == f
            elif f.fact not in now:
                gone += 1
            elif now[f.fact].severity != f.severity:
                changed += 1
                assert now[f.fact].seed == f.seed
    assert followed > 300
    assert kept / followed > 0.8
    assert gone > 50
    assert changed > 10
