"""What the reader of a workspace gives to pages: plain values, no frames and no SQL."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from saerad_core.explorer.scores import TextScore
from saerad_core.vocabulary import Statement

STATUSES = ("undescribed", "suggested", "edited", "accepted", "rejected", "unsure")
"""undescribed: no text. suggested: the program's text, unseen by a reader. The rest: a reader's last word."""


@dataclass(frozen=True)
class FeatureRow:
    """A feature as lists show it. Counts are over the training split."""

    feature_id: int
    text: str
    """A reader's text if there is one, else the program's; "" where there is neither."""
    machine_text: str
    finding: str
    """Key of saerad_core.vocabulary.TERMS, or ""."""
    side: str
    """Patient's side."""
    place: str
    severity: str
    certainty: str
    status: str
    """One of STATUSES."""
    n_images: int
    """Training X-rays in which the feature is active."""
    n_patients: int
    frequency: float
    """Share of training X-rays."""
    max: float
    mean: float
    threshold: float
    best_label: str
    """Label that the activation tells best, "" where there are no labels."""
    best_auroc: float | None
    best_lo: float | None
    best_hi: float | None
    z: float | None
    """Contrast statistic of the description: patients who show the feature against matched ones who don't."""
    n_firing: int = 0
    """Patients compared who show the feature."""
    n_with: int = 0
    """... of them, those whose report states the description."""
    n_control: int = 0
    """Matched patients who don't show it."""
    n_control_with: int = 0
    terms: tuple[str, ...] = ()
    """Phrases said more often of X-rays that show the feature."""
    image_ids: tuple[str, ...] = ()
    """X-rays whose reports support the description."""
    score: TextScore | None = None
    """Of the text on patients that it wasn't made from; None where there is no text, or no scores in the workspace."""
    flags: tuple[str, ...] = ()
    """Keys of FLAGS."""

    @property
    def holds(self) -> str:
        """Key of HOLDS: holds, weak, or "" where nothing can be said."""
        if self.score is None or not self.score.told:
            return ""
        return "holds" if self.score.holds else "weak"

    @property
    def described(self) -> bool:
        return bool(self.text)

    @property
    def alive(self) -> bool:
        return self.n_images > 0


@dataclass(frozen=True)
class FeatureQuery:
    """Which features to list, in which order."""

    text: str = ""
    """Words that must all occur in the description, finding, side, place, label or phrases; or a feature's number."""
    meaning: bool = False
    """Whether ``text`` is a question whose nearest descriptions are wanted, where a sentence model is set up."""
    finding: str = ""
    side: str = ""
    status: str = ""
    lowest: float = 0.0
    """Smallest frequency."""
    highest: float = 1.0
    alive: bool = True
    """Whether to leave out features that never fire on the training split."""
    described: bool | None = None
    holds: str = ""
    """holds or weak: how the text does on validation patients."""
    flag: str = ""
    """Key of FLAGS; "none": without any."""
    sort: str = "strength"
    """Key of SORTS."""
    ids: tuple[int, ...] | None = None
    """Only these."""


HOLDS = {"holds": "holds on unseen patients", "weak": "weak or untested"}
"""Whether a text's AUROC on validation patients stays above .6 with its whole interval; what doesn't speaks in no report."""
FLAGS = {
    "patient": "one patient's quirk",
    "view": "follows the view",
    "device": "follows a device",
    "duplicate": "duplicate of a neighbour",
}
SORTS = {
    "strength": "best supported",
    "score": "best on unseen patients",
    "auroc": "best label AUROC",
    "frequent": "most frequent",
    "rare": "rarest",
    "id": "number",
}


@dataclass(frozen=True)
class Listing:
    """One page of a list."""

    rows: list[FeatureRow]
    total: int
    """Features that fit the query, over all pages."""
    ms: float


@dataclass(frozen=True)
class ImageRow:
    """One X-ray of the workspace."""

    row: int
    image_id: str
    patient_id: str
    study_id: str
    split: str
    view: str
    sex: str
    age: float | None
    labels: tuple[str, ...]
    indication: str
    findings: str
    impression: str
    facts: tuple[Statement, ...] | None = None
    """What is truly there; known of simulated X-rays only."""
    activation: float | None = None
    """Of the feature that was asked for."""

    @property
    def report(self) -> str:
        """Findings and impression as one text."""
        return " ".join(part.strip() for part in (self.findings, self.impression) if part.strip())


@dataclass(frozen=True)
class Neighbour:
    """A feature related to another."""

    feature_id: int
    text: str
    value: float
    """Cosine of the decoder directions, or normalised pointwise mutual information."""
    n: int = 0
    """X-rays in which both are active; 0 for decoder neighbours."""


@dataclass(frozen=True)
class ActiveFeature:
    """A feature that is active on one X-ray."""

    row: FeatureRow
    activation: float
    """Of the X-ray."""

    @property
    def strength(self) -> float:
        """The activation as a share of the feature's strongest on a training X-ray; may pass 1 on other X-rays."""
        return self.activation / self.row.max if self.row.max else 0.0


@dataclass(frozen=True)
class Bin:
    """One bar of a feature's histogram."""

    lo: float
    hi: float
    n: int


@dataclass(frozen=True)
class LabelScore:
    """How well a feature's code, before the active rule, tells one label, over training X-rays."""

    label: str
    auroc: float
    n_patients: int
    """With the label."""
    lo: float = 0.0
    """95% interval (Hanley and McNeil) over patients."""
    hi: float = 1.0


@dataclass(frozen=True)
class FeatureDetail:
    """Everything of one feature's page but its X-rays."""

    row: FeatureRow
    histogram: list[Bin] = field(default_factory=list)
    similar: list[Neighbour] = field(default_factory=list)
    together: list[Neighbour] = field(default_factory=list)
    labels: list[LabelScore] = field(default_factory=list)
    ms: float = 0.0
    n: int = 0
    """Rows of the store that were read."""


class AtlasPoints(NamedTuple):
    """Where features lie on the map; all in the same order."""

    ids: np.ndarray
    """int32."""
    x: np.ndarray
    """float32."""
    y: np.ndarray
    finding: np.ndarray
    text: np.ndarray


@dataclass(frozen=True)
class Edit:
    """One act of a reader on one feature."""

    revision: int
    """Counts the acts on this feature from 1."""
    status: str
    text: str
    """The text that counts after this act; "" where the program's does."""
    author: str
    when: str
    """Date and time, UTC, to the minute."""
