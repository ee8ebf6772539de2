"""What reports call each finding, side, place and severity: patterns on lower-case text.

A pattern may reach over side and adverbs ("raised right hemidiaphragm", "the heart is mildly enlarged"), since they are
read again within it. Where two patterns overlap, the longer one counts.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from saerad_core.descriptions.needles import needles

_SIDE = r"(?:(?:right|left|rt|lt|both|bilateral)(?:[ -]sided)?\s+)?"
_ADV = r"(?:(?:mildly|slightly|minimally|moderately|markedly|severely|grossly|borderline|quite|mild|abnormally|somewhat|significantly|massively|persistently)\s+)*"
_BE = r"(?:\s+(?:is|are|was|were|appears?|remains?|looks?|seems?|size|to be|again|still|also|not|now|has|have|been|stably))*\s+"
_HEART = r"(?:heart|cardiac|cardiopericardial|cardiomediastinal|cardiothoracic)(?:\s+(?:size|silhouette|shadow|contours?|ratio))*"
_AIRSPACE = r"air[ -]?space"
# Open-i blanks words that might name a person, "angle" often among them.
_ANGLE = r"(?:angles?|sulc\w+|recess\w*|xxxx)"
_VENOUS = r"(?:internal jugular|jugular|subclavian|ij|central|brachiocephalic)"

PATTERNS: dict[str, tuple[str, ...]] = {
    "cardiomegaly": (
        r"cardiomegaly",
        r"cardiac enlargement",
        rf"enlargement of (?:the )?{_HEART}",
        rf"{_HEART}{_BE}{_ADV}(?:enlarged|increased|large|prominent|big|borderline)",
        rf"{_HEART} enlargement",
        rf"borderline {_HEART}",
        rf"{_ADV}(?:enlarged|increased|prominent|large) {_HEART}",
    ),
    "pleural_effusion": (
        r"(?:pleural )?effusions?",
        r"pleural fluid",
        r"pleural collections?",
        r"hydrothorax",
        rf"(?:blunt(?:ing|ed)|oblit\w+) (?:of )?(?:the )?{_SIDE}(?:lateral |posterior )?(?:costophrenic|cp) {_ANGLE}",
        rf"{_SIDE}(?:lateral |posterior )?(?:costophrenic|cp) {_ANGLE}{_BE}{_ADV}blunt(?:ed|ing)",
        rf"{_SIDE}(?:costophrenic|cp) {_ANGLE} blunting",
    ),
    "pneumothorax": (r"(?:hydro)?pneumothora(?:x|ces|xes)", r"ptx"),
    "consolidation": (
        r"consolidat(?:ions?|ive (?:opacit\w+|changes?|process|disease)|ed)",
        rf"{_AIRSPACE} (?:opacit\w+|opacification|shadowing|consolidations?)",
    ),
    "lobar_collapse": (
        r"(?:lobar|lobe|complete|total) (?:collapse|atelectasis)",
        rf"collapsed? (?:of )?(?:the )?{_SIDE}(?:(?:upper|lower|middle) )?lobe",
        r"lobar collapse",
        r"collapse",
        r"collapsed",
    ),
    "linear_atelectasis": (
        r"(?:linear|plate[ -]?like|disc?oid|band[ -]?like|sub-?segmental|streaky)(?: \w+)? atelecta\w+",
        r"bands? of atelectasis",
        r"atelectatic bands?",
    ),
    "interstitial_oedema": (
        r"(?:interstitial |pulmonary |alveolar |lung )*o?edema",
        r"kerley(?: b)? lines",
        r"septal lines",
        r"interlobular septal thickening",
    ),
    "nodule": (r"(?:solitary )?(?:pulmonary |lung )?nodules?", r"nodular (?:opacit\w+|densit\w+|lesions?|shadow\w*)"),
    "mass": (r"mass(?:es)?(?: lesions?)?", r"mass-?like \w+"),
    "multiple_nodules": (
        r"(?:multiple|numerous|innumerable|scattered|several|many)(?: \w+){0,2}? (?:nodules|nodular (?:opacities|densities))",
        r"bilateral (?:pulmonary )?nodules",
        r"(?:multiple|numerous|innumerable) metastases",
        r"miliary \w+",
    ),
    "hyperinflation": (
        r"hyper-?\s?(?:inflat|expan|aerat|disten)\w*",
        r"over-?inflat\w+",
        r"flatten(?:ed|ing)(?: of)?(?: the| both)? (?:hemi-?)?diaphragms?",
        r"(?:hemi-?)?diaphragms (?:are|appear) flattened",
        r"increased lung volumes",
    ),
    "hilar_enlargement": (
        r"hilar (?:enlargement|prominence|fullness|(?:lymph)?adenopathy|mass(?:es)?)",
        rf"(?:enlargement|prominence|fullness) of (?:the )?{_SIDE}hil(?:a|um|us)",
        rf"{_ADV}(?:enlarged|prominent|bulky|full) {_SIDE}hil(?:a|um|us|ar)(?: (?:contours?|shadows?))?",
        rf"hil(?:a|um|us|ar)(?: (?:contours?|shadows?))?{_BE}{_ADV}(?:enlarged|prominent|bulky|full)",
    ),
    "widened_mediastinum": (
        r"(?:widened|wide|enlarged) (?:superior |upper )?mediastin(?:um|al(?: (?:contours?|silhouette|shadow))?)",
        rf"(?:superior |upper )?mediastin(?:um|al(?: (?:contours?|silhouette|shadow))?){_BE}{_ADV}(?:widened|wide|enlarged)",
        r"(?:superior |upper )?mediastinal (?:widening|enlargement)",
        r"widening of (?:the )?(?:superior |upper )?mediastin\w+",
    ),
    "raised_hemidiaphragm": (
        rf"(?:raised|elevat(?:ed|ion)|eventration)(?: of)?(?: the)? (?:anterior |posterior |medial )?{_SIDE}(?:hemi-?)?diaphragms?",
        rf"(?:hemi-?)?diaphragms?{_BE}{_ADV}(?:raised|elevated)",
        r"(?:hemi-?)?diaphragm(?:atic)? (?:elevation|eventration)",
    ),
    "hiatus_hernia": (r"hiat(?:us|al) hernias?",),
    "calcified_granuloma": (
        r"(?:calcified )?granulom(?:as?|ata|atous (?:disease|changes?|calcifications?))",
        r"calcified (?:\w+ ){0,3}?nodules?",
    ),
    "pleural_thickening": (
        r"pleural (?:\w+ )?thickening",
        r"thickening of (?:the )?(?:right |left )?pleura",
        r"pleural plaques?",
    ),
    "rib_fracture": (
        r"(?:(?:acute|displaced|healing|healed|old) )*rib fractures?",
        r"fractur(?:es?|ed)(?: of)?(?: the| an?)? (?:[\w-]+ ){0,4}ribs?",
        r"(?:broken|fractured) ribs?",
        r"ribs? (?:is|are) (?:broken|fractured)",
    ),
    "scoliosis": (
        r"(?:dextro|levo)?-?scolio(?:sis|tic(?: \w+)?)",
        r"(?:dextro|levo)-?(?:convex )?curvature",
        r"(?:s-shaped|spinal|spine|rightward|leftward|thoraco\w+)(?: \w+)? curvature",
        r"curvature (?:of|in) the (?:\w+ )?spine",
    ),
    "apical_scarring": (
        r"(?:bi)?apical (?:[\w-]+ ){0,2}?(?:scar\w*|fibros\w+|cap(?:ping|s)?)",
        rf"(?:scarring|scars?) (?:at|in|of) (?:the )?{_SIDE}(?:lung )?ap(?:ex|ices)",
    ),
    "pacemaker": (
        r"pace-?makers?(?: leads?| wires?)?",
        r"pacing (?:device|leads?|wires?|system)s?",
        r"a?icd",
        r"defibrillators?",
    ),
    "central_line": (
        r"central (?:venous )?(?:lines?|catheters?|access)",
        r"picc(?: lines?)?",
        r"(?:port-?a-?cath|mediport|infusion port|chest port|hickman)\w*(?: line| catheter)?",
        rf"{_VENOUS}(?: (?:central|venous|dialysis|access|approach|vein|port))* (?:lines?|catheters?)",
        r"(?:venous|dialysis|swan-?ganz) catheters?",
    ),
    "endotracheal_tube": (r"endo-?tracheal tubes?", r"tracheal tube", r"\bett\b", r"et tubes?", r"intubated"),
    "nasogastric_tube": (r"(?:(?:naso|oro)-?gastric|ng|og|enteric|dob+hoff|feeding|nasoenteric) tubes?", r"ngt"),
    "sternal_wires": (
        r"(?:median |midline )?stern(?:al|otomy) (?:cerclage |closure )?wires",
        r"(?:median |midline )?sternotomy",
        r"(?:sternal )?cerclage wires",
    ),
    "atelectasis": (r"atelecta(?:sis|ses|tic(?: changes?)?)",),
    "opacity": (
        r"opacit(?:y|ies)",
        r"opacification",
        r"infiltrat(?:es?|ions?)",
        rf"{_AIRSPACE} disease",
        r"densit(?:y|ies)",
        r"shadowing",
    ),
    "pneumonia": (r"(?:broncho)?pneumonias?", r"pneumonic \w+", r"infectious process"),
    "emphysema": (r"emphysema\w*(?: changes?)?", r"copd", r"chronic obstructive pulmonary disease"),
    "fibrosis": (r"(?:pulmonary |interstitial )?fibro(?:sis|tic(?: changes?)?)", r"interstitial lung disease"),
    "congestion": (
        r"(?:pulmonary )?(?:vascular |venous )*congestion",
        r"(?:pulmonary )?vascular (?:engorgement|redistribution|prominence)",
        rf"vascul\w+{_BE}{_ADV}(?:congested|engorged|prominent|cephalized)",
        r"prominen(?:t|ce of the) (?:\w+ )?vascula\w+",
        r"cephalization",
        r"congestive heart failure",
        r"chf",
    ),
    # Said, but not a finding of the vocabulary: it keeps its own side and severity from its neighbours.
    "": (
        r"(?:pericardial|joint|knee) effusions?",
        r"(?:subcutaneous|soft tissue|surgical) (?:emphysema|o?edema)",
        r"(?:vertebral|compression)(?: \w+)? (?:collapse|deformit\w+)",
        r"vertebral body height",
        r"degenerative\w*(?: \w+)?(?: changes?| disease)?",
        r"osteophyt\w+|spondyl\w+|kypho\w+|osteopenia|arthritis|arthr\w+",
        r"(?:tortuous|ectatic|unfolded|calcified|atherosclerotic)(?: \w+)? aorta",
        r"aort\w+(?: knob| arch)?(?: \w+)? (?:calcifi\w+|tortuosity|ectasia)",
        r"calcifications?|atherosclero\w+",
        r"(?:surgical |cholecystectomy )?clips?",
        r"scarring|scars?|lesions?|lucenc\w+|shift|deviation|abnormalit\w+|consolidated by",
        r"interstitial (?:markings|prominence|thickening)",
        r"(?:bone|bony|breast|soft tissue|osseous) (?:densit\w+|mass|nodules?|shadows?)",
        r"nipple shadows?",
        r"tips?",
        r"free (?:air|intraperitoneal air)|pneumoperitoneum",
        r"volume loss",
        r"thickening",
    ),
}
"""Patterns by key of the vocabulary."""

BESIDE: dict[str, tuple[str, ...]] = {
    "fracture": (
        r"(?:(?:vertebral|compression|wedge|clavicular|clavicle|humer\w+|sternal)(?: \w+)? )?fractur(?:es?|ed)",
    ),
    "device": (
        r"(?:chest|pleural|thoracostomy|tracheostomy|gastrostomy|gastric|drainage) tubes?|pigtail(?: \w+)?|drains?|tracheostomy",
        r"(?:support|indwelling|monitoring|electronic|implanted|closure|stimulator|assist|cardiac) devices?|occluder(?: \w+)?",
        r"catheters?|lines and tubes|tubes and lines|tubing",
        r"shunts?(?: tub\w+| catheter)?",
        r"(?:prosthetic|artificial|mechanical|replaced)(?: \w+){0,2}? valves?|valve (?:replacement|prosthesis|repair)s?|valvular prosthes\w+",
        r"leads?|electrodes|generators?|stimulators?|battery pack",
        r"balloon pump|(?:ivc|caval|vena cava) filter|loop recorder",
        r"prosthes[ie]s|prosthetic (?:\w+ )?(?:shoulder|joint|hip)|arthroplast\w+|(?:internal|interval) fixation|bone anchors?|nipple markers?",
        r"tips?(?: [\w/]+){0,7}? (?:svc|superior vena cava|cavo-?atrial junction)",
    ),
    "opacity": (
        r"interstitial (?:and alveolar |airspace )?opaci\w+",
        r"haziness|hazy (?:\w+ )?(?:opacit\w+|densit\w+)",
    ),
    "mediastinum": (
        r"(?:prominence|fullness) of (?:the )?(?:right |left )?(?:superior |upper |anterior )?mediastin(?:um|al(?: (?:contours?|silhouette))?)",
        rf"(?:superior |upper )?mediastin(?:um|al(?: (?:contours?|silhouette))?){_BE}{_ADV}prominent",
        rf"{_ADV}prominent (?:superior |upper )?mediastin(?:um|al(?: (?:contours?|silhouette))?)",
        r"(?:superior |upper )?mediastinal (?:prominence|fullness)",
        r"paratracheal (?:prominence|fullness|widening)",
    ),
    "pleura": (
        r"(?:fibronodular )?pleural(?:[ -](?:parenchymal|peripheral|based))? (?:scar\w*|fibrosis)",
        r"(?:pleuro-?parenchymal) scar\w*",
        r"(?:inter)?(?:lobar )?fissur\w+ thickening|thickening (?:in|of) the (?:\w+ )?fissures?",
    ),
}
"""What an observation of CheXpert takes in beside the vocabulary's findings; to the vocabulary it is something else."""

