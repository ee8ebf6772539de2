"""How much of an X-ray a report can speak of: the share of its activation that described, trusted features carry.

What undescribed features carry is seen by the model and unsaid by the report. Trusted are
descriptions that hold on patients they weren't made from and that no reader rejected. Under a threshold the report abstains; the
threshold is chosen on validation patients (`choose`) and kept in the workspace.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

LEAST = 0.02
"""Least threshold where too few validation X-rays lie under it to tell how good reports are without described features."""
FEWEST = 10
"""Validation X-rays under a threshold from which their reports' F1 means something."""
USEFUL = 0.5
"""Share of all validation reports' F1 under which those of little coverage are of no use."""
UNSEEN = 1.0
"""Percentile of validation X-rays' coverage below which nobody has seen how good reports are."""


@dataclass(frozen=True)
class CoverageRule:
    """When a report abstains."""

    threshold: float = LEAST
    """Share of an X-ray's activation, 0 to 1; under it there is no report."""
    images: int = 0
    """Validation X-rays that it was chosen on."""
    f1_below: float | None = None
    """F1 of the facts of their reports under the threshold; None where it is set by what no validation X-ray showed."""


@dataclass(frozen=True)
class Coverage:
    """Of one X-ray."""

    share: float
    """Of the summed activation of active features, 0 to 1; 0 where none is active."""
    threshold: float
    described: int
    """Active features with a description that counts."""
    active: int
    unseen: bool = False
    """Whether the dictionary explains the X-ray worse than every validation X-ray of the workspace."""

    @property
    def abstains(self) -> bool:
        """Whether too little is explained for a report."""
        return self.unseen or self.share < self.threshold

    @property
    def sentence(self) -> str:
        """For the page and for files."""
        rule = (
            f"under {self.threshold:{'.0%' if self.threshold >= 0.01 else '.1%'}} there is no report"
            if self.threshold > 0
            else "reports of validation patients with next to none were still of use, so that it keeps none back"
        )
        if self.unseen:
            rule = "there is no report, as the X-ray is explained worse than any that reports were tried on"
        return (
            f"Features whose description counts carry {self.share:.0%} of this X-ray's activation ({self.described} of {self.active} "
            f"active features); {rule}."
        )

    @property
    def reason(self) -> str:
        """Why the report abstains; "" where it doesn't."""
        if not self.abstains:
            return ""
        if self.unseen:
            return (
                "There is no report: the features explain this X-ray worse than every validation X-ray of the workspace, so nothing is known of "
                "how often a report of its like is right."
            )
        if not self.active:
            return "There is no report: no feature is active on this X-ray."
        if not self.described:
            return (
                f"There is no report: none of the {self.active} features that are active on this X-ray has a description that counts. "
                "Describe features on the curation page first."
            )
        return (
            f"There is no report: described features carry {self.share:.1%} of this X-ray's activation, and under "
            f"{self.threshold:.1%} reports of the workspace's validation patients couldn't be relied on."
        )

    def as_json(self) -> dict[str, Any]:
        told = {name: round(value, 4) for name, value in asdict(self).items() if name != "unseen"}
        return told | ({"unseen": True} if self.unseen else {}) | {"abstains": self.abstains}


def measure(found: Sequence[tuple[int, float]], trusted: Collection[int], rule: CoverageRule | None) -> Coverage:
    """Coverage of an X-ray.

    Args:
        found: (feature_id, activation) of its active features.
        trusted: features whose description counts.
        rule: None where there is none; then nothing abstains.
    """
    total = sum(value for _, value in found)
    told = [value for feature, value in found if feature in trusted]
    threshold = rule.threshold if rule else 0.0
    if rule and not found:
        # However good reports of little coverage are, of an X-ray on which nothing is active there is nothing to say.
        threshold = max(threshold, LEAST)
    return Coverage(sum(told) / total if total > 0 else 0.0, threshold, len(told), len(found))


def choose(shares: np.ndarray, hits: np.ndarray, stated: np.ndarray, truths: np.ndarray) -> CoverageRule:
    """The threshold, from validation X-rays.

    It is the highest coverage up to which their reports' facts have less than half the F1 of all of them; where there is none, the
    lowest coverage that they show: below it nothing is known. That is at least LEAST, unless FEWEST of them or more lie under LEAST: then
    their reports were seen to be of use.

    Args:
        shares: float [V], coverage of each.
        hits: int [V], facts that its report states rightly.
        stated: int [V], facts that its report states.
        truths: int [V], facts that it has.
    """
    order = np.argsort(shares, kind="stable")
    rising = np.asarray(shares)[order]
    right, said, true = (np.cumsum(np.asarray(a)[order]) for a in (hits, stated, truths))
    f1 = 2 * right / np.maximum(said + true, 1)
    # A threshold can't part X-rays of one coverage, such as all those on which no described feature is active.
    parts = np.append(rising[1:] > rising[:-1], False)[: len(f1)]
    worse = np.flatnonzero(parts & (f1 < USEFUL * f1[-1:]) & (np.arange(1, len(f1) + 1) >= FEWEST))
    if len(worse):
        cut = int(worse[-1])
        return CoverageRule(float(rising[cut + 1]), len(shares), float(f1[cut]))
    lowest = float(np.percentile(shares, UNSEEN)) if len(shares) else 0.0
    seen = int((rising < LEAST).sum()) >= FEWEST
    return CoverageRule(lowest if seen else max(LEAST, lowest), len(shares))
