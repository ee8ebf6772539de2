"""What simulated reports say is not there, or is normal: only ever what the image doesn't show."""

from __future__ import annotations

import random
from collections.abc import Set as AbstractSet
from typing import NamedTuple

LUNG = frozenset(
    {
        "consolidation",
        "lobar_collapse",
        "linear_atelectasis",
        "interstitial_oedema",
        "nodule",
        "mass",
        "multiple_nodules",
        "calcified_granuloma",
        "apical_scarring",
        "hyperinflation",
    }
)
"""Findings without which the lungs are clear."""
ACUTE = frozenset(
    {
        "pleural_effusion",
        "pneumothorax",
        "consolidation",
        "lobar_collapse",
        "linear_atelectasis",
        "interstitial_oedema",
        "rib_fracture",
        "widened_mediastinum",
        "nodule",
        "mass",
        "multiple_nodules",
        "hilar_enlargement",
    }
)
"""Findings that a report doesn't call chronic."""
_DEVICES = frozenset({"pacemaker", "central_line", "endotracheal_tube", "nasogastric_tube"})


class Negative(NamedTuple):
    """Sentences that are true where none of the findings is present."""

    region: str
    absent: frozenset[str]
    sentences: tuple[str, ...]


NEGATIVES: tuple[Negative, ...] = (
    Negative(
        "lungs",
        LUNG,
        (
            "The lungs are clear.",
            "Lungs clear.",
            "Both lungs are clear.",
            "Clear lungs.",
            "The lungs are clear without focal consolidation.",
            "The lungs and pleural spaces are clear.",
        ),
    ),
    Negative(
        "lungs",
        frozenset({"consolidation"}),
        (
            "No focal consolidation.",
            "No consolidation.",
            "There is no focal airspace opacity.",
            "No airspace consolidation is seen.",
        ),
    ),
    Negative(
        "lungs",
        frozenset({"interstitial_oedema"}),
        ("No pulmonary oedema.", "No interstitial oedema.", "There is no evidence of pulmonary oedema."),
    ),
    Negative(
        "lungs",
        frozenset({"nodule", "mass", "multiple_nodules", "calcified_granuloma"}),
        ("No nodule or mass.", "No suspicious pulmonary nodule or mass.", "No focal lung lesion."),
    ),
    Negative(
        "lungs",
        frozenset({"lobar_collapse", "consolidation"}),
        ("No consolidation or collapse.", "No focal consolidation or lobar collapse."),
    ),
    Negative(
        "pleura",
        frozenset({"pleural_effusion", "pneumothorax"}),
        (
            "No pleural effusion or pneumothorax.",
            "No effusion. No pneumothorax.",
            "There is no pneumothorax or pleural effusion.",
            "No evidence of pneumothorax or pleural effusion.",
            "Neither pleural effusion nor pneumothorax.",
        ),
    ),
    Negative(
        "pleura",
        frozenset({"pneumothorax"}),
        ("No pneumothorax.", "There is no pneumothorax.", "No pneumothorax is seen."),
    ),
    Negative(
        "pleura",
        frozenset({"pleural_effusion", "pleural_thickening"}),
        (
            "No pleural effusion.",
            "The costophrenic angles are sharp.",
            "There is no pleural effusion.",
            "Costophrenic angles clear.",
        ),
    ),
    Negative(
        "heart",
        frozenset({"cardiomegaly"}),
        (
            "Heart size is normal.",
            "The heart is normal in size.",
            "The heart is not enlarged.",
            "Normal heart size.",
            "Cardiac silhouette within normal limits.",
            "The cardiothoracic ratio is normal.",
        ),
    ),
    Negative(
        "mediastinum",
        frozenset({"cardiomegaly", "widened_mediastinum"}),
        ("The cardiomediastinal silhouette is normal.", "Normal cardiomediastinal contours."),
    ),
    Negative(
        "mediastinum",
        frozenset({"widened_mediastinum"}),
        ("The mediastinal contours are normal.", "The mediastinum is not widened.", "Mediastinum unremarkable."),
    ),
    Negative(
        "mediastinum",
        frozenset({"hilar_enlargement"}),
        ("The hila are normal.", "No hilar enlargement.", "Hilar contours are unremarkable."),
    ),
    Negative(
        "bones",
        frozenset({"rib_fracture"}),
        ("No rib fracture.", "No acute bony abnormality.", "No displaced rib fracture is seen."),
    ),
    Negative(
        "bones",
        frozenset({"rib_fracture", "scoliosis", "sternal_wires"}),
        ("The bones are unremarkable.", "Bony thorax intact.", "The visualised skeleton is normal."),
    ),
    Negative("lines", _DEVICES, ("No lines or tubes.", "No indwelling lines or tubes.")),
    Negative("lines", frozenset({"endotracheal_tube"}), ("No endotracheal tube.",)),
)

OTHERWISE = ("The lungs are otherwise clear.", "Lungs otherwise clear.", "The remainder of the lungs is clear.")

ALL_WELL = (
    "No acute cardiopulmonary abnormality.",
    "No acute cardiopulmonary process.",
    "Normal chest radiograph.",
    "No acute disease.",
    "Normal study.",
    "No active cardiopulmonary disease.",
)
"""Impressions where nothing at all is present."""
NOTHING_ACUTE = ("No acute cardiopulmonary abnormality.", "No acute cardiopulmonary process.", "No acute disease.")


def negatives(rng: random.Random, present: AbstractSet[str], density: float) -> dict[str, list[str]]:
    """Sentences on what isn't there, by region.

    Args:
        rng: decides which are said, and how.
        present: keys of the findings that are there.
        density: probability that a style says what it may.
    """
    said: dict[str, list[str]] = {}
    covered: set[str] = set()
    order = rng.sample(NEGATIVES, len(NEGATIVES))
    if rng.random() < 0.6:
        order.sort(key=lambda negative: -len(negative.absent))
    for negative in order:
        chance = density * (0.25 if negative.region == "lines" else 1.0)
        # What has been said once is not said again in other words.
        if negative.absent & (present | covered) or rng.random() >= chance:
            continue
        sentence = rng.choice(negative.sentences)
        if "pleural spaces" in sentence and present & {"pleural_effusion", "pneumothorax", "pleural_thickening"}:
            continue
        covered |= negative.absent
        said.setdefault(negative.region, []).append(sentence)
    return said
