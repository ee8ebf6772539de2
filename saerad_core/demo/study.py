"""What a simulated patient is: anatomy, technique and findings, all decided before a pixel is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from saerad_core.demo.anatomy import Anatomy, Technique
from saerad_core.vocabulary import Fact


@dataclass(frozen=True)
class SimulatedFinding:
    """One finding that is drawn into an image; its truth and its report come from the same fields."""

    finding: str
    """Key of saerad_core.vocabulary.TERMS."""
    side: str = ""
    """Patient's side: right, left, or "" where the term isn't sided."""
    place: str = ""
    """One of the term's places, or ""."""
    severity: str = ""
    """One of the term's severities, or ""."""
    extent: float = 0.5
    """0 to 1 within the severity (or over the whole range where the term has none): how big or dense."""
    seed: int = 0
    """Decides shape and exact position; a finding's own, so that removing another changes nothing here."""

    @property
    def fact(self) -> Fact:
        return Fact(self.finding, self.side, self.place)


@dataclass(frozen=True)
class Study:
    """One simulated frontal radiograph of a patient."""

    patient_id: str
    study_id: str
    number: int
    """0 for the patient's first study."""
    sex: str
    """F or M."""
    age: int
    view: str
    """PA or AP."""
    anatomy: Anatomy
    technique: Technique
    findings: tuple[SimulatedFinding, ...]
    seed: int
    """Of noise and marker; the anatomy has its own."""
    prior: tuple[SimulatedFinding, ...] | None = None
    """Findings of the patient's previous study, None for the first."""


class ReportText(NamedTuple):
    """The sections of a report."""

    indication: str
    findings: str
    impression: str
