"""From active features to a report: evidence -> facts -> settled conflicts -> sentences with their evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from saerad_core.descriptions.evidence import Contribution, EvidenceTables
from saerad_core.descriptions.reported import depth
from saerad_core.reports.conflicts import ConflictSettings, divided, settle
from saerad_core.reports.decide import Candidate, DecideSettings, absent, present
from saerad_core.reports.report import Evidence, FeatureLine, Report, ReportSentence
from saerad_core.reports.text import Wording
from saerad_core.vocabulary import TERMS, Fact, Statement

REJECTED = "rejected"
"""A curator's verdict that a feature means nothing."""


class CuratedFeature(Protocol):
    """What curators last said about a feature."""

    @property
    def text(self) -> str:
        """ "" where they judged the program's text without changing it."""
        ...

    @property
    def status(self) -> str: ...


@dataclass
class ComposeSettings:
    """How much a report says and shows."""

    decide: DecideSettings = field(default_factory=DecideSettings)
    conflicts: ConflictSettings = field(default_factory=ConflictSettings)
    features: int = 4
    """Features listed for a sentence."""
    images: int = 6
    """Training X-rays listed for each."""
    together: int = 4
    """Absences in one sentence."""
    impression: int = 4
    """Statements that the impression repeats."""


class Composer:
    """Writes reports from one workspace's evidence."""

    def __init__(
        self,
        tables: EvidenceTables,
        descriptions: Mapping[int, str],
        wording: Wording | None = None,
        settings: ComposeSettings | None = None,
    ) -> None:
        """Take the evidence and the program's description of each feature that has one."""
        self.tables = tables
        self.descriptions = descriptions
        self.wording = wording or Wording()
        self.settings = settings or ComposeSettings()

    def compose(
        self, found: Sequence[tuple[int, float]], curated: Mapping[int, CuratedFeature] | None = None
    ) -> Report:
        """The report of an X-ray.

        Args:
            found: (feature_id, activation) of its active features, in the order of the rule.
            curated: what curators said about features; a rejected one doesn't count as evidence.
        """
        curated = curated or {}
        report = Report(features=[self._line(feature, value, curated.get(feature)) for feature, value in found])
        barred = frozenset(f for f, word in curated.items() if word.status == REJECTED)
        active = [(f, v) for f, v in found if f not in barred]
        left_out = sorted(f for f, _ in found if f in barred)
        if left_out:
            report.warnings.append(
                f"{_features(left_out)} {'was' if len(left_out) == 1 else 'were'} rejected by a curator and "
                f"{'does' if len(left_out) == 1 else 'do'} not count as evidence."
            )
        if not self.tables.facts:
            report.warnings.append("The training reports state too few findings for a report to be learned from them.")
            return report
        if not active:
            report.warnings.append("No feature counts as active on this X-ray, so the report rests on what is silent.")
        ids = [f for f, _ in active]
        p = self.tables.probabilities(ids)
        kept, settled = settle(
            present(p, self.tables, self.settings.decide), self.tables, self.wording.phrase, self.settings.conflicts
        )
        report.warnings += settled
        kept = [self._graded(candidate, ids) for candidate in kept]
        for group in self._groups(kept):
            self._add_finding(report, group, active)
        report.warnings += self._divided(kept, active)
        negatives = absent(p, self.tables, {c.statement.finding for c in kept}, self.settings.decide)
        if not report.findings:
            self._add_nothing(report, p, active, barred)
        self._add_absences(report, negatives, active, barred)
        report.warnings += self._rewritten(report, curated)
        return report

    def _line(self, feature: int, activation: float, word: CuratedFeature | None) -> FeatureLine:
        text = self.descriptions.get(feature, "")
        return FeatureLine(feature, activation, word.text or text if word else text, word.status if word else "")

    def _graded(self, candidate: Candidate, features: list[int]) -> Candidate:
        statement = candidate.statement
        return Candidate(
            statement._replace(severity=self.tables.severity_of(statement.finding, features)), candidate.probability
        )

    def _groups(self, kept: list[Candidate]) -> list[list[Candidate]]:
        """Candidates that share a sentence (the two sides of one finding), diseases before devices, likeliest first."""
        groups: list[list[Candidate]] = []
        for candidate in kept:
            statement = candidate.statement
            for group in groups:
                first = group[0].statement
                if len(group) == 1 and _mirrored(first, statement):
                    group.append(candidate)
                    break
            else:
                groups.append([candidate])
        groups.sort(key=lambda group: _is_device(group[0].statement.finding))
        return [sorted(group, key=lambda c: c.statement.side, reverse=True) for group in groups]

    def _add_finding(self, report: Report, group: list[Candidate], active: list[tuple[int, float]]) -> None:
        share = max(1, self.settings.features // len(group))
        evidence: list[Evidence] = []
        for candidate in group:
            fact = candidate.statement.fact
            evidence += [e for e in self._for(fact, active, share) if e.feature_id not in _ids(evidence)]
        if not evidence:
            # No active feature speaks for it: it is only common, and a report says nothing on that ground.
            return
        statements = tuple(candidate.statement for candidate in group)
        probability = min(candidate.probability for candidate in group)
        text = self.wording.pair(*statements) if len(statements) == 2 else self.wording.one(statements[0])
        report.findings.append(ReportSentence(text, statements, probability, tuple(evidence)))
        likely = probability >= self.settings.decide.likely or not report.impression
        if likely and len(report.impression) < self.settings.impression and not _is_device(statements[0].finding):
            summary = self.wording.impression(statements)
            report.impression.append(ReportSentence(summary, statements, probability, tuple(evidence)))

    def _add_nothing(
        self, report: Report, p: np.ndarray, active: list[tuple[int, float]], barred: frozenset[int]
    ) -> None:
        """Say that no finding is supported; its evidence speaks against the finding that came nearest."""
        loose = [row for row, fact in enumerate(self.tables.facts) if not depth(fact)]
        nearest = sorted(loose, key=lambda row: float(self.tables.thresholds[row] - p[row]))
        for row in nearest:
            fact = self.tables.facts[row]
            evidence = self._against(fact, active, barred, self.settings.features)
            if evidence:
                probability = float(np.prod([1 - p[other] for other in loose]))
                report.findings.append(ReportSentence(self.wording.nothing(), (), probability, evidence))
                report.impression.append(ReportSentence(self.wording.nothing_impression(), (), probability, evidence))
                return

    def _add_absences(
        self, report: Report, negatives: list[Candidate], active: list[tuple[int, float]], barred: frozenset[int]
    ) -> None:
        size = self.settings.together
        for start in range(0, len(negatives), size):
            group = negatives[start : start + size]
            each = max(1, self.settings.features // len(group))
            evidence: list[Evidence] = []
            said: list[Candidate] = []
            for candidate in group:
                own = self._against(candidate.statement.fact, active, barred, each)
                if own:
                    said.append(candidate)
                    evidence += [e for e in own if e.feature_id not in _ids(evidence)]
            if said:
                statements = tuple(candidate.statement for candidate in said)
                probability = min(candidate.probability for candidate in said)
                report.findings.append(
                    ReportSentence(self.wording.negatives(statements), statements, probability, tuple(evidence))
                )

    def _for(self, fact: Fact, active: list[tuple[int, float]], most: int) -> list[Evidence]:
        """Active features that speak for ``fact`` and did so on training X-rays whose reports state it."""
        found = []
        for contribution in self.tables.support(fact, active):
            evidence = self._evidence(fact, contribution)
            if evidence.image_ids:
                found.append(evidence)
            if len(found) == most:
                break
        return found

    def _against(
        self, fact: Fact, active: list[tuple[int, float]], barred: frozenset[int], most: int
    ) -> tuple[Evidence, ...]:
        return tuple(
            self._evidence(fact, c, denies=c.activation > 0) for c in self.tables.opposition(fact, active, most, barred)
        )

    def _evidence(self, fact: Fact, contribution: Contribution, *, denies: bool = False) -> Evidence:
        feature, activation, logit = contribution
        images = self.tables.examples.find(feature, self.tables.index(fact), self.settings.images, denies=denies)
        return Evidence(feature, activation, tuple(images), logit)

    def _divided(self, kept: list[Candidate], active: list[tuple[int, float]]) -> list[str]:
        warnings = []
        for candidate in kept:
            camps = divided(candidate, active, self.tables, self.settings.conflicts)
            if camps is not None:
                for_, against = camps
                warnings.append(
                    f"{_features(for_)} {_verb(for_)} for {self.wording.phrase(candidate.statement)} and "
                    f"{_features(against).lower()} {_verb(against)} against; "
                    f"together they leave it at {candidate.probability:.0%}."
                )
        return warnings

    def _rewritten(self, report: Report, curated: Mapping[int, CuratedFeature]) -> list[str]:
        """Say where a sentence rests on a feature that a curator describes as something else."""
        warnings = []
        for sentence in report.findings:
            findings = {s.finding for s in sentence.statements if s.present}
            for one in sentence.evidence:
                word = curated.get(one.feature_id)
                if not findings or word is None or not word.text:
                    continue
                named = self.wording.findings_in(word.text)
                if named and not named & findings:
                    names = " and ".join(sorted(_name(finding) for finding in findings))
                    warnings.append(
                        f"A curator describes feature {one.feature_id} otherwise than as {names}; "
                        "its weight here was learned from reports."
                    )
        return list(dict.fromkeys(warnings))


def _mirrored(one: Statement, other: Statement) -> bool:
    return {one.side, other.side} == {"right", "left"} and one.finding == other.finding and one.place == other.place


def _is_device(finding: str) -> bool:
    return finding in TERMS and TERMS[finding].device


def _name(finding: str) -> str:
    return TERMS[finding].name if finding in TERMS else finding


def _ids(evidence: list[Evidence]) -> set[int]:
    return {one.feature_id for one in evidence}


def _features(ids: list[int]) -> str:
    if len(ids) == 1:
        return f"Feature {ids[0]}"
    return f"Features {', '.join(str(f) for f in ids[:-1])} and {ids[-1]}"


def _verb(ids: list[int]) -> str:
    return "speaks" if len(ids) == 1 else "speak"
