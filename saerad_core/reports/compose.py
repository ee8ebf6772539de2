"""From active features to a report: evidence -> facts -> settled conflicts -> sentences with their evidence."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from saerad_core.descriptions.evidence import Code, Contribution, EvidenceTables, Fired
from saerad_core.descriptions.reported import depth
from saerad_core.reports.changes import changes
from saerad_core.reports.check import check
from saerad_core.reports.conflicts import ConflictSettings, divided, settle
from saerad_core.reports.coverage import Coverage, measure
from saerad_core.reports.decide import Candidate, DecideSettings, absent, present
from saerad_core.reports.report import Evidence, FeatureLine, Given, Report, ReportSentence
from saerad_core.reports.reporting import Reporting
from saerad_core.reports.text import Wording
from saerad_core.vocabulary import TERMS, Fact, Statement

REJECTED = "rejected"
"""A curator's verdict that a feature means nothing."""
UNTRUSTED = frozenset({REJECTED, "second"})
"""Verdicts with which a feature's description doesn't count: rejected, or waiting for a second reader."""
REASSURES = 0.5
"""Probability that there is no finding from which an impression says that there is none, where validation patients gave no other."""


class Speaks(Protocol):
    """Which descriptions speak in reports (stages/trust.py): those that hold on patients they weren't made from."""

    @property
    def digest(self) -> str:
        """Names what it decides of the program's texts."""
        ...

    def speaks(self, feature_id: int, text: str) -> bool:
        """Whether a feature's words do."""
        ...


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
    impression: int = 4
    """Sentences that the impression repeats."""
    minor: int = 2
    """Minor ones that it repeats where there is nothing else."""