_COMPILED = [
    (key, beside, re.compile(rf"\b(?:{pattern})\b"))
    for key, beside, patterns in [
        *((key, "", patterns) for key, patterns in PATTERNS.items()),
        *(("", beside, patterns) for beside, patterns in BESIDE.items()),
    ]
    for pattern in patterns
]

_NEEDLES = [needles(pattern.pattern) for _, _, pattern in _COMPILED]
_PLACES_OF: dict[str, list[int]] = {}
"""Letters -> places in _COMPILED of the patterns that need them; "" for those of which nothing can be said."""
for _place, _some in enumerate(_NEEDLES):
    for _one in _some or ("",):
        _PLACES_OF.setdefault(_one, []).append(_place)

_OF_KEY = {key: [place for place, (other, _, _) in enumerate(_COMPILED) if other == key] for key in PATTERNS}

ABSENT_ONLY = re.compile(r"\b(?:displaced |acute |osseous |bony |visible |definite )*fractures?\b")
"""No fracture at all means no rib fracture; a fracture somewhere means none."""

SIDE_WORDS: dict[str, tuple[str, ...]] = {
    r"(?:right|rt)(?:[ -]sided)?|right-convex|rightward(?= curv)|dextro-?(?=scolio|conv|curv)": ("right",),
    r"(?:left|lt)(?:[ -]sided)?|left-convex|leftward(?= curv)|levo-?(?=scolio|conv|curv)": ("left",),
    r"bilateral(?:ly)?|both|bi-?basilar|bi-?basal|bi-?apical|bi-?hilar": ("right", "left"),
    r"rul|rml|rll": ("right",),
    r"lul|lll": ("left",),
}
PLACE_WORDS: dict[str, str] = {
    r"upper|bi-?apical|apical|apex|apices|rul|lul": "upper",
    r"mid|mid-?zones?|middle|midlung|perihilar|lingul\w+|rml": "mid",
    r"lower|base|bases|basal|basilar|bi-?basilar|bi-?basal|retrocardiac|rll|lll": "lower",
}
SEVERITY_WORDS: dict[str, int] = {
    r"trace|tiny|small|minimal(?:ly)?|minor|slight(?:ly)?|mild(?:ly)?|borderline|blunt(?:ing|ed)": 0,
    r"moderate(?:ly)?|moderate-sized|medium": 1,
    r"large|massive(?:ly)?|big|huge|sizeable|severe(?:ly)?|marked(?:ly)?|gross(?:ly)?|extensive": 2,
}
"""Rank: mildest, middle, gravest."""

