"""What descriptions do to reports: how often a feature stands behind a sentence, and what an edit would change."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from saerad_core.errors import SaeRadError, WorkspaceError
from saerad_core.reports.report import Report
from saerad_core.store.activations import ActivationStore
from saerad_core.store.curation import CurationStore, FeatureState, Status
from saerad_core.workspace import Workspace

if TYPE_CHECKING:
    from saerad_core.sae.codes import SparseCodes
    from saerad_core.stages.describe import Composer

SAMPLE = 300
"""X-rays that reports are written of to see which features they rest on: a share of a tenth is known to within .03."""
SEED = 0


@dataclass(frozen=True, eq=False)
class ReportUse:
    """Which features the reports of a sample of X-rays name as evidence. Under the curation of when it was counted.

    Equal to itself alone: one that is counted again is another.
    """

    rows: tuple[int, ...]
    """The sample: X-rays of the validation and test splits."""
    cited: dict[int, tuple[int, ...]]
    """Feature -> rows of the sample's X-rays whose report rests on it."""

    def share(self, feature_id: int) -> float:
        """Share of the sample's reports that rest on a feature."""
        return len(self.cited.get(feature_id, ())) / max(1, len(self.rows))

    def shares(self) -> dict[int, float]:
        """The same for every feature that some report rests on."""
        return {feature_id: self.share(feature_id) for feature_id in self.cited}


class Reach(NamedTuple):
    """How far a feature's text goes, in the sample of `ReportUse`."""

    images: int
    """X-rays whose report rests on the feature."""
    patients: int
    """Of these X-rays."""
    of_images: int
    """X-rays of the sample."""
    of_patients: int


@dataclass(frozen=True)
class CaseChange:
    """One X-ray's report before and after an edit."""

    image_id: str
    before: tuple[str, ...]
    """Sentences of the findings, then the impression, then warnings."""
    after: tuple[str, ...]
    cited_before: bool
    """Whether the report rests on the feature now: then its text stands beside a sentence."""
    cited_after: bool
    told_before: str = ""
    """The feature's text beside the report, as evidence or among the active features; "" where it isn't there or has none."""
    told_after: str = ""

    @property
    def changes(self) -> bool:
        """Whether a sentence or a warning differs, or only what it rests on or is told of the feature."""
        before = (self.before, self.cited_before, self.told_before)
        return before != (self.after, self.cited_after, self.told_after)


