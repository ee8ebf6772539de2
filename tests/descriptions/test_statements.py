"""The reader of report text: single sentences as departments write them, and whole simulated reports."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saerad_core.demo.population import sample_studies
from saerad_core.demo.wording import write_report
from saerad_core.descriptions.lexicon import find_mentions
from saerad_core.descriptions.statements import facts_of, parse_statements
from saerad_core.vocabulary import Fact


def said(text):
    """Statements in short: +finding side place severity certainty (unless certain), - for what is denied."""
    short = set()
    for sentence in parse_statements(text):
        for s in sentence.statements:
            parts = (s.finding, s.side, s.place, s.severity, "" if s.certainty == "certain" else s.certainty)
            short.add(("+" if s.present else "-") + " ".join(part for part in parts if part))
    return short


CASES = {
    # Plain findings, as different departments name them.
    "Heart size is enlarged.": {"+cardiomegaly"},
    "There is stable moderate enlargement of the cardiac silhouette.": {"+cardiomegaly moderate"},
    "Enlarged cardiac silhouette.": {"+cardiomegaly"},
    "Increased cardiothoracic ratio.": {"+cardiomegaly"},
    "There is blunting of the left costophrenic angle.": {"+pleural_effusion left small"},
    "Trace pleural fluid on the right.": {"+pleural_effusion right small"},
    "Right lower lobe infiltrate.": {"+opacity right lower zone"},
    "Airspace disease in the lingula.": {"+opacity mid zone"},
    "Patchy air-space consolidation at the left base.": {"+consolidation left lower zone"},
    "Bibasilar atelectasis.": {"+atelectasis right lower zone", "+atelectasis left lower zone"},
    "Discoid atelectasis in the left mid lung.": {"+linear_atelectasis left mid zone"},
    "Partial collapse of the right upper lobe.": {"+lobar_collapse right upper lobe"},
    "Mild pulmonary edema.": {"+interstitial_oedema mild"},
    "Emphysematous changes with flattened hemidiaphragms.": {"+emphysema", "+hyperinflation"},
    "1.5 cm nodule in the right mid lung, unchanged since 2009.": {"+nodule right mid zone"},
    "Scattered calcified granulomas.": {"+calcified_granuloma"},
    "A calcified nodule is seen in the LUL.": {"+calcified_granuloma left upper zone"},
    "Biapical scarring.": {"+apical_scarring right", "+apical_scarring left"},
    "There is a dextroscoliosis of the thoracic spine.": {"+scoliosis right"},
    "The left hemidiaphragm is mildly elevated.": {"+raised_hemidiaphragm left"},
    "Old healed fractures of the right posterior ribs.": {"+rib_fracture right"},
    "Right PICC with its tip in the right atrium.": {"+central_line right"},
    "Left-sided pacemaker with leads in the right atrium and right ventricle.": {"+pacemaker left"},
    "ET tube 3 cm above the carina, NG tube in the stomach.": {"+endotracheal_tube", "+nasogastric_tube"},
    "Median sternotomy wires are intact.": {"+sternal_wires"},
    "Moderate hiatal hernia.": {"+hiatus_hernia"},
    "Widening of the superior mediastinum.": {"+widened_mediastinum"},
    "Pulmonary vasculature is mildly congested.": {"+congestion"},
    # Sides, places and severities that belong to one of several findings.
    "Small right and moderate left pleural effusions.": {
        "+pleural_effusion right small",
        "+pleural_effusion left moderate",
    },
    "Bilateral effusions, larger on the right.": {"+pleural_effusion right", "+pleural_effusion left"},
    "Bilateral pleural effusions, moderate on the right and small on the left, with bibasilar atelectasis.": {
        "+pleural_effusion right moderate",
        "+pleural_effusion left small",
        "+atelectasis right lower zone",
        "+atelectasis left lower zone",
    },
    "Mild cardiomegaly, large left effusion and right basal consolidation.": {
        "+cardiomegaly mild",
        "+pleural_effusion left large",
        "+consolidation right lower zone",
    },
    "Cardiomegaly with mild interstitial oedema.": {"+cardiomegaly", "+interstitial_oedema mild"},
    "Consolidation in the left upper and right lower zones.": {
        "+consolidation left upper zone",
        "+consolidation right lower zone",
    },
    "Right effusion with compressive atelectasis.": {"+pleural_effusion right", "+atelectasis right"},
    "Right effusion and scoliosis.": {"+pleural_effusion right", "+scoliosis"},
    "Severe degenerative changes and scoliosis.": {"+scoliosis"},
    "Moderate left effusion, slightly increased since yesterday.": {"+pleural_effusion left moderate"},
    "Effusion, right, small.": {"+pleural_effusion right small"},
    # Denials and how far they reach.
    "No pleural effusion or pneumothorax.": {"-pleural_effusion", "-pneumothorax"},
    "No focal consolidation, pneumothorax, or large pleural effusion.": {
        "-consolidation",
        "-pneumothorax",
        "-pleural_effusion large",
    },
    "Neither effusion nor pneumothorax is seen.": {"-pleural_effusion", "-pneumothorax"},
    "Negative for pneumothorax, pleural effusion or consolidation.": {
        "-pneumothorax",
        "-pleural_effusion",
        "-consolidation",
    },
    "The lungs are free of focal airspace disease.": {"-opacity"},
    "Cardiomegaly without pulmonary edema.": {"+cardiomegaly", "-interstitial_oedema"},
    "No pneumothorax, moderate right effusion.": {"-pneumothorax", "+pleural_effusion right moderate"},
    "No effusion and small right pneumothorax.": {"-pleural_effusion", "+pneumothorax right small"},
    "There is no pleural effusion and the heart is enlarged.": {"-pleural_effusion", "+cardiomegaly"},
    "No pleural effusion; cardiomegaly is present.": {"-pleural_effusion", "+cardiomegaly"},
    "No pneumothorax but there is a left effusion.": {"-pneumothorax", "+pleural_effusion left"},
    "A pneumothorax is not identified.": {"-pneumothorax"},
    "The heart is not enlarged.": {"-cardiomegaly"},
    "Effusion is unlikely.": {"-pleural_effusion"},
    "No acute fracture.": {"-rib_fracture"},
    "Fracture of the left clavicle.": set(),
    # What has gone, and what only looks like a denial.
    "The right pleural effusion has resolved.": {"-pleural_effusion right"},
    "Interval resolution of the left lower lobe consolidation.": {"-consolidation left lower zone"},
    "Previous right basal consolidation has cleared.": {"-consolidation right lower zone"},
    "The right effusion is no longer seen, but there is a new left pneumothorax.": {
        "-pleural_effusion right",
        "+pneumothorax left",
    },
    "The endotracheal tube has been removed.": {"-endotracheal_tube"},
    "The left pleural effusion has nearly resolved.": {"+pleural_effusion left"},
    "No change in the right pleural effusion.": {"+pleural_effusion right"},
    "No significant interval change in cardiomegaly.": {"+cardiomegaly"},
    "Left basilar consolidation, not significantly changed.": {"+consolidation left lower zone"},
    "No other focal opacity.": set(),
    "Rule out pneumonia.": set(),
    # Doubt.
    "Possible small left effusion.": {"+pleural_effusion left small possible"},
    "Pneumothorax cannot be excluded.": {"+pneumothorax possible"},
    "Right upper zone nodule is likely.": {"+nodule right upper zone likely"},
    "Right lower lobe opacity suspicious for pneumonia.": {
        "+opacity right lower zone",
        "+pneumonia right lower zone likely",
    },
    "Left retrocardiac opacity, atelectasis versus pneumonia.": {
        "+opacity left lower zone",
        "+atelectasis left lower zone possible",
        "+pneumonia left lower zone possible",
    },
    # Said to be normal.
    "Heart size is normal.": {"-cardiomegaly"},
    "Heart size and mediastinal contours are within normal limits.": {"-cardiomegaly", "-widened_mediastinum"},
    "The cardiomediastinal silhouette is unremarkable.": {"-cardiomegaly", "-widened_mediastinum"},
    "The costophrenic angles are sharp.": {"-pleural_effusion"},
    "Bony thorax intact.": {"-rib_fracture"},
    "Osseous structures are without acute abnormality.": {"-rib_fracture"},
    "The lungs are otherwise clear.": set(),
    # Something else.
    "Subcutaneous emphysema in the left chest wall.": set(),
    "Tortuous calcified aorta.": set(),
    "Pericardial effusion is suspected.": set(),
    "The right heart border is obscured.": set(),
}


@pytest.mark.parametrize("text", CASES)
def test_sentence(text):
    assert said(text) == CASES[text]


def test_clear_lungs_deny_what_lungs_could_hold():
    denied = said("Heart is mildly enlarged and the lungs are clear.")
    assert "+cardiomegaly mild" in denied
    assert {"-consolidation", "-opacity", "-pneumonia", "-nodule"} <= denied
    assert "-cardiomegaly" not in denied


def test_a_lung_that_is_clear_speaks_for_itself_only():
    assert "-consolidation right" in said("The right lung is clear.")
    assert "-consolidation" not in said("The right lung is clear.")


def test_sentences_are_where_they_say():
    text = "1. Small right effusion.\n2. No pneumothorax; heart 1.5 times larger.\n\nLungs: Clear."
    found = parse_statements(text)
    assert [s.text for s in found] == [
        "Small right effusion.",
        "No pneumothorax; heart 1.5 times larger.",
        "Lungs: Clear.",
    ]
    assert all(text[s.start : s.end] == s.text for s in found)


def test_present_wins_and_the_named_place_wins():
    facts = facts_of(
        "Right basal consolidation. Left effusion. No pneumothorax. Consolidation, lungs otherwise clear. No consolidation."
    )
    assert {f for f, s in facts.items() if s.present} == {
        Fact("consolidation", "right", "lower zone"),
        Fact("pleural_effusion", "left"),
    }
    assert not facts[Fact("pneumothorax")].present
    assert Fact("consolidation") not in facts


def test_a_later_denial_ends_a_doubt_but_not_a_finding():
    assert not facts_of("Possible left nodule. CT shows no nodule.")[Fact("nodule")].present
    assert facts_of("Left upper zone nodule. No nodule.")[Fact("nodule", "left", "upper zone")].present


def test_both_sides_are_two_facts():
    assert set(facts_of("Bilateral pleural effusions.")) == {
        Fact("pleural_effusion", "right"),
        Fact("pleural_effusion", "left"),
    }


@given(st.text(max_size=200))
def test_any_text_can_be_read(text):
    assert all(text[s.start : s.end] == s.text for s in parse_statements(text))


@pytest.fixture(scope="module")
def reports():
    return [(study, write_report(study)) for study in sample_studies(450, 31)]


def test_simulated_reports_state_the_study_and_nothing_else(reports):
    assert len(reports) >= 400
    wrong = []
    for study, report in reports:
        text = f"{report.findings} {report.impression}"
        stated = {fact for fact, s in facts_of(text).items() if s.present}
        if stated != {f.fact for f in study.findings}:
            wrong.append((text, stated ^ {f.fact for f in study.findings}))
    assert not wrong, wrong[:3]


def test_simulated_reports_deny_nothing_that_is_there(reports):
    for study, report in reports:
        for fact, s in facts_of(f"{report.findings} {report.impression}").items():
            for f in study.findings:
                assert s.present or f.finding != fact.finding or (fact.side and f.side != fact.side), report


def test_simulated_severities_agree_where_they_are_said(reports):
    severities = 0
    for study, report in reports:
        truth = {f.fact: f.severity for f in study.findings}
        for fact, s in facts_of(report.findings).items():
            if s.present and s.severity:
                assert s.severity == truth[fact], report
                severities += 1
    assert severities > 100


def test_reading_about_one_finding_reads_every_sentence_that_names_it(reports):
    whole = 0
    for _, report in reports[:60]:
        text = f"{report.findings} {report.impression}"
        everything = parse_statements(text)
        for key in ("pleural_effusion", "nodule", "cardiomegaly", "rib_fracture"):
            for one, full in zip(parse_statements(text, about=key), everything, strict=True):
                if any(mention.key == key for mention in find_mentions(full.text.lower())):
                    assert one == full
                    whole += 1
                else:
                    assert one._replace(statements=()) == full._replace(statements=())
                    assert one.statements in ((), full.statements)
    assert whole > 10
