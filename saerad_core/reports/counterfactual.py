"""What if: features switched off or up, the rule applied again, and how the report differs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from saerad_core.reports.report import Report, ReportSentence

MOST = 4.0
"""Largest multiplier."""
SILENT_SHARE = 0.5
"""A silent feature is switched up from this share of its largest activation on a training X-ray: 1 gives a usual firing."""


class Difference(NamedTuple):
    """A sentence that a switched feature adds, removes or changes."""

    kind: str
    """added, removed or changed."""
    part: str
    """findings, impression or changes."""
    before: ReportSentence | None
    after: ReportSentence | None


def switched(code: np.ndarray, multipliers: Mapping[int, float], largest: np.ndarray) -> np.ndarray:
    """The X-ray's code with some features switched.

    Args:
        code: float32 [m], before the rule.
        multipliers: feature_id -> 0 (off) to MOST; of a silent feature, times SILENT_SHARE of its largest activation.
        largest: float32 [m], on training X-rays.
    """
    out = code.copy()
    for feature, times in multipliers.items():
        unit = code[feature] if code[feature] > 0 else SILENT_SHARE * largest[feature]
        out[feature] = np.float32(np.float16(unit * times))
    return out


def pairs_of(code: np.ndarray, thresholds: np.ndarray) -> tuple[list[tuple[int, float]], list[tuple[int, float]]]:
    """(active features in the order of the rule, all that fire), as Composer.compose takes them."""
    from saerad_core.sae.active import active  # numba, which pages needn't wait for

    features, values = active(code, thresholds)
    fires = np.flatnonzero(code)
    found = [(int(f), float(v)) for f, v in zip(features, values, strict=True)]
    return found, list(zip(fires.tolist(), code[fires].tolist(), strict=True))


def compare(before: Report, after: Report) -> list[Difference]:
    """How two reports of one X-ray differ; a sentence on the same findings counts as changed, not as removed and added."""
    out: list[Difference] = []
    for part in ("findings", "impression", "changes"):
        old, new = getattr(before, part), getattr(after, part)
        taken: set[int] = set()
        for sentence in old:
            match = _same(sentence, new, taken)
            if match is None:
                out.append(Difference("removed", part, sentence, None))
                continue
            taken.add(match)
            if new[match].text != sentence.text:
                out.append(Difference("changed", part, sentence, new[match]))
        out += [Difference("added", part, None, one) for place, one in enumerate(new) if place not in taken]
    return out


def _same(sentence: ReportSentence, among: Sequence[ReportSentence], taken: set[int]) -> int | None:
    """The sentence with the same words, else one that says the same kind of thing of a common finding."""
    free = [place for place in range(len(among)) if place not in taken]
    for place in free:
        if among[place].text == sentence.text:
            return place
    about = _about(sentence)
    for place in free:
        if about & _about(among[place]):
            return place
    return None


def _about(sentence: ReportSentence) -> set[tuple[str, bool, str]]:
    # A denial of several findings is about each of them; an effusion of one side isn't about the other.
    return {(s.finding, s.present, s.side) for s in sentence.statements} | {
        (s.finding, s.present, "") for s in sentence.statements if not s.present
    }


def parse(text: str, width: int) -> dict[int, float]:
    """Multipliers from an address such as 12:0,40:2; what can't be read is left out."""
    out: dict[int, float] = {}
    for part in text.split(",")[:64]:
        feature, colon, times = part.partition(":")
        if colon and feature.isascii() and feature.isdecimal() and len(feature) < 8 and int(feature) < width:
            try:
                value = float(times)
            except ValueError:
                continue
            if 0 <= value <= MOST:
                out[int(feature)] = round(value, 2)
    return out


def written(multipliers: Mapping[int, float]) -> str:
    """The address of them."""
    return ",".join(f"{feature}:{times:g}" for feature, times in sorted(multipliers.items()))
