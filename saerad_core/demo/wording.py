"""Reports of simulated radiographs, always true to what the image shows.

Each finding of the study is said once in the findings, with its side, place and (mostly) severity; what is said to be
absent is absent; a comparison with the previous study follows from both studies' findings. The indication names
symptoms only: it goes with the findings without giving them away.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import NamedTuple

from saerad_core.demo.study import ReportText, SimulatedFinding, Study
from saerad_core.demo.wording_negatives import ACUTE, ALL_WELL, LUNG, NOTHING_ACUTE, OTHERWISE, negatives
from saerad_core.demo.wording_styles import REGION_OF, STYLES, Style, article, capitalised, sentence, spelled
from saerad_core.demo.wording_terms import Phrase, one_phrase, two_phrase
from saerad_core.vocabulary import TERMS

_WEIGHT = (
    "pneumothorax",
    "endotracheal_tube",
    "mass",
    "multiple_nodules",
    "widened_mediastinum",
    "consolidation",
    "lobar_collapse",
    "interstitial_oedema",
    "pleural_effusion",
    "nodule",
    "hilar_enlargement",
    "rib_fracture",
    "cardiomegaly",
    "raised_hemidiaphragm",
    "hiatus_hernia",
    "hyperinflation",
    "linear_atelectasis",
    "pleural_thickening",
    "central_line",
    "nasogastric_tube",
    "pacemaker",
    "apical_scarring",
    "scoliosis",
    "calcified_granuloma",
    "sternal_wires",
)
"""Findings from the one that an impression mentions first to the one it mentions last, if at all."""
_MINOR = frozenset(_WEIGHT[_WEIGHT.index("linear_atelectasis") :])
_PASSING = frozenset(
    {
        "pleural_effusion",
        "pneumothorax",
        "consolidation",
        "lobar_collapse",
        "linear_atelectasis",
        "interstitial_oedema",
        "central_line",
        "endotracheal_tube",
        "nasogastric_tube",
    }
)
"""Findings whose going is worth a sentence."""


class _Group(NamedTuple):
    """Findings of one kind, said together."""

    key: str
    findings: tuple[SimulatedFinding, ...]
    hedge: str
    """possible, probable, likely, or ""."""
    change: str
    """new, increased, decreased, unchanged, or "" where nothing is said."""


def write_report(study: Study) -> ReportText:
    """The report of a study; the same one each time.

    Args:
        study: only its findings, the previous study's findings, view and seed matter.

    Returns:
        Indication, findings and impression.
    """
    rng = random.Random(study.seed ^ 0x5E7)
    style = _style_of(rng, study)
    groups = [_group(rng, style, study, key) for key in dict.fromkeys(f.finding for f in study.findings)]
    present = {group.key for group in groups}
    regions: dict[str, list[str]] = {}
    for group in groups:
        regions.setdefault(REGION_OF.get(group.key, "lungs"), []).append(_said(rng, style, group))
    if study.prior and rng.random() < style.compares:
        for region, text in _resolved(rng, study.prior, present):
            regions.setdefault(region, []).append(text)
    for region, texts in negatives(rng, present, style.negatives).items():
        regions.setdefault(region, []).extend(texts)
    if present & LUNG and rng.random() < 0.25:
        regions.setdefault("lungs", []).append(rng.choice(OTHERWISE))
    findings = _laid_out(rng, style, regions)
    impression = _impression(rng, style, groups)
    return ReportText(_indication(rng, study), spelled(findings, style), spelled(impression, style))


def _style_of(rng: random.Random, study: Study) -> Style:
    tubes = any(f.finding in ("endotracheal_tube", "nasogastric_tube", "central_line") for f in study.findings)
    likes = [
        (4.0 if tubes else 1.0 if study.view == "AP" else 0.05) if s.name == "intensive care" else 1.0 for s in STYLES
    ]
    return rng.choices(STYLES, likes)[0]


def _group(rng: random.Random, style: Style, study: Study, key: str) -> _Group:
    findings = tuple(f for f in study.findings if f.finding == key)
    term = TERMS[key]
    mild = not term.severities or findings[0].severity == term.severities[0]
    subtle = len(findings) == 1 and not term.device and mild and findings[0].extent < 0.3
    hedge = rng.choice(("possible", "probable", "likely", "suspicious for")) if subtle and rng.random() < 0.45 else ""
    change = ""
    if study.prior is not None and not hedge and rng.random() < style.compares:
        change = _change(findings, [f for f in study.prior if f.finding == key])
    return _Group(key, findings, hedge, change)


def _change(now: Sequence[SimulatedFinding], before: Sequence[SimulatedFinding]) -> str:
    """How findings of one kind differ from the previous study's; "" where no one word would be true."""
    if not before:
        return "new"
    if {f.fact for f in now} != {f.fact for f in before}:
        return ""
    loads = {f.fact: _load(f) for f in before}
    steps = {_step(_load(f) - loads[f.fact]) for f in now}
    return steps.pop() if len(steps) == 1 else ""


