"""What reports take from validation patients beside the evidence: when to abstain, when to hedge, and when a change may be stated."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from saerad_core.reports.changes import ChangeRule
from saerad_core.reports.coverage import CoverageRule

FORMAT = "saerad-reporting-4"


@dataclass(frozen=True)
class Reporting:
    """Thresholds of one workspace, `reporting.json`."""

    made_of: str
    """SHA-256 of what they were chosen with: dictionary thresholds, evidence and descriptions. Others need others."""
    coverage: CoverageRule = field(default_factory=CoverageRule)
    changes: ChangeRule = field(default_factory=ChangeRule)
    reassures: float = 1.01
    """Probability that there is no finding from which an impression says that there is none; above 1 none ever does."""
    sure: float = 1.01
    """Probability from which a finding is stated without a hedge; above 1 none ever is."""

    def save(self, path: Path) -> None:
        """Write it in one step."""
        part = path.with_suffix(".part")
        part.write_text(json.dumps({"format": FORMAT} | asdict(self), indent=2) + "\n", encoding="utf-8")
        part.replace(path)

    @classmethod
    def load(cls, path: Path) -> Reporting | None:
        """What ``save`` wrote; None where there is none, or one of another version, which is made again."""
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            if found.pop("format") != FORMAT:
                return None
            return cls(
                found["made_of"],
                CoverageRule(**found["coverage"]),
                ChangeRule(**found["changes"]),
                found["reassures"],
                found["sure"],
            )
        except (OSError, ValueError, KeyError, TypeError):
            return None
