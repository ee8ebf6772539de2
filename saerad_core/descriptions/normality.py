"""Statements of normality read as absences: a normal heart size denies cardiomegaly, clear lungs deny consolidation."""

from __future__ import annotations

import re
from collections.abc import Sequence

from saerad_core.descriptions.lexicon import Mention, mask, modifiers
from saerad_core.vocabulary import TERMS, Statement

_CLEAR = (
    "consolidation",
    "lobar_collapse",
    "linear_atelectasis",
    "interstitial_oedema",
    "nodule",
    "mass",
    "multiple_nodules",
    "atelectasis",
    "opacity",
    "pneumonia",
)
_ACUTE = ("pleural_effusion", "pneumothorax", "consolidation", "interstitial_oedema", "pneumonia")
_DISEASES = tuple(key for key, term in TERMS.items() if not term.device)

_SUBJECTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r"cardio[ -]?mediastinal", ("cardiomegaly", "widened_mediastinum")),
    (r"heart|cardiac|cardiothoracic|cardiopericardial", ("cardiomegaly",)),
    (r"mediastin(?:um|al)", ("widened_mediastinum",)),
    (r"hil(?:a|um|ar)", ("hilar_enlargement",)),
    (r"lungs?(?! volume)|parenchyma", _CLEAR),
    (r"pleural spaces?|pleura|pleural surfaces", ("pleural_effusion", "pneumothorax")),
    (r"(?:costophrenic|cp) (?:angles?|sulc\w+|recess\w*)", ("pleural_effusion",)),
    (r"bones|bony|osseous|skeleton|skeletal|ribs", ("rib_fracture",)),
    (r"(?:hemi-?)?diaphragms?", ("raised_hemidiaphragm",)),
    (r"(?:pulmonary )?vascul\w+", ("congestion", "interstitial_oedema")),
    (r"chest(?: (?:radiograph|x-?ray|film|exam\w*))?(?! wall| tube)|study|examination|appearances", _DISEASES),
)
_NORMAL = r"(?<!not )(?<!ab)(?:normal(?:ly)?|unremarkable|within normal limits|clear(?! of)|without (?:any |acute |significant |focal )*(?:abnormalit\w+|findings?)|intact|sharp|wnl)"
_TOKEN = re.compile(
    r"\b(?:(?P<normal>"
    + _NORMAL
    + r")|"
    + "|".join(f"(?P<s{i}>{pattern})" for i, (pattern, _) in enumerate(_SUBJECTS))
    + r")\b"
    r"|(?P<stop>[;,:]|\b(?:but|however|although|though|with|without|no|there)\b)"
)
_REST = re.compile(r"\b(?:otherwise|remain(?:der|ing)|elsewhere|except|apart from|aside from|other than|rest of)\b")
_NOTHING = (
    (
        r"\bno (?:evidence of |radiographic evidence of )?(?:acute|active)(?: or active)?(?: (?:cardio\w+|pulmonary|thoracic|chest|intrathoracic))*"
        r" (?:abnormalit\w+|process\w*|disease|findings?|pathology)",
        _ACUTE,
    ),
    (r"\bno (?:acute )?(?:bony|osseous|skeletal|bone) (?:abnormalit\w+|findings?|injury|lesions?)", ("rib_fracture",)),
    (
        r"\bno (?:indwelling )?(?:lines|support devices)(?: or tubes)?",
        ("central_line", "endotracheal_tube", "nasogastric_tube"),
    ),
)
_COMPILED = [(re.compile(pattern), keys) for pattern, keys in _NOTHING]


def normal_statements(sentence: str, mentions: Sequence[Mention]) -> list[Statement]:
    """What a lower-case sentence denies by calling something normal.

    A sentence on the rest of the chest ("otherwise clear") denies nothing: it doesn't say what is left.
    """
    denied = [Statement(key, present=False) for pattern, keys in _COMPILED if pattern.search(sentence) for key in keys]
    if _REST.search(sentence):
        return denied
    pending: list[tuple[int, int]] = []
    pairs: list[tuple[int, int]] = []
    open_normal = False
    events = sorted(
        [(match.start(), match.end(), match) for match in _TOKEN.finditer(sentence)]
        + [(m.start, m.end, None) for m in mentions],
        key=lambda e: e[:2],
    )
    for start, end, match in events:
        if match is None:
            # "Normal mediastinal contours and cardiomegaly": what is named abnormal takes what came before with it.
            pending, open_normal = [], False
        elif any(m.start <= start < m.end for m in mentions):
            continue
        elif match.group("normal"):
            pairs += pending
            open_normal, pending = not pending, []
        elif match.group("stop"):
            open_normal = open_normal and match.group() == ","
            pending = pending if match.group() == "," else []
        elif open_normal:
            pairs.append((start, end))
        else:
            pending.append((start, end))
    masked = mask(sentence)
    for start, end in pairs:
        word = sentence[start:end]
        keys = next(keys for pattern, keys in _SUBJECTS if re.fullmatch(pattern, word))
        before = masked[max(0, start - 12) : start]
        sides = modifiers(re.split(r",|\band\b|\bthe\b", before)[-1]).sides
        side = sides[0] if len(sides) == 1 else ""
        denied += [Statement(key, side if TERMS[key].sided else "", present=False) for key in keys]
    return denied
