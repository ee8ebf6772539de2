"""What every format says: the notices first, the unflagged sentences, what they rest on, what made them."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from saerad_core.reports.report import FeatureLine, Report, ReportSentence

LONGEST = 2_000
"""Characters of a text that a file shows; a curator's description can be of any length."""


@dataclass(frozen=True)
class ReportDocument:
    """A report ready to be written in some format."""

    title: str
    """Of the X-ray."""
    notes: tuple[str, ...]
    """The research-only notice first; then whether the X-ray is simulated and whether texts are pseudo-reports."""
    findings: tuple[ReportSentence, ...]
    impression: tuple[ReportSentence, ...]
    warnings: tuple[str, ...]
    changes: tuple[ReportSentence, ...]
    """Since the prior X-ray; none where there is none."""
    coverage: str
    """How much of the X-ray described features explain, in a sentence."""
    typicality: str
    """How unlike the training X-rays the image is, in a sentence; "" where the workspace can't tell."""
    features: tuple[FeatureLine, ...]
    made_by: dict[str, Any]
    """program, workspace, encoder, rule."""
    report: dict[str, Any] = field(default_factory=dict)
    """Everything for programs; flagged and rejected sentences and timings left out."""
    audit: dict[str, Any] = field(default_factory=dict)
    """What re-creates the report (audit.py)."""

    @property
    def sections(self) -> tuple[tuple[str, tuple[ReportSentence, ...]], ...]:
        told = (("Findings", self.findings), ("Impression", self.impression))
        return (*told, ("Changes since the prior X-ray", self.changes)) if self.changes else told

    @property
    def foot(self) -> str:
        """What made it, in a line."""
        made = self.made_by
        return f"{made.get('program', '')}, workspace {made.get('workspace', '')}, encoder {made.get('encoder', '')}. {made.get('rule', '')}"


def words_of(line: FeatureLine) -> str:
    """What an active feature is said to be; a weak description says that it is."""
    if not line.description:
        return "not described"
    return f"{line.description} (weak: not shown to hold)" if line.weak else line.description


def make_document(
    report: Report, *, title: str, notes: Sequence[str], made_by: dict[str, Any], audit: dict[str, Any] | None = None
) -> ReportDocument:
    """A document of what the checker let pass."""
    assert notes, "no notice, no file"
    kept = stored(report)
    found = report.typicality
    return ReportDocument(
        title=clean(title),
        notes=tuple(notes),
        findings=tuple(s for s in report.findings if s.stands),
        impression=tuple(s for s in report.impression if s.stands),
        changes=tuple(s for s in report.changes if s.stands),
        coverage=report.coverage.sentence if report.coverage is not None else "",
        warnings=(*report.warnings, *_reviewed(report)),
        typicality=""
        if found is None
        else f"Further from the training X-rays than {found['distance_percentile']:.0f}% of them, explained worse than "
        f"{found['error_percentile']:.0f}% of the validation X-rays.",
        features=tuple(report.features),
        made_by=made_by,
        report=kept,
        audit=audit or {},
    )


def stored(report: Report) -> dict[str, Any]:
    """What of a report is kept: all but flagged and rejected sentences, and timings, which are the machine's."""
    shape = report.as_json()
    del shape["timings_ms"]
    for part in ("findings", "impression", "changes"):
        shape[part] = [one for one, sentence in zip(shape[part], getattr(report, part), strict=True) if sentence.stands]
    return shape


def _reviewed(report: Report) -> list[str]:
    """What became of the sentences at a reader's hand, in a sentence."""
    verdicts = [s.verdict for part in (report.findings, report.impression, report.changes) for s in part if s.verdict]
    if not verdicts:
        return []
    told = ", ".join(f"{verdicts.count(one)} {one}" for one in dict.fromkeys(verdicts))
    return [f"A reader went through the sentences: {told}; rejected ones are left out."]


def evidence_of(sentence: ReportSentence) -> str:
    """Probability and features behind a sentence: 0.87; #12, #40. A reader's own words claim none."""
    if sentence.verdict == "edited":
        return "a reader's words"
    told = f"{sentence.probability:.2f}" if sentence.calibrated else "not calibrated"
    return f"{told}; {', '.join(f'#{one.feature_id}' for one in sentence.evidence)}"


def clean(text: str) -> str:
    """One line of visible characters: no controls, and no marks that turn the direction of what follows; at most LONGEST."""
    cut = text[: 8 * LONGEST]  # so that a megabyte of nothing costs little
    visible = "".join(" " if c in "\n\r\t" else c for c in cut if c in "\n\r\t" or unicodedata.category(c)[0] != "C")
    line = " ".join(visible.split())
    whole = len(line) <= LONGEST and len(text) <= len(cut)
    return line if whole else line[: LONGEST - 1].rstrip() + "\N{HORIZONTAL ELLIPSIS}"
