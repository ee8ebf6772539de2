"""How simulated reports name each finding: noun phrases with side, place and severity, in several wordings."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import NamedTuple

from saerad_core.demo.study import SimulatedFinding
from saerad_core.vocabulary import TERMS


class Phrase(NamedTuple):
    """A finding in words."""

    text: str
    """Without article, full stop or capital."""
    kind: str
    """one (takes a), some (takes no article), many (plural), or clause (has its own verb)."""


SEVERITY_WORDS: dict[str, tuple[str, ...]] = {
    "small": ("small", "small", "small-volume"),
    "moderate": ("moderate",),
    "large": ("large", "large"),
    "mild": ("mild", "mild", "slight"),
    "severe": ("severe", "marked"),
}
_ADVERBS = {"mild": ("mildly", "slightly"), "moderate": ("moderately",), "severe": ("severely", "markedly"), "": ("",)}
_BULKY = frozenset({"pleural_effusion"})
"""Findings that have a volume."""

_LOC = {
    "upper zone": ("{side} upper zone", "{side} upper lung zone", "{side} upper lung"),
    "mid zone": ("{side} mid zone", "{side} mid lung zone", "{side} mid lung"),
    "lower zone": ("{side} lower zone", "{side} lower lung zone", "{side} lung base", "{side} base"),
}
_ADJ = {
    "upper zone": ("{side} upper zone",),
    "mid zone": ("{side} mid zone", "{side} midzone"),
    "lower zone": ("{side} lower zone", "{side} basal", "{side} basilar"),
}

ONE: dict[str, tuple[tuple[str, str], ...]] = {
    "cardiomegaly": (
        ("some", "{sev}cardiomegaly"),
        ("some", "{sev}enlargement of the cardiac silhouette"),
        ("some", "{sev}cardiac enlargement"),
        ("clause", "the heart is {adv}enlarged"),
        ("clause", "heart size is {adv}increased"),
        ("clause", "the cardiothoracic ratio is {adv}increased"),
    ),
    "pleural_effusion": (
        ("one", "{sev}{side} pleural effusion"),
        ("one", "{sev}{side}-sided pleural effusion"),
        ("one", "{sev}{side} effusion"),
        ("one", "{sev}pleural effusion on the {side}"),
    ),
    "pneumothorax": (
        ("one", "{sev}{side} pneumothorax"),
        ("one", "{sev}{side}-sided pneumothorax"),
        ("one", "{sev}pneumothorax on the {side}"),
    ),
    "consolidation": (
        ("some", "consolidation in the {loc}"),
        ("some", "{adj} consolidation"),
        ("some", "airspace opacity in the {loc}"),
        ("some", "{adj} airspace opacification"),
        ("some", "airspace shadowing in the {loc}"),
        ("some", "patchy consolidation in the {loc}"),
    ),
    "lobar_collapse": (
        ("some", "collapse of the {side} {place}"),
        ("some", "{side} {place} collapse"),
        ("some", "volume loss with collapse of the {side} {place}"),
        ("some", "complete atelectasis of the {side} {place}"),
    ),
    "linear_atelectasis": (
        ("some", "linear atelectasis in the {loc}"),
        ("some", "{adj} linear atelectasis"),
        ("some", "plate-like atelectasis in the {loc}"),
        ("some", "{adj} subsegmental atelectasis"),
        ("one", "band of atelectasis in the {loc}"),
    ),
    "interstitial_oedema": (
        ("some", "{sev}interstitial oedema"),
        ("some", "{sev}interstitial pulmonary oedema"),
        ("some", "{sev}pulmonary oedema with septal lines"),
    ),
    "nodule": (
        ("one", "nodule in the {loc}"),
        ("one", "{adj} nodule"),
        ("one", "solitary pulmonary nodule in the {loc}"),
        ("one", "nodular opacity in the {loc}"),
    ),
    "mass": (("one", "mass in the {loc}"), ("one", "{adj} mass"), ("one", "rounded mass lesion in the {loc}")),
    "multiple_nodules": (
        ("many", "multiple pulmonary nodules"),
        ("many", "multiple nodules in both lungs"),
        ("many", "numerous bilateral nodules"),
        ("many", "scattered nodules throughout both lungs"),
    ),
    "hyperinflation": (
        ("some", "hyperinflation"),
        ("some", "hyperinflation of both lungs"),
        ("some", "hyperinflation with flattened hemidiaphragms"),
        ("clause", "the lungs are hyperinflated"),
        ("clause", "the lungs are hyperexpanded"),
    ),
    "hilar_enlargement": (
        ("some", "{side} hilar enlargement"),
        ("some", "enlargement of the {side} hilum"),
        ("some", "{side} hilar prominence"),
        ("clause", "the {side} hilum is enlarged"),
    ),
    "widened_mediastinum": (
        ("one", "widened mediastinum"),
        ("some", "mediastinal widening"),
        ("some", "widening of the superior mediastinum"),
        ("clause", "the mediastinum is widened"),
    ),
    "raised_hemidiaphragm": (
        ("one", "raised {side} hemidiaphragm"),
        ("some", "elevation of the {side} hemidiaphragm"),
        ("one", "elevated {side} hemidiaphragm"),
        ("clause", "the {side} hemidiaphragm is raised"),
    ),
    "hiatus_hernia": (
        ("one", "{sev}hiatus hernia"),
        ("one", "{sev}hiatal hernia"),
        ("one", "retrocardiac air-fluid level due to a {sev}hiatus hernia"),
    ),
    "calcified_granuloma": (
        ("one", "calcified granuloma in the {loc}"),
        ("one", "{adj} calcified granuloma"),
        ("one", "calcified nodule in the {loc}"),
    ),
    "pleural_thickening": (
        ("some", "{side} pleural thickening"),
        ("some", "thickening of the {side} pleura"),
        ("some", "pleural thickening on the {side}"),
    ),
    "rib_fracture": (
        ("one", "{side} {rib} rib fracture"),
        ("one", "fracture of a {side} {rib} rib"),
        ("one", "fractured {side} {rib} rib"),
        ("one", "rib fracture in the {side} {place}"),
    ),
    "scoliosis": (
        ("one", "{sev}scoliosis convex to the {side}"),
        ("one", "{sev}{side}-convex scoliosis"),
        ("one", "{sev}{latin}scoliosis"),
        ("one", "{sev}scoliosis of the thoracic spine, convex to the {side}"),
    ),
    "apical_scarring": (
        ("some", "{side} apical scarring"),
        ("some", "scarring at the {side} apex"),
        ("some", "{side} apical pleuroparenchymal scarring"),
    ),
    "pacemaker": (
        ("one", "{side}-sided pacemaker"),
        ("one", "{side} pectoral pacemaker with leads in place"),
        ("one", "{side} chest wall pacing device"),
        ("one", "pacemaker on the {side}"),
    ),
    "central_line": (
        ("one", "{side} internal jugular central line"),
        ("one", "{side} central venous catheter"),
        ("one", "{side} internal jugular venous catheter with its tip in the superior vena cava"),
        ("one", "{side}-sided central line"),
    ),
    "endotracheal_tube": (
        ("one", "endotracheal tube"),
        ("one", "endotracheal tube with its tip above the carina"),
        ("one", "ET tube"),
    ),
    "nasogastric_tube": (
        ("one", "nasogastric tube"),
        ("one", "nasogastric tube passing below the diaphragm"),
        ("one", "NG tube"),
        ("one", "enteric tube with its tip in the stomach"),
    ),
    "sternal_wires": (
        ("many", "sternal wires"),
        ("many", "median sternotomy wires"),
        ("many", "sternotomy wires"),
        ("many", "midline sternal cerclage wires"),
    ),
}
"""Wordings of one finding: (kind, template)."""

_SUBTLE: dict[str, tuple[tuple[str, str], ...]] = {
    "pleural_effusion": (
        ("some", "blunting of the {side} costophrenic angle"),
        ("one", "trace {side} pleural effusion"),
    ),
    "pneumothorax": (("one", "tiny {side} apical pneumothorax"), ("one", "small {side} apical pneumothorax")),
    "cardiomegaly": (("clause", "the heart is borderline enlarged"),),
}
"""More wordings of the mildest severity."""

TWO: dict[str, tuple[tuple[str, str], ...]] = {
    "pleural_effusion": (
        ("many", "{sev}bilateral pleural effusions{each}"),
        ("many", "{sev}bilateral effusions{each}"),
    ),
    "pneumothorax": (("many", "{sev}bilateral pneumothoraces{each}"),),
    "consolidation": (
        ("some", "consolidation in {locs}"),
        ("some", "airspace opacity in {locs}"),
        ("some", "{adjs} consolidation"),
    ),
    "linear_atelectasis": (("some", "linear atelectasis in {locs}"), ("some", "{adjs} linear atelectasis")),
    "hilar_enlargement": (("some", "bilateral hilar enlargement"), ("some", "enlargement of both hila")),
    "calcified_granuloma": (("many", "calcified granulomas in {locs}"), ("many", "calcified granulomata in {locs}")),
    "pleural_thickening": (("some", "bilateral pleural thickening"), ("some", "pleural thickening on both sides")),
    "rib_fracture": (("many", "rib fractures in {locs}"), ("many", "{ribs} rib fractures")),
    "apical_scarring": (("some", "bilateral apical scarring"), ("some", "scarring at both apices")),
}
"""Wordings of two findings of one kind."""


def severity_word(rng: random.Random, finding: SimulatedFinding) -> str:
    """An adjective for the finding's severity; "" where it has none."""
    if not finding.severity:
        return ""
    word = rng.choice(SEVERITY_WORDS[finding.severity])
    return word if finding.finding in _BULKY else word.removesuffix("-volume")


