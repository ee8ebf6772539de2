"""The words of the field that the whole program shares: findings, sides, places, severities.

A *fact* is what a report can be right or wrong about: a finding with its side and place. A *statement* is a fact
as a report puts it: present or absent, how sure, how severe. Laterality is always the patient's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

SIDES = ("right", "left")
ZONES = ("upper zone", "mid zone", "lower zone")


class Fact(NamedTuple):
    """A finding with its side and place; "" where the finding has none or it isn't known."""

    finding: str
    side: str = ""
    place: str = ""


class Statement(NamedTuple):
    """A fact as a report states it. A bilateral finding is two statements, one a side."""

    finding: str
    side: str = ""
    place: str = ""
    severity: str = ""
    present: bool = True
    certainty: str = "certain"
    """certain, likely or possible."""

    @property
    def fact(self) -> Fact:
        return Fact(self.finding, self.side, self.place)


@dataclass(frozen=True)
class Term:
    """One finding of the vocabulary."""

    key: str
    """Identifier, e.g. pleural_effusion."""
    name: str
    """As it reads within a sentence, e.g. pleural effusion."""
    sided: bool = False
    """Whether a report names the patient's side."""
    places: tuple[str, ...] = ()
    """Places that a report names; empty where it names none."""
    severities: tuple[str, ...] = ()
    """Severity or size words, mildest first."""
    device: bool = False
    """A line, tube or implant rather than a disease."""


_SIZE = ("small", "moderate", "large")
_GRADE = ("mild", "moderate", "severe")

TERMS: dict[str, Term] = {
    term.key: term
    for term in (
        Term("cardiomegaly", "cardiomegaly", severities=_GRADE),
        Term("pleural_effusion", "pleural effusion", sided=True, severities=_SIZE),
        Term("pneumothorax", "pneumothorax", sided=True, severities=_SIZE),
        Term("consolidation", "consolidation", sided=True, places=ZONES),
        Term("lobar_collapse", "lobar collapse", sided=True, places=("upper lobe", "lower lobe")),
        Term("linear_atelectasis", "linear atelectasis", sided=True, places=("mid zone", "lower zone")),
        Term("interstitial_oedema", "interstitial oedema", severities=_GRADE),
        Term("nodule", "nodule", sided=True, places=ZONES),
        Term("mass", "mass", sided=True, places=ZONES),
        Term("multiple_nodules", "multiple nodules"),
        Term("hyperinflation", "hyperinflation"),
        Term("hilar_enlargement", "hilar enlargement", sided=True),
        Term("widened_mediastinum", "widened mediastinum"),
        Term("raised_hemidiaphragm", "raised hemidiaphragm", sided=True),
        Term("hiatus_hernia", "hiatus hernia", severities=("small", "large")),
        Term("calcified_granuloma", "calcified granuloma", sided=True, places=ZONES),
        Term("pleural_thickening", "pleural thickening", sided=True),
        Term("rib_fracture", "rib fracture", sided=True, places=ZONES),
        Term("scoliosis", "scoliosis", sided=True, severities=_GRADE),
        Term("apical_scarring", "apical scarring", sided=True),
        Term("pacemaker", "pacemaker", sided=True, device=True),
        Term("central_line", "central line", sided=True, device=True),
        Term("endotracheal_tube", "endotracheal tube", device=True),
        Term("nasogastric_tube", "nasogastric tube", device=True),
        Term("sternal_wires", "sternal wires", device=True),
        # Said in real reports only; the simulator doesn't draw them.
        Term("atelectasis", "atelectasis", sided=True, places=ZONES),
        Term("opacity", "opacity", sided=True, places=ZONES),
        Term("pneumonia", "pneumonia", sided=True, places=ZONES),
        Term("emphysema", "emphysema"),
        Term("fibrosis", "fibrosis"),
        Term("congestion", "pulmonary vascular congestion"),
    )
}

SIMULATED: tuple[str, ...] = tuple(TERMS)[:25]
"""Keys of the findings that the simulator draws."""


def concept_of(fact: Fact) -> str:
    """Name of the evaluation concept that a fact belongs to, e.g. pleural_effusion_right.

    Effusion and pneumothorax count by side, consolidation by zone, the rest as a whole.
    """
    if fact.finding in ("pleural_effusion", "pneumothorax") and fact.side:
        return f"{fact.finding}_{fact.side}"
    if fact.finding == "consolidation" and fact.place:
        return f"consolidation_{fact.place.split()[0]}"
    return fact.finding


CONCEPTS: tuple[str, ...] = tuple(
    dict.fromkeys(
        concept_of(Fact(key, side, place))
        for key in SIMULATED
        for side in (SIDES if TERMS[key].sided else ("",))
        for place in (TERMS[key].places or ("",))
    )
)
"""The simulated concepts that probes and single features are scored on, in vocabulary order."""
