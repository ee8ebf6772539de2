"""Report sentences with the evidence that they may state, clean or with one seeded error: what benchmarks/checker.py measures on.

Evidence never comes from the program's own reader of text, which the checker uses: it is the simulator's truth, the headings of Open-i's
coders, or what a template was filled with. Frames, names and insertions are split in two sets; the checker was written on set 0 and is measured on set 1.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from benchmarks.openi_headings import CodedReport
from saerad_core.demo.population import sample_studies
from saerad_core.demo.wording_negatives import NEGATIVES
from saerad_core.demo.wording_styles import STYLES, sentence, spelled
from saerad_core.demo.wording_terms import one_phrase, two_phrase
from saerad_core.vocabulary import SIDES, TERMS, ZONES, Statement

KINDS = ("added finding", "wrong side", "lost negation", "invented prior", "number", "device", "severity")
"""The errors that the goal counts."""
SURER = "raised certainty"
"""One more, counted apart."""


class Case(NamedTuple):
    """A sentence and what it may state."""

    text: str
    evidence: tuple[Statement, ...]
    kind: str = ""
    """Of the seeded error; "" for a clean sentence."""
    source: str = ""
    """simulated, plain or open-i."""


# --- Wordings -------------------------------------------------------------------------------------------------------------


def simulated(seed: int, which: int) -> Iterator[Case]:
    """Sentences of simulated reports; the evidence is what was drawn."""
    rng = random.Random(seed)
    for study in sample_studies(600, 1_000 * which + seed):
        style = rng.choice(STYLES)
        for key in dict.fromkeys(f.finding for f in study.findings):
            found = [f for f in study.findings if f.finding == key]
            phrase = two_phrase(rng, found) if len(found) == 2 else one_phrase(rng, found[0])
            evidence = tuple(Statement(f.finding, f.side, f.place, f.severity) for f in found)
            yield Case(spelled(sentence(rng, phrase, style), style), evidence, source="simulated")
        negative = rng.choice(NEGATIVES)
        if len(negative.absent) < 4:
            text = spelled(rng.choice(negative.sentences), style)
            evidence = tuple(Statement(key, present=False) for key in sorted(negative.absent))
            yield Case(text, evidence, source="simulated")


_PLAIN: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "cardiomegaly": (("cardiac enlargement",), ("cardiomegaly", "enlargement of the heart")),
    "pleural_effusion": (("pleural effusion",), ("pleural fluid", "effusion")),
    "pneumothorax": (("pneumothorax",), ("pneumothorax",)),
    "consolidation": (("consolidation",), ("consolidation", "airspace consolidation")),
    "linear_atelectasis": (("linear atelectasis",), ("plate atelectasis", "subsegmental atelectasis")),
    "atelectasis": (("atelectasis",), ("atelectatic change",)),
    "interstitial_oedema": (("pulmonary oedema",), ("interstitial edema", "pulmonary edema")),
    "nodule": (("nodule",), ("pulmonary nodule", "nodular lesion")),
    "mass": (("mass",), ("lung mass",)),
    "hyperinflation": (("hyperinflation",), ("overinflation of the lungs", "hyperexpansion")),
    "hilar_enlargement": (("hilar enlargement",), ("hilar fullness",)),
    "raised_hemidiaphragm": (("raised hemidiaphragm",), ("elevation of the hemidiaphragm",)),
    "hiatus_hernia": (("hiatus hernia",), ("hiatal hernia",)),
    "pleural_thickening": (("pleural thickening",), ("pleural thickening",)),
    "rib_fracture": (("rib fracture",), ("fracture of a rib", "broken rib")),
    "scoliosis": (("scoliosis",), ("scoliosis of the spine",)),
    "opacity": (("opacity",), ("opacification", "infiltrate")),
    "pneumonia": (("pneumonia",), ("bronchopneumonia", "pneumonia")),
    "pacemaker": (("pacemaker",), ("cardiac pacemaker",)),
    "central_line": (("central venous catheter",), ("central line", "PICC line")),
    "endotracheal_tube": (("endotracheal tube",), ("ET tube",)),
    "nasogastric_tube": (("nasogastric tube",), ("feeding tube", "NG tube")),
}
_FRAMES = {
    ("certain", True): (
        ("{Phrase} is present.", "There is {phrase}.", "{Phrase} is identified.", "{Phrase}."),
        ("The film shows {phrase}.", "We see {phrase}.", "Findings include {phrase}.", "{Phrase} is visible.",
         "{Phrase} can be made out.", "Note is made of {phrase}.", "Appearances are those of {phrase}."),
    ),
    ("likely", True): (
        ("Probable {phrase}.", "{Phrase} is likely."),
        ("There is probably {phrase}.", "{Phrase} is suspected.", "Findings suggestive of {phrase}."),
    ),
    ("possible", True): (
        ("Possible {phrase}.", "{Phrase} cannot be excluded."),
        ("There may be {phrase}.", "{Phrase} is possible.", "{Phrase} cannot be ruled out.", "Questionable {phrase}."),
    ),
    ("certain", False): (
        ("No {phrase}.", "There is no {phrase}.", "No evidence of {phrase}.", "No {phrase} or {other}."),
        ("{Phrase} is not seen.", "The film shows no {phrase}.", "Negative for {phrase}.", "Without {phrase}.",
         "Neither {phrase} nor {other} is evident.", "No sign of {phrase} or {other}.", "Free of {phrase}."),
    ),
}  # fmt: skip


def plain(seed: int, which: int) -> Iterator[Case]:
    """Templates filled with a statement."""
    rng = random.Random(seed)
    keys = [key for key in _PLAIN if not TERMS[key].device] + ["central_line", "endotracheal_tube", "pacemaker"]
    while True:
        key, other = rng.sample(keys, 2)
        term = TERMS[key]
        present = rng.random() < 0.7
        certainty = rng.choice(("certain", "certain", "certain", "likely", "possible")) if present else "certain"
        side = rng.choice(SIDES) if term.sided and present and rng.random() < 0.85 else ""
        place = rng.choice(term.places) if side and term.places and rng.random() < 0.6 else ""
        severity = rng.choice(term.severities) if present and term.severities and rng.random() < 0.7 else ""
        where = f" in the {side} {place}" if place in ZONES else f" on the {side}" if side else ""
        name = f"{severity} {rng.choice(_PLAIN[key][which])}".strip()
        evidence = [Statement(key, side, place if place in ZONES else "", severity, present, certainty)]
        frame = rng.choice(_FRAMES[certainty, present][which])
        if "{other}" in frame:
            evidence.append(Statement(other, present=False))
        phrase = f"{name}{where}"
        text = frame.format(
            phrase=phrase, Phrase=phrase[0].upper() + phrase[1:], other=rng.choice(_PLAIN[other][which])
        )
        yield Case(text, tuple(evidence), source="plain")


_KEYWORDS = {
    "pleural_effusion": (r"effusions?", ("pleural effusion",)),
    "pneumothorax": (r"pneumothorax", ("pneumothorax",)),
    "cardiomegaly": (r"cardiomegaly|heart .*enlarged|enlarged heart|cardiac enlargement", ("cardiomegaly", "cardiac shadow")),
    "atelectasis": (r"atelectasis", ("pulmonary atelectasis",)),
    "scoliosis": (r"scoliosis", ("scoliosis",)),
    "calcified_granuloma": (r"granulomas?|granulomata|granulomatous disease", ("calcified granuloma", "granuloma", "granulomatous disease")),
    "emphysema": (r"emphysema|copd|emphysematous changes", ("emphysema", "pulmonary emphysema", "pulmonary disease, chronic obstructive")),
    "hiatus_hernia": (r"hiat\w+ hernia", ("hernia, hiatal",)),
    "opacity": (r"opacit\w+|infiltrates?|airspace disease", ("opacity", "infiltrate", "airspace disease")),
    "nodule": (r"nodule", ("nodule",)),
    "interstitial_oedema": (r"edema", ("pulmonary edema",)),
    "hyperinflation": (r"hyperexpan\w+|hyperinflat\w+", ("lung",)),
    "raised_hemidiaphragm": (r"hemidiaphragm .*elevated|elevat\w+ .*hemidiaphragm", ("diaphragm",)),
}  # fmt: skip
_DENIED = {
    "pleural effusion": "pleural_effusion", "pleural effusions": "pleural_effusion", "effusion": "pleural_effusion",
    "effusions": "pleural_effusion", "pneumothorax": "pneumothorax", "pneumothoraces": "pneumothorax", "consolidation": "consolidation",
    "pneumonia": "pneumonia", "edema": "interstitial_oedema", "pulmonary edema": "interstitial_oedema", "nodules": "nodule",
    "mass": "mass", "masses": "mass", "infiltrate": "opacity", "infiltrates": "opacity", "airspace disease": "opacity",
    "opacity": "opacity", "opacities": "opacity", "cardiomegaly": "cardiomegaly", "airspace consolidation": "consolidation",
}  # fmt: skip
_SIZES = ("small", "mild", "moderate", "large", "severe")
_GRADING = (
    *_SIZES,
    "minimal",
    "minimally",
    "slight",
    "slightly",
    "mildly",
    "tiny",
    "minor",
    "trace",
    "marked",
    "extensive",
)
_TWISTS = re.compile(
    r"\d|xxxx|\b(?:no|not|without|clear|free|negative|unchanged|stable|new|old|prior|previous|again|remain\w*|still|increas\w+|decreas\w+|improv\w+"
    r"|interval|change[ds]?|chronic|residual|resolv\w+|persist\w+|known|and|with|or|versus|may|possib\w+|prob\w+|likely|suggest\w*|consistent|compatible"
    r"|develop\w*|recurr\w*|similar\w*|redemonstrat\w*|could|question\w*|multiple|few|several|scattered|two|three|status)\b|[,;:/()]"
)  # fmt: skip


def open_i(reports: Sequence[CodedReport], seed: int) -> Iterator[Case]:
    """Short sentences of real reports that say one finding, its headings being the evidence, or that deny a list."""
    seen: set[str] = set()
    found: list[Case] = []
    for report in reports:
        for text in re.split(r"(?<=\.)\s+", report.text):
            case = _denial(text) or _coded(text, report)
            if case is not None and case.text.lower() not in seen:
                seen.add(case.text.lower())
                found.append(case)
    random.Random(seed).shuffle(found)
    yield from found


def _denial(text: str) -> Case | None:
    match = re.fullmatch(
        r"(?:There (?:is|are) )?[Nn]o (?:evidence of |focal |large |definite )*(.+?)(?: (?:is|are) (?:seen|identified))?\.",
        text,
    )
    items = [item.strip() for item in re.split(r",? or |, and |, | and ", match[1])] if match else []
    items = [re.sub(r"^(?:focal|large|definite|visible|acute) ", "", item.lower()) for item in items]
    if not items or not all(item in _DENIED for item in items):
        return None
    return Case(text, tuple(Statement(_DENIED[item], present=False) for item in items), source="open-i")


def _coded(text: str, report: CodedReport) -> Case | None:
    lower = text.lower()
    keys = [key for key, (pattern, _) in _KEYWORDS.items() if re.search(rf"\b(?:{pattern})\b", lower)]
    if len(keys) != 1 or len(text.split()) > 10 or _TWISTS.search(lower):
        return None
    term, starts = TERMS[keys[0]], _KEYWORDS[keys[0]][1]
    evidence, words = [], set()
    for heading in (heading.lower().split("/") for heading in report.headings):
        if heading[0] not in starts or (keys[0] == "hyperinflation" and "hyperdistention" not in heading):
            continue
        if keys[0] == "raised_hemidiaphragm" and "elevated" not in heading:
            continue
        words |= set(heading)
        sides = SIDES if "bilateral" in heading else tuple(side for side in SIDES if side in heading) or ("",)
        place = next((zone for zone, names in _PLACED.items() if names & set(heading)), "")
        size = next((size for size in _SIZES if size in heading), "")
        evidence += [
            Statement(
                keys[0], s if term.sided else "", place if term.places else "", size if size in term.severities else ""
            )
            for s in sides
        ]
    said = set(re.findall(r"[a-z]+", lower))
    both = {"bilateral", "bilaterally", "bibasilar", "bibasal", "both"}
    if not evidence or (said & both and "bilateral" not in words):
        return None
    if any(word in said and word not in words for word in SIDES):
        return None
    # A size that the headings lack, or that the vocabulary can't hold for this finding, would be more than the evidence.
    if any(word in said and word not in {s.severity for s in evidence} for word in _GRADING):
        return None
    return Case(text, tuple(dict.fromkeys(evidence)), source="open-i")


_PLACED = {
    "upper zone": {"upper lobe", "apex"},
    "mid zone": {"middle lobe", "lingula"},
    "lower zone": {"lower lobe", "base"},
}

# --- Errors ---------------------------------------------------------------------------------------------------------------

_ADDED = (
    ("pericardial effusion", "free air under the diaphragm", "an aortic aneurysm", "left pneumothorax", "right upper zone nodule",
     "a widened mediastinum", "consolidation at the left base", "emphysema"),
    ("pulmonary embolism", "tuberculosis", "a lung abscess", "bronchiectasis", "a cavity", "lymphangitic spread", "lobar collapse",
     "a right pneumothorax", "fibrosis", "a hilar mass", "a healing clavicle fracture", "sarcoidosis", "pneumomediastinum"),
)  # fmt: skip
_PRIORS = (
    (", unchanged since the previous study", ", new since the prior examination", ", increased in the interval", ", stable"),
    (", larger than on the film of last week", ", which has progressed", ", improved from before", ", as seen previously",
     ", no different from the earlier radiograph", ", now resolving", ", again demonstrated", ", slightly worse"),
)  # fmt: skip
_NUMBERS = (
    (", measuring 2.3 cm", ", 4 cm across", ", at the level of the 5th rib"),
    (" of 17 mm", ", three in number", ", about two centimetres wide", ", SUV 3.1", ", in 2 places", ", occupying a third of the hemithorax"),
)  # fmt: skip
_DEVICES = (
    (" A chest tube is in place.", " Endotracheal tube in good position.", " Right PICC."),
    (" There is a prosthetic valve.", " A nasogastric tube is noted.", " Tracheostomy.", " Pacing wires are seen.",
     " ECG leads overlie the chest.", " A Swan-Ganz catheter is present.", " Surgical drain in situ."),
)  # fmt: skip
_GRADES = {
    "small": ("large", "moderate"),
    "moderate": ("large", "small"),
    "large": ("small",),
    "mild": ("severe", "moderate"),
    "severe": ("mild",),
}
_STRONG = (("large", "severe"), ("massive", "extensive", "marked", "gross"))


def spoiled(case: Case, kind: str, rng: random.Random, which: int) -> Case | None:
    """The case with a seeded error; None where the sentence gives no room for it."""
    present = bool(case.evidence) and all(s.present for s in case.evidence)
    text = _KINDS[kind](case, present, rng, which)
    if text is None:
        return None
    if isinstance(text, Case):
        return text._replace(kind=kind)
    return case._replace(text=text, kind=kind)


def _joined(text: str, tail: str) -> str:
    return f"{text.rstrip().rstrip('.')}{tail}."


def _added(case: Case, present: bool, rng: random.Random, which: int) -> str | None:
    word = rng.choice(_ADDED[which])
    if any(s.finding.split("_")[-1] in word or s.finding in word for s in case.evidence):
        return None
    if present:
        return _joined(case.text, f" and {word}" if rng.random() < 0.6 else f". There is {word}")
    return _joined(case.text, f". There is {word}")


def _side(case: Case, present: bool, rng: random.Random, which: int) -> str | None:
    sides = {s.side for s in case.evidence}
    if not present or len(sides) != 1 or sides == {""}:
        return None
    swap = {"right": "left", "left": "right", "Right": "Left", "Left": "Right"}
    text = re.sub(r"\b([Rr]ight|[Ll]eft)\b", lambda match: swap[match[1]], case.text)
    return text if text != case.text else None


def _negation(case: Case, present: bool, rng: random.Random, which: int) -> str | Case | None:
    if present:
        # Said of an X-ray whose evidence denies just that.
        denied = tuple(Statement(s.finding, present=False) for s in case.evidence)
        return case._replace(evidence=tuple(dict.fromkeys(denied)))
    text = re.sub(r"\b([Nn])o (evidence of |sign of )?", "", case.text, count=1)
    text = re.sub(r" is not seen", " is seen", text)
    text = re.sub(r"^(?:Negative for|Free of|Without) ", "Positive for " if which else "There is ", text)
    return (text[:1].upper() + text[1:]) if text != case.text else None


def _prior(case: Case, present: bool, rng: random.Random, which: int) -> str | None:
    return _joined(case.text, rng.choice(_PRIORS[which])) if present else None


def _number(case: Case, present: bool, rng: random.Random, which: int) -> str | None:
    return _joined(case.text, rng.choice(_NUMBERS[which])) if present else None


def _device(case: Case, present: bool, rng: random.Random, which: int) -> str | None:
    if any(TERMS[s.finding].device for s in case.evidence):
        return None
    return f"{case.text.rstrip().rstrip('.')}.{rng.choice(_DEVICES[which])}"


def _severity(case: Case, present: bool, rng: random.Random, which: int) -> str | None:
    graded = [s.severity for s in case.evidence if s.severity]
    if not present or len(case.evidence) != 1:
        return None
    if graded and re.search(rf"\b{graded[0]}\b", case.text, re.IGNORECASE):
        word = rng.choice(_GRADES[graded[0]])
        text = re.sub(rf"\b{graded[0]}\b", word, case.text, count=1, flags=re.IGNORECASE)
        return text[:1].upper() + text[1:]
    if graded:
        return None
    match = re.search(
        r"(?:left|right|pleural|consolidation|cardiomegaly|pneumothorax|atelectasis|opacity|scoliosis|pneumonia|nodule|emphysema|edema)",
        case.text,
    )
    return case.text[: match.start()] + rng.choice(_STRONG[which]) + " " + case.text[match.start() :] if match else None


def _surer(case: Case, present: bool, rng: random.Random, which: int) -> Case | None:
    if not present or any(s.certainty != "certain" for s in case.evidence):
        return None
    return case._replace(
        evidence=tuple(s._replace(certainty=rng.choice(("possible", "likely"))) for s in case.evidence)
    )


_KINDS: dict[str, Callable[[Case, bool, random.Random, int], str | Case | None]] = {
    "added finding": _added,
    "wrong side": _side,
    "lost negation": _negation,
    "invented prior": _prior,
    "number": _number,
    "device": _device,
    "severity": _severity,
    SURER: _surer,
}


def seeded(sources: Sequence[Iterator[Case]], n: int, seed: int, which: int) -> tuple[list[Case], list[Case]]:
    """Clean cases and spoiled ones, as many of each source, the errors in turn.

    Args:
        sources: of clean cases; one that runs dry is passed over.
        n: cases of each sort.
        seed: of the errors.
        which: set of insertions.

    Returns:
        n clean cases, and n with one error of KINDS each followed by n // 8 of SURER.
    """
    rng = random.Random(seed)
    clean: list[Case] = []
    spoiled_: list[Case] = []
    turn = 0
    wanted = [KINDS[i % len(KINDS)] for i in range(n)] + [SURER] * (n // 8)
    dry: set[int] = set()
    while (len(clean) < n or wanted) and len(dry) < len(sources):
        number = turn % len(sources)
        turn += 1
        case = next(sources[number], None)
        if case is None:
            dry.add(number)
            continue
        # Never the same sentence clean and spoiled.
        if (turn // len(sources)) % 2 and len(clean) < n:
            clean.append(case)
            continue
        for kind in dict.fromkeys(wanted):
            made = spoiled(case, kind, rng, which)
            if made is not None:
                wanted.remove(kind)
                spoiled_.append(made)
                break
    return clean, spoiled_