_SIDES = [
    (re.compile(rf"\b(?:{pattern})(?![\w])|\b(?:{pattern})(?=scolio)"), sides) for pattern, sides in SIDE_WORDS.items()
]
_PLACES = [(re.compile(rf"\b(?:{pattern})\b"), place) for pattern, place in PLACE_WORDS.items()]
_SEVERITIES = [(re.compile(rf"\b(?:{pattern})\b"), rank) for pattern, rank in SEVERITY_WORDS.items()]

_MASKED = re.compile(
    r"\b(?:(?:right|left)(?=[ -](?:heart|atri|ventric|paratracheal|cardiac|brachiocephalic|innominate|shoulder|clavic|humer|axill|sided aort|main|upper quad|mainstem|anterior oblique))"
    r"|upper(?= (?:limits?|abdom|quad|normal|thoracic))|lower(?= (?:thoracic|cervical|neck|limits?|svc|superior|normal|lung volumes))"
    r"|mid(?=[ -](?:svc|thoracic|spine|clavic|trachea|esoph|oesoph|superior))"
    r"|large(?=[ -]bore)|small(?=[ -](?:bore|bowel))|moderate(?=[ -](?:degenerative))"
    r"|(?:slight|mild|minimal|moderate|marked|significant)(?:ly)? (?=(?:interval )?(?:increas|decreas|improv|wors|larger|smaller|progress|chang|more|less|diminish|reduc)))"
)
"""Words of side, place or severity that belong to something else: masked before they are read."""

