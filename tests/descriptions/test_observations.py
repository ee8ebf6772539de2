"""CheXpert's observations in sentences, and against the headings that Open-i's coders gave 3,832 reports."""

import pytest

from benchmarks.labeller import BOUND, CERTAIN_ONLY, chosen, macro
from benchmarks.openi_headings import FETCH, coded_reports, observations_of, wheel_of
from saerad_core.descriptions.lexicon import Mention
from saerad_core.descriptions.negation import Reading
from saerad_core.descriptions.observations import OBSERVATIONS, OF_FINDING, observe
from saerad_core.vocabulary import TERMS

CASES = {
    "Heart size is normal. Lungs are clear.": {"No Finding": "present", "Cardiomegaly": "absent"},
    "There is cardiomegaly.": {"Cardiomegaly": "present"},
    "Airspace opacity at the left base.": {"Lung Opacity": "present"},
    "Left basal consolidation.": {"Consolidation": "present"},
    "Interstitial opacities, possibly oedema.": {"Lung Opacity": "present", "Edema": "uncertain"},
    "Healed fracture of the left clavicle.": {"Fracture": "present"},
    "No displaced fracture.": {"No Finding": "present", "Fracture": "absent"},
    "Right chest tube in place.": {"No Finding": "present", "Support Devices": "present"},
    "Calcified nodule in the right upper lobe.": {"Lung Lesion": "present"},
    "Prominence of the superior mediastinum.": {"Enlarged Cardiomediastinum": "present"},
    "Bibasilar pleural scarring.": {"Pleural Other": "present"},
    "Pneumonia cannot be excluded.": {"Pneumonia": "uncertain"},
    "Possible left effusion. No pleural effusion.": {"No Finding": "present", "Pleural Effusion": "absent"},
    "Overlap could obscure a small nodule.": {"No Finding": "present"},
    "In the appropriate clinical setting this is compatible with pneumonia.": {"Pneumonia": "uncertain"},
    "The nodule is not well-seen on today's study.": {"No Finding": "present", "Lung Lesion": "absent"},
}


@pytest.mark.parametrize("text", CASES)
def test_sentence(text):
    found = observe(text)
    assert {name: found.get(name) for name in CASES[text]} == CASES[text]
    assert ("No Finding" in found) is ("No Finding" in CASES[text])


def test_every_observation_is_of_the_fourteen_and_every_key_of_the_vocabulary():
    assert len(OBSERVATIONS) == 14 and set(OF_FINDING.values()) <= set(OBSERVATIONS)
    assert set(OF_FINDING) <= set(TERMS) and set(OBSERVATIONS) >= CERTAIN_ONLY


def test_another_reader_of_denials_can_stand_in():
    def denies_all(sentence, mentions: list[Mention]):
        return [Reading(False, "certain", False) for _ in mentions]

    assert observe("There is a mass.", denies_all) == {"No Finding": "present", "Lung Lesion": "absent"}


def test_headings_say_observations():
    assert observations_of(("Opacity/lung/base/left/round",)) == {"Lung Opacity", "Lung Lesion"}
    assert observations_of(("Catheters, Indwelling/right", "Scoliosis")) == {"Support Devices", "No Finding"}
    assert observations_of(("Mediastinum/lymph nodes/enlarged",)) == {"No Finding"}
    assert observations_of(("Costophrenic Angle/left/blunted/mild",)) == {"Pleural Effusion"}


def test_agrees_with_the_coders_of_open_i():
    wheel = wheel_of()
    if wheel is None:
        pytest.skip(f"needs SAERAD_WHEELS, a folder with the wheel that `{FETCH}` fetches")
    reports = [report for report in coded_reports(wheel) if report.half == 1]
    sample = [r for r in reports if "No Finding" not in r.coded] + [r for r in reports if "No Finding" in r.coded][:200]
    scores = chosen(sample, [observe(report.text) for report in sample])
    assert len(scores) == 14 and min(one.n for one in scores.values()) >= 10
    assert macro(scores.values()) >= BOUND