class Impact:
    """Writes reports of the workspace's own X-rays again, with and without an edit; safe to share between threads."""

    def __init__(self, workspace: Workspace, store: ActivationStore, curation: CurationStore) -> None:
        self._workspace = workspace
        self._store = store
        self._curation = curation
        self._lock = threading.Lock()
        self._starting = threading.Lock()
        self._use: ReportUse | None = None
        self._counting = False

    @property
    def use(self) -> ReportUse | None:
        """What was counted; None until `count` has run."""
        return self._use

    def count(self) -> ReportUse:
        """Write the reports of the sample and keep which features they rest on: a second or more, once.

        Raises:
            WorkspaceError: the workspace has no evidence to write reports from.
        """
        with self._lock:
            if self._use is None:
                rows = self._sample()
                cited: dict[int, list[int]] = {}
                curated = self._curation.all_current()
                for row in rows:
                    if not threading.main_thread().is_alive():
                        raise WorkspaceError("The program is ending.")
                    for feature_id in _cited(self._report(row, curated)):
                        cited.setdefault(feature_id, []).append(row)
                self._use = ReportUse(tuple(rows), {i: tuple(found) for i, found in sorted(cited.items())})
            return self._use

    def reach(self, feature_id: int) -> Reach | None:
        """In how many reports of the sample, and of how many patients, the feature has a say; None until `count` has run."""
        use = self._use
        if use is None:
            return None
        codes = self._store.roster.patient.codes
        rows, sample = np.array(use.cited.get(feature_id, ()), dtype=np.int64), np.array(use.rows, dtype=np.int64)
        return Reach(len(rows), len(np.unique(codes[rows])), len(sample), len(np.unique(codes[sample])))

    def cases(self, feature_id: int, count: int) -> list[str]:
        """Names of X-rays of the sample whose reports rest on a feature, one a patient; none until `count` has run."""
        rows = np.array(self._use.cited.get(feature_id, ()) if self._use else (), dtype=np.int64)
        first = rows[self._store.roster.first_of_patients(rows)][:count] if len(rows) else rows
        return [self._store.roster.image_id[int(row)].as_py() for row in first]

    def count_beside(self) -> None:
        """Count in a thread of its own, so that nobody waits; a workspace without evidence stays uncounted."""
        with self._starting:
            if self._use is not None or self._counting:
                return
            self._counting = True
        # No daemon: one that is inside DuckDB or torch when the program ends takes the whole process down.
        threading.Thread(target=self._quietly, name="report use").start()

    def _quietly(self) -> None:
        try:
            self.count()
        except SaeRadError:
            return

    def of(self, feature_id: int, text: str | None, status: Status, image_ids: Sequence[str]) -> list[CaseChange]:
        """What saving ``text`` (None: the one that counts stays) with ``status`` would change in the reports of some X-rays.

        Args:
            feature_id: which feature.
            text: of the description; "" for the program's.
            status: after the edit; a rejected feature is no evidence.
            image_ids: the pinned cases; those that aren't here are passed over.
        """
        now = self._curation.all_current()
        state = self._curation.state(feature_id)
        then = now | {feature_id: replace(state, text=state.text if text is None else text, status=status)}
        program = self._composer.descriptions.get(feature_id, "")
        texts = (state.text or program, then[feature_id].text or program)
        places = [self._store.roster.row_of(one) for one in image_ids]
        changes = []
        for image_id, row in zip(image_ids, places, strict=True):
            if row is None:
                continue
            before, after = self._report(row, now), self._report(row, then)
            changes.append(
                CaseChange(
                    image_id, _sentences(before), _sentences(after), feature_id in _cited(before), feature_id in _cited(after),
                    *(text if shown else "" for text, shown in zip(texts, _beside(before, after, feature_id), strict=True)),
                )
            )  # fmt: skip
        return changes

    # -- within

    @cached_property
    def _composer(self) -> Composer:
        from saerad_core.stages.describe import Composer  # torch: 2 s that only reports need

        return Composer.open(self._workspace)

    def _report(self, row: int, curated: dict[int, FeatureState]) -> Report:
        found = [(int(one[0]), float(one[1])) for one in self._store.features_of_row(row)]
        features, codes = self._codes.row(row)
        return self._composer.compose(found, curated, list(zip(features.tolist(), codes.tolist(), strict=True)))

    @cached_property
    def _codes(self) -> SparseCodes:
        from saerad_core.sae.codes import open_codes  # numba

        return open_codes(self._workspace.codes)

    def _sample(self) -> list[int]:
        unseen = np.flatnonzero(~self._store.roster.train)
        if len(unseen) > SAMPLE:
            unseen = np.sort(np.random.default_rng(SEED).choice(unseen, SAMPLE, replace=False))
        return [int(row) for row in unseen]


def _cited(report: Report) -> set[int]:
    return {one.feature_id for sentence in (*report.findings, *report.impression) for one in sentence.evidence}


def _beside(before: Report, after: Report, feature_id: int) -> list[bool]:
    """Whether the feature's text stands beside each report: among its active features, or as evidence."""
    reports = (before, after)
    return [
        i in _cited(one) or any(i == line.feature_id for line in one.features) for one in reports for i in [feature_id]
    ]


def _sentences(report: Report) -> tuple[str, ...]:
    return (*(one.text for one in (*report.findings, *report.impression)), *report.warnings)
