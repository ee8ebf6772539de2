"""The sections of a free-text radiology report."""

from __future__ import annotations

import re
from typing import NamedTuple

HEADINGS = {
    "findings": ("FINDINGS", "FINDING", "FINDINGS AND IMPRESSION", "REPORT", "PORTABLE CHEST"),
    "impression": ("IMPRESSION", "IMPRESSIONS", "CONCLUSION", "CONCLUSIONS", "OPINION", "WET READ", "PROVISIONAL FINDINGS IMPRESSION"),
    "indication": (
        "INDICATION", "INDICATIONS", "HISTORY", "CLINICAL HISTORY", "CLINICAL INDICATION", "CLINICAL INFORMATION", "REASON FOR EXAM",
        "REASON FOR EXAMINATION", "REASON FOR STUDY", "REASON FOR THE EXAM", "PATIENT HISTORY", "HISTORY AND INDICATION",
    ),
    "comparison": ("COMPARISON", "COMPARISONS", "COMPARISON STUDY", "COMPARISON EXAM", "PRIOR STUDY"),
    "": (
        "EXAMINATION", "EXAM", "STUDY", "TECHNIQUE", "PROCEDURE", "VIEWS", "NOTIFICATION", "RECOMMENDATION", "RECOMMENDATIONS",
        "TYPE OF EXAMINATION", "CLINICAL PRESENTATION", "WET READ VERSION", "DOSE", "NOTE",
    ),
    "addendum": ("ADDENDUM", "ADDENDA"),
    "preamble": ("FINAL REPORT", "FINAL ADDENDUM"),
}  # fmt: skip
"""Section and how reports head it; "" are sections that nothing is taken from."""
_SECTION = {heading: section for section, headings in HEADINGS.items() for heading in headings}
_LONGEST_FIRST = "|".join(re.escape(h).replace(r"\ ", r"[ \t]+") for h in sorted(_SECTION, key=len, reverse=True))
# With a colon in any case; without one only in capitals and alone on the line, or a sentence that begins with such a word would head a section.
_HEADING = re.compile(
    rf"^[ \t]*(?:(?P<colon>(?i:{_LONGEST_FIRST}))[ \t]*(?:\([^)\n]{{0,40}}\))?[ \t]*:|(?P<bare>{_LONGEST_FIRST})[ \t]*$|"
    rf"(?P<other>[A-Z][A-Z ,/&()-]{{3,60}}):)",
    re.MULTILINE,
)


class Span(NamedTuple):
    """A stretch of the report."""

    section: str
    start: int
    end: int


class Sections(NamedTuple):
    """Texts, white space made plain; "" where the report has no such section."""

    findings: str
    impression: str
    indication: str
    comparison: str


def spans(text: str) -> list[Span]:
    """The report's sections in the order of the text; they don't overlap, and a repeated one comes up again.

    Unknown headings in capitals end the section before them. ``addendum`` is kept apart. Text before the first heading has
    the section ``preamble``.
    """
    found: list[Span] = []
    section, start = "preamble", 0
    for match in _HEADING.finditer(text):
        found.append(Span(section, start, match.start()))
        name = match["colon"] or match["bare"]
        section = _SECTION[" ".join(name.upper().split())] if name else ""
        start = match.end()
    found.append(Span(section, start, len(text)))
    return [span for span in found if text[span.start : span.end].strip()]


def parse_sections(text: str) -> Sections:
    """Findings, impression, indication and comparison of a report.

    A section that comes twice is joined in order; an addendum joins the findings where the report has no others of its own.
    Of a wet read, the preliminary reading, nothing is taken where there is a final impression. A report without
    findings whose text stands in paragraphs without a heading (common in MIMIC-CXR) has its last paragraph taken as findings;
    one without any heading is findings as a whole. De-identification marks (___) stay: they stand where words stood.
    """
    parts: dict[str, list[str]] = {}
    loose: list[str] = []
    wet: list[str] = []
    for span in spans(text):
        body = text[span.start : span.end]
        head = text[: span.start].rstrip(" \t:").upper()
        if span.section == "impression" and head.endswith("WET READ"):
            wet.append(_plain(body))
            continue
        if span.section in ("indication", "comparison", "", "preamble"):
            # The heading's own paragraph is the section's; what follows after a blank line belongs to the reading.
            first, *rest = [part for part in re.split(r"\n[ \t]*\n", body) if part.strip()]
            if span.section == "preamble":
                loose += [first, *rest]
                continue
            loose += rest
            body = first
        if span.section:
            parts.setdefault(span.section, []).append(_plain(body))
    if not parts.get("impression"):
        parts["impression"] = wet
    if not parts.get("findings"):
        if parts.get("addendum"):
            parts["findings"] = parts["addendum"]
        elif loose and len(parts) == 1 and not parts["impression"]:
            parts["findings"] = [_plain(part) for part in loose]
        elif loose and (not parts["impression"] or _reads(loose[-1])):
            parts["findings"] = [_plain(loose[-1])]
    return Sections(*(" ".join(parts.get(name, [])) for name in Sections._fields))


def _reads(text: str) -> bool:
    """Whether loose text beside an impression is a reading, not a title line."""
    return len(text.split()) >= 8 and "." in text


def _plain(text: str) -> str:
    return " ".join(text.split())