class Composer:
    """Writes reports from one workspace's evidence."""

    def __init__(
        self,
        tables: EvidenceTables,
        descriptions: Mapping[int, str],
        wording: Wording | None = None,
        settings: ComposeSettings | None = None,
        reporting: Reporting | None = None,
        trust: Speaks | None = None,
    ) -> None:
        """Take the evidence and the program's description of each feature that has one.

        Without ``reporting`` no report abstains, none says what changed, and a finding is stated without a hedge from the settings' probability.
        Without ``trust`` every description speaks.
        """
        self.tables = tables
        self.descriptions = descriptions
        self.wording = wording or Wording()
        self.settings = settings or ComposeSettings()
        decide = self.settings.decide
        if reporting is not None:
            decide = replace(decide, certain=max(decide.certain, reporting.sure))
        self.decide = decide
        self.reporting = reporting
        self.trust = trust

    def compose(
        self,
        found: Sequence[tuple[int, float]],
        curated: Mapping[int, CuratedFeature] | None = None,
        code: Code | None = None,
        *,
        silence: bool = True,
        prior: Code | None = None,
        abstain: bool = True,
        seen: bool = True,
    ) -> Report:
        """The report of an X-ray.

        Args:
            found: (feature_id, activation) of its active features, in the order of the rule: those that the report lists.
            code: of all features that fire, before the rule: what the report rests on. The active ones alone where it isn't given.
            curated: what curators said about features; a rejected one doesn't count as evidence.
            silence: whether a feature's silence is evidence. It isn't where the dictionary explains the X-ray badly or the X-ray doesn't
                belong here: nothing is then called absent or more than possible, and nobody is reassured.
            prior: as ``code``, of the patient's prior X-ray: what may be said of changes rests on both.
            abstain: whether an X-ray of which described features explain too little gets no report, but a sentence that says so.
            seen: whether any validation X-ray was explained as badly as this one. Where none was, nothing is known of how good its report
                would be, and there is none.
        """
        curated = curated or {}
        report = Report(features=[self._line(feature, value, curated.get(feature)) for feature, value in found])
        report.given = _given(found, curated, code)._replace(
            silence=silence, prior=None if prior is None else _pairs(prior), abstain=abstain, seen=seen
        )
        report.coverage = self._coverage(found, curated)
        if not seen:
            report.coverage = replace(report.coverage, unseen=True)
        barred = frozenset(f for f, word in curated.items() if word.status == REJECTED)
        fires = self.tables.fired([(f, v) for f, v in (found if code is None else code) if f not in barred], barred)
        left_out = sorted(f for f, _ in found if f in barred)
        if left_out:
            report.warnings.append(
                f"{_features(left_out)} {'was' if len(left_out) == 1 else 'were'} rejected by a curator and "
                f"{'does' if len(left_out) == 1 else 'do'} not count as evidence."
            )
        if not self.tables.facts:
            report.warnings.append("The training reports state too few findings for a report to be learned from them.")
            return report
        if abstain and report.coverage.abstains:
            report.warnings.append(report.coverage.reason)
            return report
        if all(f in barred for f, _ in found):
            report.warnings.append("No feature counts as active on this X-ray, so the report rests on what is silent.")
        p = self.tables.probabilities(fires)
        kept, settled = self._present(p)
        report.warnings += settled
        if not silence:
            # Nobody knows how often a probability is right on an X-ray unlike those that it was calibrated on.
            kept = [Candidate(c.statement._replace(certainty="possible"), c.probability) for c in kept]
        # Without a feature that speaks for it a finding is only common: a report says nothing on that ground.
        ids = [f for f, _ in found if f not in barred]
        evidence = {c.statement.fact: self._for(c.statement.fact, fires) for c in kept}
        kept = [self._graded(c, ids) if silence else c for c in kept if evidence[c.statement.fact]]
        for group in self._groups(kept):
            self._add_finding(report, group, evidence)
        report.warnings += self._divided(kept, fires)
        against_all = self._against_all(p, fires)
        if not report.findings and against_all:
            report.findings.append(ReportSentence(self.wording.nothing(), (), self.nothing(p), against_all))
        self._add_impression(report, p, against_all, silence)
        if silence:
            self._add_absences(report, p, fires)
        else:
            report.warnings.append(
                "Nothing is called absent, and nothing more than possible: on such an X-ray silent features are no evidence, and "
                "probabilities weren't calibrated on its like."
            )
        if not silence:
            for part in (report.findings, report.impression):
                part[:] = [replace(sentence, calibrated=False) for sentence in part]
        if prior is not None:
            then = self.tables.fired([(f, v) for f, v in prior if f not in barred], barred)
            self._add_changes(report, p, kept, fires, then, silence)
        report.warnings += self._rewritten(report, curated)
        self._check(report)
        return report

    def _check(self, report: Report) -> None:
        """Flag what a sentence says beyond its statements, whoever wrote it."""
        fixed = (
            self.wording.nothing(),
            self.wording.nothing_impression(),
            *(self.wording.not_excluded(beside) for beside in (False, True)),
        )
        for part in (report.findings, report.impression, report.changes):
            for number, sentence in enumerate(part):
                if sentence.statements or sentence.text not in fixed:
                    flags = check(sentence.text, sentence.statements, change=sentence.change)
                    part[number] = replace(sentence, flags=tuple(flags))
        flagged = sum(bool(s.flags) for s in (*report.findings, *report.impression, *report.changes))
        if flagged:
            report.warnings.append(
                f"{'A sentence says' if flagged == 1 else f'{flagged} sentences say'} more than the evidence; "
                f"{'it is' if flagged == 1 else 'they are'} struck through and left out of files."
            )

    def _present(self, p: np.ndarray) -> tuple[list[Candidate], list[str]]:
        """What is stated at these probabilities, and what was settled between them."""
        candidates = present(p, self.tables, self.decide)
        return settle(candidates, self.tables, self.wording.phrase, self.settings.conflicts)

    def _coverage(self, found: Sequence[tuple[int, float]], curated: Mapping[int, CuratedFeature]) -> Coverage:
        texts = {f: self._text(f, curated.get(f)) for f, _ in found}
        trusted = {
            f
            for f, text in texts.items()
            if text and not (f in curated and curated[f].status in UNTRUSTED) and self._speaks(f, text)
        }
        return measure(found, trusted, self.reporting.coverage if self.reporting is not None else None)

    def _add_changes(
        self,
        report: Report,
        p: np.ndarray,
        kept: list[Candidate],
        fires: Fired,
        prior: Fired,
        silence: bool,
    ) -> None:
        """Say what is new, gone or the same, where both X-rays' features bear it out."""
        rule = self.reporting.changes if self.reporting is not None else None
        if rule is None or not rule.threshold:
            report.warnings.append(
                "Nothing is said of changes: too few validation patients of this workspace have two X-rays to learn them from."
            )
            return
        if not silence:
            report.warnings.append("Nothing is said of changes: on such an X-ray silent features are no evidence.")
            return
        before = self.tables.probabilities(prior)
        found = changes(p, before, kept, self._present(before)[0], self.tables, rule, self.decide)
        for change in found:
            fact, most = change.statement.fact, self.settings.features
            now = self._against(fact, fires, most) if change.kind == "gone" else self._for(fact, fires)
            then = self._against(fact, prior, most) if change.kind == "new" else self._for(fact, prior)
            if now and then:
                text = self.wording.change(change.kind, change.statement)
                report.changes.append(
                    ReportSentence(
                        text, (change.statement,), change.probability, tuple(now), change=change.kind, prior=tuple(then)
                    )
                )
        if not report.changes:
            report.warnings.append("Nothing is said of changes: the features of the two X-rays don't bear one out.")

    def _line(self, feature: int, activation: float, word: CuratedFeature | None) -> FeatureLine:
        text = self._text(feature, word)
        weak = bool(text) and not self._speaks(feature, text)
        return FeatureLine(feature, activation, text, word.status if word else "", weak)

    def _text(self, feature: int, word: CuratedFeature | None) -> str:
        """A curator's words where there are some, else the program's."""
        return (word.text if word else "") or self.descriptions.get(feature, "")

    def _speaks(self, feature: int, text: str) -> bool:
        return self.trust is None or self.trust.speaks(feature, text)

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
                # Of two sides that aren't equally sure each has a sentence, with its own probability.
                if len(group) == 1 and _mirrored(first, statement) and first.certainty == statement.certainty:
                    group.append(candidate)
                    break
            else:
                groups.append([candidate])
        groups.sort(key=lambda group: _is_device(group[0].statement.finding))
        return [sorted(group, key=lambda c: c.statement.side, reverse=True) for group in groups]

    def _add_finding(self, report: Report, group: list[Candidate], evidence: dict[Fact, list[Evidence]]) -> None:
        share = max(1, self.settings.features // len(group))
        support: list[Evidence] = []
        for candidate in group:
            own = evidence[candidate.statement.fact][:share]
            support += [one for one in own if one.feature_id not in _ids(support)]
        statements = tuple(candidate.statement for candidate in group)
        probability = min(candidate.probability for candidate in group)
        report.findings.append(
            ReportSentence(self.wording.finding(statements), statements, probability, tuple(support))
        )

    def _add_impression(self, report: Report, p: np.ndarray, against_all: tuple[Evidence, ...], silence: bool) -> None:
        """Repeat what matters most; where nothing does, say so before the minor findings."""
        said = sorted(report.findings, key=self._importance)
        stated = [sentence for sentence in said if sentence.statements]
        major = [sentence for sentence in stated if not self.wording.is_minor(sentence.statements[0].finding)]
        # Possible findings fill an impression only where nothing that matters as much is likelier.
        likely = self.decide.likely
        first = min((self._importance(one) for one in major if one.probability >= likely), default=None)
        repeated = [
            one for one in major if first is None or one.probability >= likely or self._importance(one) < first
        ][: self.settings.impression]
        if not repeated:
            if against_all:
                nothing = self.nothing(p, {one.finding for sentence in stated for one in sentence.statements})
                # Only where validation patients with as much against a finding had none may an impression reassure.
                text = (
                    self.wording.nothing_impression()
                    if silence and nothing >= (REASSURES if self.reporting is None else self.reporting.reassures)
                    else self.wording.not_excluded(beside=bool(stated))
                )
                report.impression.append(ReportSentence(text, (), nothing, against_all))
            repeated = stated[: self.settings.minor]
        for sentence in repeated:
            text = self.wording.impression(sentence.statements)
            report.impression.append(ReportSentence(text, sentence.statements, sentence.probability, sentence.evidence))

    def _importance(self, sentence: ReportSentence) -> int:
        return self.wording.importance(sentence.statements[0].finding) if sentence.statements else 0

    def nothing(self, p: np.ndarray, stated: Collection[str] = ()) -> float:
        """Probability that none of the findings is there but for the ``stated`` ones, as if they were independent."""
        loose = [row for row, fact in enumerate(self.tables.facts) if not depth(fact) and fact.finding not in stated]
        return float(np.prod([1 - p[row] for row in loose]))

    def _against_all(self, p: np.ndarray, fires: Fired) -> tuple[Evidence, ...]:
        """What speaks against the finding that came nearest to being stated; of the next where nothing does."""
        loose = [row for row, fact in enumerate(self.tables.facts) if not depth(fact)]
        for row in sorted(loose, key=lambda row: float(self.tables.thresholds[row] - p[row])):
            evidence = self._against(self.tables.facts[row], fires, self.settings.features)
            if evidence:
                return evidence
        return ()

    def _add_absences(self, report: Report, p: np.ndarray, fires: Fired) -> None:
        stated = {s.finding for sentence in report.findings for s in sentence.statements}
        found = {c.statement.finding: c for c in absent(p, self.tables, stated, self.decide)}
        supported = {finding: self._against(Fact(finding), fires, self.settings.features) for finding in found}
        for group in self.wording.absences([finding for finding in found if supported[finding]]):
            # Every denied finding brings its strongest evidence; what room is left goes to the next strongest in turn.
            each = max(1, self.settings.features // len(group))
            evidence: list[Evidence] = []
            for finding in group:
                evidence += [e for e in supported[finding][:each] if e.feature_id not in _ids(evidence)]
            report.findings.append(
                ReportSentence(
                    self.wording.absent(group),
                    tuple(found[finding].statement for finding in group),
                    min(found[finding].probability for finding in group),
                    tuple(evidence),
                )
            )

    def _for(self, fact: Fact, fires: Fired) -> list[Evidence]:
        """Features that speak for ``fact`` and did so on training X-rays whose reports state it, strongest first."""
        found: list[Evidence] = []
        for contribution in self.tables.support(fact, fires):
            evidence = self._evidence(fact, contribution)
            if evidence.image_ids:
                found.append(evidence)
            if len(found) == self.settings.features:
                break
        return found

    def _against(self, fact: Fact, fires: Fired, most: int) -> tuple[Evidence, ...]:
        return tuple(self._evidence(fact, c, denies=c.fires) for c in self.tables.opposition(fact, fires, most))

    def _evidence(self, fact: Fact, contribution: Contribution, *, denies: bool = False) -> Evidence:
        feature, activation, logit, fires = contribution
        images = self.tables.examples.find(feature, self.tables.index(fact), self.settings.images, denies=denies)
        return Evidence(feature, activation, tuple(images), logit, fires)

    def _divided(self, kept: list[Candidate], fires: Fired) -> list[str]:
        warnings = []
        for candidate in kept:
            camps = divided(candidate, fires, self.tables, self.settings.conflicts)
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


def _given(found: Sequence[tuple[int, float]], curated: Mapping[int, CuratedFeature], code: Code | None) -> Given:
    active, fires = _pairs(found), _pairs(code or ())
    told = {f for f, _ in active} | {f for f, word in curated.items() if word.status == REJECTED}
    words = ((f, (word.text, word.status)) for f, word in sorted(curated.items()) if f in told)
    return Given(active, tuple((int(f), word) for f, word in words), None if code is None else fires)


def _pairs(code: Code) -> tuple[tuple[int, float], ...]:
    return tuple((int(feature), float(value)) for feature, value in code)


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
