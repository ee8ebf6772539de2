"""Ways of reporting that are scored side by side. One more is a file here and a line in SYSTEMS."""

from saerad_core.evaluation.systems import constant, features, ours, probes, retrieval
from saerad_core.evaluation.systems.base import Bench, System

OURS = "ours"
"""Key of this program's reports, which all others are compared with."""
SYSTEMS: dict[str, System] = {
    OURS: ours.OURS,
    "oracle": ours.ORACLE,
    "probe_template": probes.PROBES,
    "pca": features.PCA,
    "boosted": retrieval.BOOSTED,
    "nearest": retrieval.NEAREST,
    "descriptions": features.DESCRIPTIONS,
    "shuffled": features.SHUFFLED,
    "all_normal": constant.NORMAL,
    "all_positive": constant.POSITIVE,
}
"""Key in evaluation.json -> way of reporting."""
__all__ = ["OURS", "SYSTEMS", "Bench", "System"]
