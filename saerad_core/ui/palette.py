"""Colours of findings: eight families that colour-blind readers can tell apart (Okabe and Ito 2008), grey for none."""

from __future__ import annotations

GREY = "#7d858f"

FAMILIES: dict[str, tuple[str, tuple[str, ...]]] = {
    "pleura": ("#56B4E9", ("pleural_effusion", "pneumothorax", "pleural_thickening")),
    "airspace": (
        "#E69F00",
        ("consolidation", "opacity", "pneumonia", "lobar_collapse", "linear_atelectasis", "atelectasis"),
    ),
    "heart and vessels": ("#D55E00", ("cardiomegaly", "interstitial_oedema", "congestion")),
    "nodules and masses": ("#CC79A7", ("nodule", "mass", "multiple_nodules", "calcified_granuloma")),
    "chronic lung": ("#009E73", ("hyperinflation", "emphysema", "fibrosis", "apical_scarring")),
    "mediastinum and diaphragm": (
        "#F0E442",
        ("hilar_enlargement", "widened_mediastinum", "raised_hemidiaphragm", "hiatus_hernia"),
    ),
    "bone": ("#B79F8A", ("rib_fracture", "scoliosis")),
    "devices": ("#0072B2", ("pacemaker", "central_line", "endotracheal_tube", "nasogastric_tube", "sternal_wires")),
}
"""Family -> colour and the keys of its findings."""
UNDESCRIBED = "no finding"

_FAMILY = {finding: family for family, (_, findings) in FAMILIES.items() for finding in findings}


def family_of(finding: str) -> str:
    """The family of a finding's key; "no finding" for features that none was found for."""
    return _FAMILY.get(finding, UNDESCRIBED)


def colour_of(finding: str) -> str:
    family = _FAMILY.get(finding)
    return FAMILIES[family][0] if family else GREY
