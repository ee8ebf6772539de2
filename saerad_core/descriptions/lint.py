"""What is odd about a description that a person wrote: said to them, never forced on them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal, NamedTuple

from saerad_core.descriptions.lexicon import find_mentions

VAGUE = frozenset(
    {
        "abnormal", "abnormality", "abnormalities", "appearance", "change", "changes", "feature", "finding", "findings", "image",
        "images", "normal", "pathology", "pattern", "region", "something", "structure", "thing", "things", "unclear", "unknown",
        "various", "x-ray", "x-rays", "xray",
    }
)  # fmt: skip
"""Words that say nothing by themselves."""
_FILLING = frozenset(
    {
        "a", "an", "and", "any", "are", "at", "in", "is", "it", "of", "on", "or", "other", "possible", "probable", "some", "the",
        "there", "this", "to", "with",
    }
)  # fmt: skip
_PATIENT = (
    (re.compile(r"\b\d{1,3}[- ]?(?:years?|yrs?|y)[- ]?old\b|\baged \d", re.IGNORECASE), "an age"),
    (re.compile(r"\b(?:he|she|his|her|him|mr|mrs|ms|man|woman|gentleman|lady)\b", re.IGNORECASE), "one person"),
    (re.compile(r"\b(?:this|the) patient\b(?!'s (?:right|left))", re.IGNORECASE), "one patient"),
    (re.compile(r"\b(?:19|20)\d\d\b|\b\d{1,2}[./]\d{1,2}[./]\d{2,4}\b", re.IGNORECASE), "a date"),
    (re.compile(r"\b(?:unchanged|compared (?:to|with)|prior|previous|interval|since)\b", re.IGNORECASE), "an earlier examination"),
    (re.compile(r"\b\d+(?:[.,]\d+)? ?(?:mm|cm)\b", re.IGNORECASE), "a measurement of one X-ray"),
)  # fmt: skip
DUPLICATE = 0.8
"""Shared words over all words of two texts from which one repeats the other."""


class Oddity(NamedTuple):
    """One thing to look at again."""

    kind: Literal["vague", "duplicate", "patient", "side"]
    says: str


def lint(
    text: str, side: str = "", near: Iterable[tuple[int, str]] = (), expected_side: str = "", heat_side: str = ""
) -> list[Oddity]:
    """What is odd about ``text``.

    Args:
        text: a description; nothing is odd about an empty one.
        side: that the field beside it says: right, left, both or "".
        near: (feature_id, text) of the features most like this one.
        expected_side: that reports of the feature's X-rays say: right, left or "".
        heat_side: the patient's half in which the feature's heatmaps lie: right, left or "".
    """
    words = _words(text)
    if not words:
        return []
    found = []
    telling = words - VAGUE - _FILLING
    if not telling or (words & VAGUE and not find_mentions(text.lower()) and len(telling) < 2):
        found.append(Oddity("vague", "It names nothing that can be looked for; say what is seen and where."))
    for feature_id, other in near:
        theirs = _words(other)
        if theirs and len(words & theirs) / len(words | theirs) >= DUPLICATE:
            found.append(Oddity("duplicate", f"Feature #{feature_id} says the same; say what differs, or merge them."))
            break
    for pattern, what in _PATIENT:
        if (match := pattern.search(text)) is not None:
            found.append(Oddity("patient", f"\N{LEFT DOUBLE QUOTATION MARK}{match.group()}\N{RIGHT DOUBLE QUOTATION MARK} speaks of {what}; a description is of all X-rays that show the feature."))  # fmt: skip
    said = {one for one in ("right", "left") if one in words}
    if {"bilateral", "both"} & words:
        said = {"right", "left"}
    wanted = {"right": {"right"}, "left": {"left"}, "both": {"right", "left"}}.get(side)
    if said and wanted and said != wanted:
        found.append(Oddity("side", f"The text says {' and '.join(sorted(said))}, the field beside it {side}."))
    elif expected_side and len(said | (wanted or set())) == 1 and expected_side not in said | (wanted or set()):
        found.append(Oddity("side", f"Reports of these X-rays say {expected_side}; look at the heatmaps again."))
    one_side = said | (wanted or set())
    if heat_side and len(one_side) == 1 and heat_side not in one_side:
        found.append(Oddity("side", f"The heatmaps lie in the patient's {heat_side} half; look at them again."))
    return found


def _words(text: str) -> set[str]:
    return set(re.findall(r"[a-z][a-z-]*", text.lower()))
