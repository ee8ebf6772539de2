"""House styles of the simulated reports: order, sentence frames, headings, spelling, habits."""

from __future__ import annotations

import random
from dataclasses import dataclass

from saerad_core.demo.wording_terms import Phrase

REGION_OF = {
    "cardiomegaly": "heart",
    "pleural_effusion": "pleura",
    "pneumothorax": "pleura",
    "pleural_thickening": "pleura",
    "hilar_enlargement": "mediastinum",
    "widened_mediastinum": "mediastinum",
    "hiatus_hernia": "mediastinum",
    "raised_hemidiaphragm": "lungs",
    "rib_fracture": "bones",
    "scoliosis": "bones",
    "pacemaker": "lines",
    "central_line": "lines",
    "endotracheal_tube": "lines",
    "nasogastric_tube": "lines",
    "sternal_wires": "lines",
}
"""Region of each finding; the rest is in the lungs."""


@dataclass(frozen=True)
class Style:
    """How one department writes."""

    name: str
    order: tuple[str, ...]
    """Regions in the order in which the report goes through them."""
    frames: tuple[str, ...]
    """Sentence frames: bare, there, seen."""
    seen: tuple[str, ...] = ("seen", "present", "noted")
    """Participles of the frame seen."""
    headings: tuple[tuple[str, str], ...] = ()
    """Heading of each region, for structured reports."""
    american: bool = False
    severity: float = 0.9
    """Probability that a severity is said."""
    negatives: float = 0.5
    """How many of the pertinent negatives it says."""
    compares: float = 0.5
    """Probability that it compares a finding with the previous study."""
    opening: tuple[str, ...] = ("",)
    """First sentence of the findings."""
    numbered: bool = False
    """Whether the impression is a numbered list."""


STYLES: tuple[Style, ...] = (
    Style(
        "telegraphic",
        ("heart", "mediastinum", "lungs", "pleura", "bones", "lines"),
        ("bare",),
        severity=0.85,
        negatives=0.35,
        compares=0.35,
    ),
    Style(
        "academic",
        ("lines", "lungs", "pleura", "heart", "mediastinum", "bones"),
        ("there", "there", "seen"),
        seen=("seen", "present", "noted", "identified", "visualized"),
        american=True,
        severity=0.95,
        negatives=0.65,
        compares=0.7,
        opening=("", "Single frontal view of the chest was obtained.", "Frontal radiograph of the chest."),
        numbered=True,
    ),
    Style(
        "structured",
        ("lines", "lungs", "pleura", "heart", "mediastinum", "bones"),
        ("bare", "there"),
        headings=(
            ("lines", "Lines and tubes"),
            ("lungs", "Lungs"),
            ("pleura", "Pleura"),
            ("heart", "Heart"),
            ("mediastinum", "Mediastinum"),
            ("bones", "Bones"),
        ),
        american=True,
        negatives=0.7,
    ),
    Style(
        "dictated",
        ("lungs", "pleura", "heart", "mediastinum", "bones", "lines"),
        ("there", "there", "seen", "bare"),
        seen=("demonstrated", "seen", "evident", "shown"),
        severity=0.85,
        negatives=0.5,
        compares=0.6,
        opening=("", "", "Chest radiograph.", "Frontal chest film."),
    ),
    Style(
        "intensive care",
        ("lines", "pleura", "lungs", "heart", "mediastinum", "bones"),
        ("bare", "seen", "there"),
        seen=("seen", "noted", "present"),
        american=True,
        negatives=0.4,
        compares=0.8,
        opening=("Portable AP view.", "Portable chest, single view.", ""),
    ),
    Style(
        "heart first",
        ("heart", "mediastinum", "lungs", "pleura", "lines", "bones"),
        ("there", "bare", "seen"),
        american=True,
        severity=0.8,
        negatives=0.8,
        compares=0.45,
    ),
)

_AMERICAN = {
    "oedema": "edema",
    "Oedema": "Edema",
    "visualised": "visualized",
    "hiatus hernia": "hiatal hernia",
    "granulomata": "granulomas",
    "raised": "elevated",
}


def spelled(text: str, style: Style) -> str:
    """The text in the style's spelling."""
    if style.american:
        for british, american in _AMERICAN.items():
            text = text.replace(british, american)
    return text


def capitalised(text: str) -> str:
    """With a capital first letter."""
    return text[:1].upper() + text[1:]


def article(phrase: Phrase) -> str:
    """The phrase with a or an where it takes one."""
    if phrase.kind != "one":
        return phrase.text
    vowel = phrase.text.startswith(("a", "e", "i", "o", "ET", "NG"))
    return f"{'an' if vowel else 'a'} {phrase.text}"


def sentence(rng: random.Random, phrase: Phrase, style: Style, tail: str = "") -> str:
    """One sentence that says the phrase is there.

    Args:
        rng: decides the frame.
        phrase: the finding.
        style: of the report.
        tail: what follows after a comma, e.g. unchanged since the previous study.
    """
    end = f", {tail}." if tail else "."
    if phrase.kind == "clause":
        return capitalised(phrase.text) + end
    frame = rng.choice(style.frames)
    if frame == "bare":
        return capitalised(phrase.text) + end
    verb = "are" if phrase.kind == "many" else "is"
    if frame == "there" or "," in phrase.text:
        return f"There {verb} {article(phrase)}{end}"
    return f"{capitalised(article(phrase))} {verb} {rng.choice(style.seen)}{end}"