PURE = re.compile(
    r"\b(?:the|an?|convex|in|at|on|of|within|zones?|lungs?|lobes?|fields?|sides?|there|is|are|new|patchy|focal|possible|probable|likely|small-volume"
    r"|hemithorax|chest|persistent|stable|unchanged|aspects?|sided|ribs?|regions?|areas?|portions?|greater|than|more|larger|smaller|worse|to|seen|noted|present|evident|demonstrated|identified|shown|visuali[sz]ed|in place|again)\b"
    r"|[^a-z]+"
)
"""Words that a chunk of pure location or severity may hold besides."""


class Mention(NamedTuple):
    """A finding's name in a sentence; offsets into the sentence."""

    key: str
    """Of the vocabulary; "" for something else that takes its own modifiers."""
    start: int
    end: int
    text: str
    beside: str = ""
    """Of BESIDE, where the vocabulary has no such finding."""


def find_mentions(sentence: str) -> list[Mention]:
    """Names of findings in a lower-case sentence, from left to right, without overlaps (the longest counts)."""
    return list(_mentions(sentence))


@lru_cache(maxsize=10_000)
def _mentions(sentence: str) -> tuple[Mention, ...]:
    """What is read of a sentence is asked for twice, and reports repeat themselves."""
    able = {place for letters, places in _PLACES_OF.items() if letters in sentence for place in places}
    found = [
        Mention(key, match.start(), match.end(), match.group(), beside)
        for key, beside, pattern in (_COMPILED[place] for place in sorted(able))
        for match in pattern.finditer(sentence)
    ]
    found.sort(key=lambda m: (m.start - m.end, m.start))
    kept: list[Mention] = []
    for mention in found:
        if all(mention.end <= other.start or mention.start >= other.end for other in kept):
            kept.append(mention)
    return tuple(sorted(kept, key=lambda m: m.start))


