"""A report of one X-ray in which every sentence names the features that support it and training X-rays for each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from saerad_core.reports.check import Flag
from saerad_core.reports.coverage import Coverage
from saerad_core.vocabulary import Statement

if TYPE_CHECKING:
    from saerad_core.reports.review import Act
    from saerad_core.reports.writer import Written


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

    def as_json(self) -> dict[str, Any]:
        return {
            "feature_id": self.feature_id,
            "activation": round(self.activation, 4),
            "image_ids": list(self.image_ids),
            "logit": round(self.logit, 4),
            "fires": self.fires,
        }


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
    change: str = ""
    """new, gone or same, of a sentence on what changed since a prior X-ray."""
    prior: tuple[Evidence, ...] = ()
    """What the sentence rests on in the prior X-ray."""
    verdict: str = ""
    """A reader's: accepted, edited or rejected; "" where there is none."""
    words: str = ""
    """A reader's, in place of the text, where it is edited."""
    reason: str = ""
    """Why a reader rejected it."""
    calibrated: bool = True
    """Whether the probability was calibrated on X-rays like this one; else it is shown nowhere."""

    def __post_init__(self) -> None:
        assert self.evidence, f"no evidence for: {self.text}"

    @property
    def stands(self) -> bool:
        """Whether it leaves in files: neither rejected nor flagged; a reader's own words stand whatever they replace."""
        return self.verdict == "edited" or (self.verdict != "rejected" and not self.flags)

    @property
    def said(self) -> str:
        """The reader's words where there are some, else the text."""
        return self.words or self.text

    @property
    def statement(self) -> Statement | None:
        """The first statement."""
        return self.statements[0] if self.statements else None

    def as_json(self) -> dict[str, Any]:
        shape: dict[str, Any] = {
            "text": self.text,
            "probability": round(self.probability, 4),
            "statements": [statement._asdict() for statement in self.statements],
            "evidence": [one.as_json() for one in self.evidence],
            "flags": [flag._asdict() for flag in self.flags],
        }
        if self.change:
            shape |= {"change": self.change, "prior": [one.as_json() for one in self.prior]}
        if not self.calibrated:
            shape["calibrated"] = False
        if self.verdict:
            shape |= {"verdict": self.verdict, "words": self.words, "reason": self.reason}
        return shape


@dataclass(frozen=True)
class FeatureLine:
    """One active feature of the X-ray."""

    feature_id: int
    activation: float
    description: str
    """A curator's words where there are some, else the program's; "" where reports supported none."""
    status: str = ""
    """The curator's verdict, "" where there is none."""
    weak: bool = False
    """Whether the description isn't shown to hold on patients it wasn't made from: it then doesn't count as an explanation."""


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
    prior: tuple[tuple[int, float], ...] | None = None
    """(feature_id, activation) of all that fire on the prior X-ray; None where there is none."""
    abstain: bool = True
    """Whether the report may abstain."""
    seen: bool = True
    """Whether any validation X-ray was explained as badly."""


@dataclass
class Report:
    """Findings and impression of one X-ray."""

    findings: list[ReportSentence] = field(default_factory=list)
    impression: list[ReportSentence] = field(default_factory=list)
    changes: list[ReportSentence] = field(default_factory=list)
    """What is new, gone or the same since the prior X-ray, where there is one and its features say so."""
    features: list[FeatureLine] = field(default_factory=list)
    """All active features, in the order of the rule."""
    warnings: list[str] = field(default_factory=list)
    """Plain sentences: conflicts and how they were settled, what a reader should know."""
    timings_ms: dict[str, float] = field(default_factory=dict)
    typicality: dict[str, Any] | None = None
    """How unlike the training X-rays the image is (gate.Typicality), None where the workspace can't tell."""
    coverage: Coverage | None = None
    """How much of the X-ray described features explain."""
    acts: tuple[Act, ...] = ()
    """What a reader said of the sentences. Not part of the JSON, as ``given``: the sentences carry what counts."""
    written: Written | None = None
    """What a language model answered, where its sentences stand among the findings. Not part of the JSON, as ``given``."""
    given: Given | None = None
    """Not part of the report's JSON; the audit row is made of it."""

    @property
    def text(self) -> str:
        """The findings as running text, as far as they stand."""
        return " ".join(sentence.said for sentence in self.findings if sentence.stands)

    def as_json(self) -> dict[str, Any]:
        """The shape that the command line prints."""
        return {
            "findings": [sentence.as_json() for sentence in self.findings],
            "impression": [sentence.as_json() for sentence in self.impression],
            "changes": [sentence.as_json() for sentence in self.changes],
            "features": [
                {
                    "feature_id": line.feature_id,
                    "activation": round(line.activation, 4),
                    "description": line.description,
                    "status": line.status,
                }
                | ({"weak": True} if line.weak else {})
                for line in self.features
            ],
            "warnings": list(self.warnings),
            "typicality": self.typicality,
            "coverage": self.coverage.as_json() if self.coverage is not None else None,
            "timings_ms": dict(self.timings_ms),
        }
