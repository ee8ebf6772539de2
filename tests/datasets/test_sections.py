"""Sections of free-text reports, by example and by law."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saerad_core.datasets.sections import Sections, parse_sections, spans
from tests.datasets.trees import mimic_report

WORDS = st.lists(
    st.sampled_from(("the", "lungs", "are", "clear", "___", "no", "effusion.")), min_size=1, max_size=9
).map(" ".join)
HEADS = st.sampled_from(
    ("FINDINGS:", "IMPRESSION:", "Indication:", "COMPARISON:", "TECHNIQUE:", "FINDINGS", "CONCLUSION:")
)
REPORT = st.lists(st.tuples(HEADS, WORDS), max_size=7).map(lambda parts: "\n\n".join(f" {h}\n {w}" for h, w in parts))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (mimic_report(2), Sections("The lungs are clear. No pleural effusion. No pneumothorax.", "No acute abnormality.", "___ year old with cough.", "___")),
        ("REASON FOR EXAM: Fever.\nFindings: Clear.\nConclusion: Normal.", Sections("Clear.", "Normal.", "Fever.", "")),
        ("FINDINGS\n Clear lungs.\n\nIMPRESSION\n Normal.", Sections("Clear lungs.", "Normal.", "", "")),
        ("FINDINGS: One.\n\nIMPRESSION: A.\n\nFINDINGS: Two.", Sections("One. Two.", "A.", "", "")),
        ("The lungs are clear.\n\nNo effusion.", Sections("The lungs are clear. No effusion.", "", "", "")),
        ("HISTORY: Cough.\n\nCOMPARISON: None.\n\n Frontal view.  The lungs are clear.", Sections("Frontal view. The lungs are clear.", "", "Cough.", "None.")),
        ("WET READ: ___ ___ 9:00 PM\n Clear.\n\nFINDINGS: Effusion.\n\nIMPRESSION: Effusion.", Sections("Effusion.", "Effusion.", "", "")),
        ("FINDINGS: Clear.\n\n ADDENDUM: Discussed by phone.", Sections("Clear.", "", "", "")),
        ("FINDINGS: Clear.\nNOTIFICATION: Dr. ___ was told.", Sections("Clear.", "", "", "")),
        ("FINDINGS: There are no findings: none.", Sections("There are no findings: none.", "", "", "")),
        ("", Sections("", "", "", "")),
    ],
)  # fmt: skip
def test_examples(text: str, wanted: Sections) -> None:
    assert parse_sections(text) == wanted


@given(st.text(max_size=400) | REPORT)
def test_spans_are_ordered_and_apart(text: str) -> None:
    found = spans(text)
    assert all(0 <= span.start < span.end <= len(text) for span in found)
    assert all(a.end <= b.start for a, b in zip(found, found[1:], strict=False))


@given(st.text(max_size=400) | REPORT)
def test_sections_are_words_of_the_report_in_its_order(text: str) -> None:
    words = text.split()
    for section in parse_sections(text):
        rest = iter(word.rstrip(":") for word in " ".join(words).replace(":", ": ").split())
        assert all(any(word.rstrip(":") == other for other in rest) for word in section.replace(":", ": ").split())


@given(REPORT)
def test_case_of_headings_with_a_colon_does_not_matter(text: str) -> None:
    lowered = "\n".join(line.title() if line.strip().endswith(":") else line for line in text.split("\n"))
    assert parse_sections(lowered) == parse_sections(text)
