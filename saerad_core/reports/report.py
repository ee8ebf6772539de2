"""A report of one X-ray in which every sentence names the features that support it and training X-rays for each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from saerad_core.reports.check import Flag
from saerad_core.vocabulary import Statement


@dataclass(frozen=True)
class Evidence:
    """One feature behind a sentence."""

    feature_id: int
    activation: float
    """On this X-ray; 0 for a feature that would speak for a finding and is silent, behind a sentence of absence."""
    image_ids: tuple[str, ...]
    """Training X-rays, one a patient: the feature is active and the report states the finding (where the sentence says
    that it is absent and the feature is active: denies it)."""
    logit: float = 0.0
    """What the feature adds to (or, negative, takes from) the log-odds of the finding, against one that fires as usual."""
    fires: bool = True
    """Whether it fires above its mean over training X-rays; else its silence or weakness is the evidence."""


@dataclass(frozen=True)
class ReportSentence:
    """One sentence and what it rests on."""

    text: str
    statements: tuple[Statement, ...]
    """What it states: one, the two sides of a bilateral finding, several absences, or none for "no finding"."""
    probability: float
    """Calibrated probability of the least probable statement; of an absence, that it is absent."""
    evidence: tuple[Evidence, ...]
    flags: tuple[Flag, ...] = ()
    """What the checker found that the sentence says beyond its statements; a flagged sentence is struck through and leaves no file."""

    def __post_init__(self) -> None:
        assert self.evidence, f"no evidence for: {self.text}"

    @property
    def statement(self) -> Statement | None:
        """The first statement."""
        return self.statements[0] if self.statements else None

    def as_json(self) -> dict[str, Any]:
        return {
            "text": self.text,
            "probability": round(self.probability, 4),
            "statements": [statement._asdict() for statement in self.statements],
            "evidence": [
                {
                    "feature_id": one.feature_id,
                    "activation": round(one.activation, 4),
                    "image_ids": list(one.image_ids),
                    "logit": round(one.logit, 4),
                    "fires": one.fires,
                }
                for one in self.evidence
            ],
            "flags": [flag._asdict() for flag in self.flags],
        }


@dataclass(frozen=True)
class FeatureLine:
    """One active feature of the X-ray."""

    feature_id: int
    activation: float
    description: str
    """A curator's words where there are some, else the program's; "" where reports supported none."""
    status: str = ""
    """The curator's verdict, "" where there is none."""


class Given(NamedTuple):
    """What a report was compiled from: with the same models it makes the same report."""

    active: tuple[tuple[int, float], ...]
    """(feature_id, activation), in the order of the rule."""
    curated: tuple[tuple[int, tuple[str, str]], ...]
    """(feature_id, (text, status)) of what curators said about active features, and of every rejected one."""
    code: tuple[tuple[int, float], ...] | None = None
    """(feature_id, activation) of all that fire, before the rule; None where the active ones were all that was given."""
    silence: bool = True
    """Whether silent features were evidence."""


@dataclass
class Report:
    """Findings and impression of one X-ray."""

    findings: list[ReportSentence] = field(default_factory=list)
    impression: list[ReportSentence] = field(default_factory=list)
    features: list[FeatureLine] = field(default_factory=list)
    """All active features, in the order of the rule."""
    warnings: list[str] = field(default_factory=list)
    """Plain sentences: conflicts and how they were settled, what a reader should know."""
    timings_ms: dict[str, float] = field(default_factory=dict)
    typicality: dict[str, Any] | None = None
    """How unlike the training X-rays the image is (gate.Typicality), None where the workspace can't tell."""
    given: Given | None = None
    """Not part of the report's JSON; the audit row is made of it."""

    @property
    def text(self) -> str:
        """The findings as running text, without flagged sentences."""
        return " ".join(sentence.text for sentence in self.findings if not sentence.flags)

    def as_json(self) -> dict[str, Any]:
        """The shape that the command line prints."""
        return {
            "findings": [sentence.as_json() for sentence in self.findings],
            "impression": [sentence.as_json() for sentence in self.impression],
            "features": [
                {
                    "feature_id": line.feature_id,
                    "activation": round(line.activation, 4),
                    "description": line.description,
                    "status": line.status,
                }
                for line in self.features
            ],
            "warnings": list(self.warnings),
            "typicality": self.typicality,
            "timings_ms": dict(self.timings_ms),
        }