def _load(finding: SimulatedFinding) -> float:
    """Severity and extent as one number: severities follow one another, extents within them."""
    severities = TERMS[finding.finding].severities
    return finding.extent + (severities.index(finding.severity) if finding.severity else 0)


def _step(difference: float) -> str:
    if abs(difference) < 0.15:
        return "unchanged"
    return "increased" if difference > 0 else "decreased"


def _phrase(rng: random.Random, style: Style, group: _Group, *, clauses: bool) -> Phrase:
    severity = rng.random() < style.severity
    if len(group.findings) == 2:
        return two_phrase(rng, group.findings, severity=severity)
    return one_phrase(rng, group.findings[0], clauses=clauses, severity=severity)


def _said(rng: random.Random, style: Style, group: _Group) -> str:
    """The sentence on a group in the findings."""
    device = TERMS[group.key].device
    phrase = _phrase(rng, style, group, clauses=not group.hedge and group.change != "new")
    if group.hedge == "suspicious for":
        lead = rng.choice(("Appearances are suspicious for", "Findings suspicious for"))
        return f"{lead} {article(phrase)}."
    if group.hedge:
        return sentence(rng, phrase._replace(text=f"{group.hedge} {phrase.text}"), style)
    if group.change == "new":
        return sentence(rng, phrase._replace(text=f"new {phrase.text}"), style)
    tails = {
        "unchanged": ("unchanged", "stable", "unchanged since the previous study", "similar to the prior examination"),
        "increased": (
            "increased since the previous study",
            "larger than before",
            "worse than on the prior examination",
        ),
        "decreased": (
            "decreased since the previous study",
            "smaller than before",
            "improved since the prior examination",
        ),
    }
    if device:
        tails["increased"] = tails["decreased"] = tails["unchanged"]
    tail = rng.choice(tails[group.change]) if group.change else ""
    return sentence(rng, phrase, style, tail)


def _resolved(rng: random.Random, prior: Sequence[SimulatedFinding], present: set[str]) -> list[tuple[str, str]]:
    """(region, sentence) on what the previous study showed and this one doesn't."""
    gone = [f for f in prior if f.finding not in present and f.finding in _PASSING]
    said = []
    for key in dict.fromkeys(f.finding for f in gone):
        term = TERMS[key]
        sides = sorted({f.side for f in gone if f.finding == key}, reverse=True)
        side = "" if not sides[0] else "bilateral " if len(sides) == 2 else f"{sides[0]} "
        if term.device:
            text = rng.choice(("The {side}{name} has been removed.", "Interval removal of the {side}{name}."))
        else:
            text = rng.choice(
                (
                    "The previously seen {side}{name} has resolved.",
                    "Resolution of the {side}{name} since the previous study.",
                    "The {side}{name} is no longer seen.",
                    "Previous {side}{name} has cleared.",
                )
            )
        said.append((REGION_OF.get(key, "lungs"), text.format(side=side, name=term.name)))
    return said