def may_name(sentence: str, key: str) -> bool:
    """Whether a lower-case sentence may name a finding: without it, ``find_mentions`` has none of it."""
    for place in _OF_KEY.get(key, ()):
        for letters in _NEEDLES[place] or ("",):
            if letters in sentence:
                if _COMPILED[place][2].search(sentence):
                    return True
                break
    return False


class Modifiers(NamedTuple):
    """What a piece of text says on location and severity."""

    sides: tuple[str, ...]
    places: tuple[str, ...]
    """upper, mid, lower."""
    rank: int | None
    """0 to 2, or None where no severity is named."""
    pure: bool
    """Whether it says nothing else."""


def mask(sentence: str) -> str:
    """The sentence with words blanked that look like a side, place or severity but belong to something else."""
    return _MASKED.sub(lambda match: " " * len(match.group()), sentence)


def modifiers(text: str) -> Modifiers:
    """Read sides, places and severity of a piece of lower-case, masked text."""
    sides: list[tuple[int, str]] = []
    places: list[tuple[int, str]] = []
    ranks: list[tuple[int, int]] = []
    rest = text
    for pattern, names in _SIDES:
        for match in pattern.finditer(text):
            sides.extend((match.start(), name) for name in names)
            rest = rest.replace(match.group(), " ")
    for pattern, place in _PLACES:
        for match in pattern.finditer(text):
            places.append((match.start(), place))
            rest = rest.replace(match.group(), " ")
    for pattern, rank in _SEVERITIES:
        for match in pattern.finditer(text):
            ranks.append((match.start(), rank))
            rest = rest.replace(match.group(), " ")
    return Modifiers(
        tuple(dict.fromkeys(name for _, name in sorted(sides, key=lambda s: s[0]))),
        tuple(dict.fromkeys(name for _, name in sorted(places, key=lambda s: s[0]))),
        min(ranks)[1] if ranks else None,
        not PURE.sub("", rest),
    )


def without_modifiers(text: str) -> str:
    """Lower-case, masked text with its words of side, place and severity blanked."""
    for pattern, _ in (*_SIDES, *_PLACES, *_SEVERITIES):
        text = pattern.sub(lambda match: " " * len(match.group()), text)
    return text


def grades(text: str) -> list[tuple[int, str, int]]:
    """(offset, word, rank) of each word of severity in lower-case, masked text."""
    return sorted((match.start(), match.group(), rank) for p, rank in _SEVERITIES for match in p.finditer(text))
