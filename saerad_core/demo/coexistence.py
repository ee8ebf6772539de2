"""Which simulated findings can't be in one chest together, or couldn't be told apart there."""

from __future__ import annotations

from collections.abc import Sequence

from saerad_core.demo.study import SimulatedFinding

_ONE_ONLY = frozenset(
    {"raised_hemidiaphragm", "scoliosis", "pacemaker", "central_line", "mass", "nodule", "lobar_collapse"}
)
"""At most one of each: both hemidiaphragms raised is a poor breath, two nodules are multiple nodules."""

_BELOW_FLUID = frozenset({"consolidation", "nodule", "mass", "linear_atelectasis", "calcified_granuloma"})
"""Hidden by a larger effusion where they lie in the lower zone."""

_SPOTS = frozenset({"nodule", "mass", "consolidation", "calcified_granuloma"})
"""Round or patchy densities: at most one kind in one zone of one lung."""

_UNSIDED_RIVALS = (
    frozenset({"nodule", "multiple_nodules"}),
    frozenset({"mass", "multiple_nodules"}),
    frozenset({"calcified_granuloma", "multiple_nodules"}),
    frozenset({"hyperinflation", "raised_hemidiaphragm"}),
    frozenset({"hyperinflation", "interstitial_oedema"}),
)

_SAME_SIDE_RIVALS = (
    frozenset({"pleural_effusion", "pleural_thickening"}),
    frozenset({"apical_scarring", "pneumothorax"}),
    frozenset({"pacemaker", "central_line"}),
)


def fits(finding: SimulatedFinding, others: Sequence[SimulatedFinding], view: str) -> bool:
    """Whether a finding can join the others on one radiograph.

    Args:
        finding: the candidate.
        others: what is already there.
        view: PA or AP.
    """
    if finding.finding == "endotracheal_tube" and view == "PA":
        return False
    return not any(_clash(finding, other) or _clash(other, finding) for other in others)


def _clash(a: SimulatedFinding, b: SimulatedFinding) -> bool:
    kinds = frozenset({a.finding, b.finding})
    if a.finding == b.finding:
        return a.finding in _ONE_ONLY or a.fact == b.fact or _both_lungs_down(a, b)
    if kinds in _UNSIDED_RIVALS:
        return True
    if a.side != b.side or not a.side:
        # An upper lobe collapse shifts and widens the mediastinum by itself.
        return a.finding == "widened_mediastinum" and b.finding == "lobar_collapse" and b.place == "upper lobe"
    if kinds in _SAME_SIDE_RIVALS:
        return True
    if a.finding == "pleural_effusion" and a.severity != "small":
        hidden = b.finding in _BELOW_FLUID and b.place == "lower zone"
        return hidden or b.finding == "raised_hemidiaphragm" or _deflates(b) or b.place == "lower lobe"
    if a.finding == "pneumothorax" and a.severity != "small":
        return b.finding in ("lobar_collapse", "consolidation", "linear_atelectasis")
    if a.finding == "lobar_collapse":
        zones = ("upper zone", "mid zone") if a.place == "upper lobe" else ("mid zone", "lower zone")
        # A collapsed lobe hides what is in it, and pulls the apex or the diaphragm with it.
        pulled = "apical_scarring" if a.place == "upper lobe" else "raised_hemidiaphragm"
        return (b.place in zones and b.finding != "rib_fracture") or b.finding == pulled
    if a.finding == "hilar_enlargement":
        return b.finding in ("mass", "nodule") and b.place == "mid zone"
    if a.finding == "apical_scarring":
        return b.finding in _SPOTS and b.finding != "calcified_granuloma" and b.place == "upper zone"
    return kinds <= _SPOTS and a.place == b.place


def _deflates(finding: SimulatedFinding) -> bool:
    return finding.finding == "pneumothorax" and finding.severity == "large"


def _both_lungs_down(a: SimulatedFinding, b: SimulatedFinding) -> bool:
    return a.finding == "pneumothorax" and "small" not in (a.severity, b.severity)