def _laid_out(rng: random.Random, style: Style, regions: dict[str, list[str]]) -> str:
    """The sentences of the regions in the style's order."""
    headings = dict(style.headings)
    parts = []
    for region in style.order:
        texts = regions.get(region, [])
        if texts and headings:
            parts.append(f"{headings[region]}: {' '.join(texts)}")
        elif texts:
            parts.append(" ".join(texts))
    opening = rng.choice(style.opening)
    if opening:
        parts.insert(0, opening)
    if not regions:
        parts.append(rng.choice(("Normal appearances.", "Normal chest radiograph.")))
    return ("\n" if headings else " ").join(parts)


def _impression(rng: random.Random, style: Style, groups: Sequence[_Group]) -> str:
    """The short version: what matters first, minor things often left out."""
    if not groups:
        return rng.choice(ALL_WELL)
    lines = []
    for group in sorted(groups, key=lambda g: _WEIGHT.index(g.key)):
        if group.key in _MINOR and rng.random() < 0.6:
            continue
        phrase = _phrase(rng, style, group, clauses=False)
        text = f"{group.hedge} {phrase.text}" if group.hedge else phrase.text
        if group.hedge == "suspicious for":
            text = f"suspicious for {article(phrase)}"
        if group.change == "new":
            text = f"new {text}"
        lines.append(capitalised(text) + ".")
        if len(lines) == 5:
            break
    if not ACUTE & {group.key for group in groups}:
        lines.insert(rng.randrange(2) if lines else 0, rng.choice(NOTHING_ACUTE))
    if not lines:
        lines = ["As above."]
    if style.numbered and len(lines) > 1:
        return "\n".join(f"{i}. {line}" for i, line in enumerate(lines, 1))
    return " ".join(lines)


_SYMPTOMS = {
    "interstitial_oedema": ("shortness of breath", "breathlessness on lying flat", "leg swelling"),
    "pleural_effusion": ("shortness of breath", "breathlessness", "hypoxia"),
    "cardiomegaly": ("shortness of breath", "known hypertension", "palpitations"),
    "consolidation": ("fever and cough", "productive cough", "raised inflammatory markers", "chills"),
    "lobar_collapse": ("cough", "desaturation", "shortness of breath"),
    "pneumothorax": ("sudden chest pain", "pleuritic chest pain", "post-procedure check"),
    "rib_fracture": ("fall", "road traffic collision", "chest wall pain after a fall"),
    "mass": ("weight loss", "haemoptysis", "persistent cough"),
    "multiple_nodules": ("weight loss", "staging"),
    "nodule": ("persistent cough", "pre-operative assessment"),
    "endotracheal_tube": ("intensive care, daily film", "respiratory failure", "check position of lines"),
    "nasogastric_tube": ("check position of lines", "intensive care, daily film"),
    "central_line": ("post-procedure check", "check position of lines", "sepsis"),
    "hyperinflation": ("long-standing smoker with cough", "wheeze"),
    "pacemaker": ("syncope", "post-procedure check"),
    "sternal_wires": ("previous heart surgery, follow-up", "chest pain"),
    "hiatus_hernia": ("reflux", "epigastric pain"),
}
_ANY = (
    "chest pain",
    "cough",
    "shortness of breath",
    "fever",
    "pre-operative assessment",
    "dizziness",
    "routine check",
    "fall",
)


def _indication(rng: random.Random, study: Study) -> str:
    """Symptoms that go with the findings, or with anything: a third of the time they say nothing about the image."""
    keys = [f.finding for f in study.findings if f.finding in _SYMPTOMS]
    told = rng.choice(_SYMPTOMS[rng.choice(keys)]) if keys and rng.random() < 0.67 else rng.choice(_ANY)
    again = "Follow-up. " if study.prior is not None and rng.random() < 0.4 else ""
    if rng.random() < 0.3:
        return f"{again}{study.age}-year-old {'woman' if study.sex == 'F' else 'man'}, {told}."
    return f"{again}{capitalised(told)}."