def one_phrase(rng: random.Random, finding: SimulatedFinding, *, clauses: bool = True, severity: bool = True) -> Phrase:
    """One finding in words.

    Args:
        rng: decides the wording.
        finding: what to name.
        clauses: whether a wording with its own verb will do.
        severity: whether to say how severe, where there is a word for it.
    """
    severities = TERMS[finding.finding].severities
    options = ONE[finding.finding]
    subtle = finding.finding in _SUBTLE and finding.severity == severities[0] and finding.extent < 0.4
    if subtle and severity and rng.random() < 0.5:
        options = _SUBTLE[finding.finding]
    options = tuple(option for option in options if clauses or option[0] != "clause") or ONE[finding.finding][:1]
    kind, template = rng.choice(options)
    word = severity_word(rng, finding) if severity else ""
    adverb = rng.choice(_ADVERBS.get(finding.severity, ("",))) if severity else ""
    text = template.format(
        sev=f"{word} " if word else "",
        adv=f"{adverb} " if adverb else "",
        side=finding.side,
        place=finding.place,
        loc=_located(rng, _LOC, finding),
        adj=_located(rng, _ADJ, finding),
        rib=_rib(finding),
        latin="dextro" if finding.side == "right" else "levo",
    )
    return Phrase(text, kind)


