"""The 14 observations of CheXpert, read off report text with the program's own lexicon and negation.

Irvin et al., CheXpert, AAAI 2019: an observation is mentioned as present, as uncertain, as absent, or not at all. What each
takes in is in docs/labeller.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

from saerad_core.descriptions.lexicon import Mention, find_mentions
from saerad_core.descriptions.negation import Reading, read
from saerad_core.descriptions.normality import normal_statements
from saerad_core.descriptions.statements import LONGEST, parse_statements

OBSERVATIONS: tuple[str, ...] = (
    "No Finding",
    "Enlarged Cardiomediastinum",
    "Cardiomegaly",
    "Lung Lesion",
    "Lung Opacity",
    "Edema",
    "Consolidation",
    "Pneumonia",
    "Atelectasis",
    "Pneumothorax",
    "Pleural Effusion",
    "Pleural Other",
    "Fracture",
    "Support Devices",
)
"""In CheXpert's order."""

OF_FINDING: dict[str, str] = {
    "widened_mediastinum": "Enlarged Cardiomediastinum",
    "cardiomegaly": "Cardiomegaly",
    "nodule": "Lung Lesion",
    "mass": "Lung Lesion",
    "multiple_nodules": "Lung Lesion",
    "opacity": "Lung Opacity",
    "interstitial_oedema": "Edema",
    "congestion": "Edema",
    "consolidation": "Consolidation",
    "pneumonia": "Pneumonia",
    "atelectasis": "Atelectasis",
    "linear_atelectasis": "Atelectasis",
    "lobar_collapse": "Atelectasis",
    "pneumothorax": "Pneumothorax",
    "pleural_effusion": "Pleural Effusion",
    "pleural_thickening": "Pleural Other",
    "rib_fracture": "Fracture",
    "pacemaker": "Support Devices",
    "central_line": "Support Devices",
    "endotracheal_tube": "Support Devices",
    "nasogastric_tube": "Support Devices",
}
"""Observation of a finding of the vocabulary; sternal wires are no support device, as in CheXpert."""
_OF_BESIDE = {
    "fracture": "Fracture",
    "device": "Support Devices",
    "opacity": "Lung Opacity",
    "mediastinum": "Enlarged Cardiomediastinum",
    "pleura": "Pleural Other",
}
Reader = Callable[[str, Sequence[Mention]], Sequence[Reading]]
"""How a lower-case sentence puts each of its mentions: negation.read, or another library's rules."""
_RANK = {"absent": 0, "uncertain": 1, "present": 2}


def observe(text: str, reader: Reader = read) -> dict[str, str]:
    """Read the observations of a report.

    Args:
        text: findings and impression; the indication is a question, not a finding.
        reader: of denials and doubts.

    Returns:
        "present", "uncertain" or "absent" by observation, those that the text doesn't mention left out. Present wins over
        uncertain, uncertain over absent, but a later denial ends a doubt. No Finding is present where no other observation
        but Support Devices is present or uncertain.
    """
    found: dict[str, str] = {}
    for sentence in parse_statements(text):
        if len(sentence.text) > LONGEST:
            continue
        for observation, said in _read(sentence.text.lower(), reader):
            old = found.get(observation, "")
            if not old or said == "present" or {said, old} == {"uncertain", "absent"}:
                found[observation] = said
    abnormal = any(said != "absent" for name, said in found.items() if name != "Support Devices")
    return found if abnormal else {"No Finding": "present"} | found


@lru_cache(maxsize=50_000)
def _read(sentence: str, reader: Reader) -> tuple[tuple[str, str], ...]:
    """Observations of one lower-case sentence, the strongest reading of each; reports repeat themselves, so it is kept."""
    mentions = find_mentions(sentence)
    strongest: dict[str, str] = {}
    denied = [
        (OF_FINDING[s.finding], "absent") for s in normal_statements(sentence, mentions) if s.finding in OF_FINDING
    ]
    for observation, said in [*denied, *_mentioned(sentence, mentions, reader)]:
        if observation not in strongest or _RANK[said] > _RANK[strongest[observation]]:
            strongest[observation] = said
    return tuple(strongest.items())


def _mentioned(sentence: str, mentions: list[Mention], reader: Reader) -> Iterator[tuple[str, str]]:
    for mention, reading in zip(mentions, reader(sentence, mentions), strict=True):
        if reading.void:
            continue
        said = "absent" if not reading.present else "present" if reading.certainty == "certain" else "uncertain"
        for observation in _observations_of(mention):
            yield observation, said


def _observations_of(mention: Mention) -> list[str]:
    if mention.beside:
        return [_OF_BESIDE[mention.beside]]
    # What departments call an airspace opacity is a consolidation to the vocabulary and an opacity to CheXpert.
    if mention.key == "consolidation" and "consolidat" not in mention.text:
        return ["Lung Opacity"]
    if mention.key == "calcified_granuloma":
        return ["Lung Lesion"] if "nodule" in mention.text else []
    if mention.key == "apical_scarring":
        return ["Pleural Other"] if re.search(r"\bcap", mention.text) else []
    return [OF_FINDING[mention.key]] if mention.key in OF_FINDING else []
