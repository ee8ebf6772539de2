"""Where in the chest a feature looks, and whether its heatmaps may be drawn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from saerad_core.heatmap.file import FEWEST, FeatureMaps, Judged
from saerad_core.heatmap.mean import Spread, spread_of


@dataclass(frozen=True)
class HeatTruth:
    """What is known of a feature's heatmaps."""

    state: str
    """better: than the prior. no better. few: too few patients with a place. unknown: nobody drew where anything is. unmeasured: never tested."""
    kind: str = ""
    """What they were tested by: masks, boxes."""
    judged: Judged | None = None
    fewest: int = FEWEST

    @property
    def drawn(self) -> bool:
        """Whether heatmaps are shown: not where they are known to be no better than a guess that never saw the X-ray."""
        return self.state != "no better"


@dataclass(frozen=True)
class Where:
    """A feature's mean map."""

    mean: np.ndarray
    """float32 [grid, grid]; left is the patient's right."""
    patients: int
    """Behind the mean, one X-ray each."""
    spread: Spread


def truth_of(maps: FeatureMaps | None, feature_id: int) -> HeatTruth:
    """What the workspace's file says of a feature's heatmaps; None for a workspace without one."""
    if maps is None:
        return HeatTruth("unmeasured")
    if not maps.kind:
        return HeatTruth("unknown")
    judged = maps.judged(feature_id)
    if judged is None:
        return HeatTruth("few", maps.kind)
    return HeatTruth("better" if judged.score.beats_prior else "no better", maps.kind, judged)


def where_of(maps: FeatureMaps | None, feature_id: int) -> Where | None:
    """A feature's mean map; None where there is none."""
    mean = maps.mean(feature_id) if maps is not None else None
    if mean is None or not mean.values.any():
        return None
    return Where(mean.values, mean.patients, spread_of(mean.values))