def two_phrase(rng: random.Random, pair: Sequence[SimulatedFinding], *, severity: bool = True) -> Phrase:
    """Two findings of one kind, on both sides or in two places of one lung, in one phrase."""
    first, second = pair
    kind, template = rng.choice(TWO[first.finding])
    word = each = ""
    if severity and first.severity:
        if first.severity == second.severity:
            word = severity_word(rng, first)
        else:
            each = ", " + " and ".join(f"{severity_word(rng, f).removesuffix('-volume')} on the {f.side}" for f in pair)
    text = template.format(
        sev=f"{word} " if word else "",
        each=each,
        locs=_both_located(rng, first, second),
        adjs=_both_adjectives(first, second),
        ribs=_both_adjectives(first, second).replace(" zone", ""),
    )
    return Phrase(text, kind)


def _rib(finding: SimulatedFinding) -> str:
    return finding.place.split()[0].replace("mid", "middle") if finding.place else ""


def _located(rng: random.Random, words: dict[str, tuple[str, ...]], finding: SimulatedFinding) -> str:
    options = words.get(finding.place)
    return rng.choice(options).format(side=finding.side) if options else finding.side


def _both_located(rng: random.Random, first: SimulatedFinding, second: SimulatedFinding) -> str:
    zones = [f.place.removesuffix(" zone") for f in (first, second)]
    if first.side == second.side:
        return f"the {first.side} {zones[0]} and {zones[1]} zones"
    if zones[0] == zones[1]:
        options = [f"both {zones[0]} zones", f"the {zones[0]} zones bilaterally"]
        if zones[0] == "lower":
            options.append("both lung bases")
        return rng.choice(options)
    return rng.choice(
        (
            f"the {first.side} {zones[0]} and {second.side} {zones[1]} zones",
            f"the {first.side} {zones[0]} zone and the {second.side} {zones[1]} zone",
        )
    )


def _both_adjectives(first: SimulatedFinding, second: SimulatedFinding) -> str:
    if first.side != second.side and first.place == second.place:
        return f"bilateral {first.place}"
    if first.side == second.side:
        return f"{first.side} {first.place.split()[0]} and {second.place}"
    return f"{first.side} {first.place} and {second.side} {second.place}"
