"""Statements back into words. Whatever is written here, parse_statements reads back as the same statements."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from saerad_core.vocabulary import SIDES, TERMS, ZONES, Statement

NOTHING_FOUND = "No acute cardiopulmonary abnormality among the findings that this program looks for."
"""Impression where nothing that matters is stated; it promises no more than the vocabulary holds."""

IMPORTANCE: tuple[str, ...] = (
    "pneumothorax",
    "mass",
    "multiple_nodules",
    "widened_mediastinum",
    "lobar_collapse",
    "consolidation",
    "pneumonia",
    "interstitial_oedema",
    "pleural_effusion",
    "nodule",
    "congestion",
    "opacity",
    "hilar_enlargement",
    "rib_fracture",
    "cardiomegaly",
    "raised_hemidiaphragm",
    "atelectasis",
    "emphysema",
    "fibrosis",
    "hyperinflation",
    "hiatus_hernia",
    "linear_atelectasis",
    "endotracheal_tube",
    "central_line",
    "nasogastric_tube",
    "pacemaker",
    "pleural_thickening",
    "apical_scarring",
    "calcified_granuloma",
    "scoliosis",
    "sternal_wires",
)
"""Findings from the first to the last that an impression mentions."""
_MINOR = frozenset(IMPORTANCE[IMPORTANCE.index("endotracheal_tube") :])
_LONGEST = 6
"""Lines of an impression."""

_PLURAL = frozenset({"multiple_nodules", "sternal_wires"})
_COUNTED = frozenset(
    {
        "pleural_effusion",
        "pneumothorax",
        "nodule",
        "mass",
        "widened_mediastinum",
        "raised_hemidiaphragm",
        "hiatus_hernia",
        "calcified_granuloma",
        "rib_fracture",
        "pacemaker",
        "central_line",
        "endotracheal_tube",
        "nasogastric_tube",
    }
)
"""Names that take an article."""
_PLURALS = {
    "pleural_effusion": "pleural effusions",
    "pneumothorax": "pneumothoraces",
    "nodule": "nodules",
    "mass": "masses",
    "raised_hemidiaphragm": "raised hemidiaphragms",
    "calcified_granuloma": "calcified granulomas",
    "rib_fracture": "rib fractures",
    "pacemaker": "pacemakers",
    "central_line": "central lines",
}
_REGIONS: tuple[tuple[str, ...], ...] = (
    ("pleural_effusion", "pneumothorax", "pleural_thickening"),
    ("consolidation", "opacity", "pneumonia", "lobar_collapse", "atelectasis", "linear_atelectasis"),
    ("interstitial_oedema", "congestion"),
    ("nodule", "mass", "multiple_nodules", "calcified_granuloma"),
    ("emphysema", "hyperinflation", "fibrosis", "apical_scarring"),
    ("cardiomegaly", "widened_mediastinum", "hilar_enlargement", "hiatus_hernia", "raised_hemidiaphragm"),
    ("rib_fracture", "scoliosis"),
    ("pacemaker", "central_line", "endotracheal_tube", "nasogastric_tube", "sternal_wires"),
)
"""Findings that are denied in one breath."""


def phrase(statement: Statement) -> str:
    """What is stated, as it reads within a sentence: moderate right pleural effusion, consolidation in the left lower zone."""
    key, side, place, severity = statement.finding, statement.side, statement.place, statement.severity
    name = TERMS[key].name
    if key == "raised_hemidiaphragm":
        return _joined(severity, "raised", side, "hemidiaphragm")
    if key == "scoliosis":
        return _joined(severity, name, f"convex to the {side}" if side else "")
    if key == "lobar_collapse":
        return _joined(severity, side, f"{place} collapse" if place else name)
    if key == "pacemaker":
        return _joined(severity, f"{side}-sided" if side else "", name)
    if place:
        return _joined(severity, name, "in the", side, place)
    return _joined(severity, side, name)


def realise(statement: Statement) -> str:
    """The statement as a sentence.

    There is a moderate right pleural effusion. Left lower zone consolidation is likely. Possible right upper zone
    nodule. No right pneumothorax.
    """
    if not statement.present:
        return f"No {phrase(statement)}."
    many = statement.finding in _PLURAL
    if statement.certainty == "likely":
        return f"{_capital(_attributive(statement))} {'are' if many else 'is'} likely."
    if statement.certainty == "possible":
        return f"Possible {_attributive(statement)}."
    words = phrase(statement)
    article = ""
    if statement.finding in _COUNTED:
        article = "an " if words[0] in "aeiou" else "a "
    return f"There {'are' if many else 'is'} {article}{words}."


def realise_negatives(terms: Sequence[str]) -> str:
    """One sentence a region that denies findings of the vocabulary: No pleural effusion or pneumothorax.

    Args:
        terms: keys of the findings that are absent.
    """
    assert all(key in TERMS for key in terms)
    sentences = []
    for region in _REGIONS:
        names = [TERMS[key].name for key in region if key in terms]
        if names:
            sentences.append(f"No {_listed(names, 'or')}.")
    return " ".join(sentences)


def realise_pair(first: Statement, second: Statement) -> str:
    """Two statements on one finding, on both sides or in two places, in one sentence where that reads well.

    Bilateral pleural effusions, moderate on the right and small on the left.
    """
    assert first.finding == second.finding and first.fact != second.fact
    key = first.finding
    alike = (first.present, first.certainty) == (second.present, second.certainty)
    placed = [s.place for s in (first, second)]
    sides = {first.side, second.side}
    term = TERMS[key]
    if not alike or not first.present or not all((s.side or not term.sided) for s in (first, second)):
        return f"{realise(first)} {realise(second)}"
    # "Nodules" in the plural would read as many of them.
    if all(placed) and key != "nodule" and set(term.places) <= set(ZONES) and not term.severities:
        if len(sides) == 2 and placed[0] == placed[1]:
            where = f"both {placed[0]}s"
        else:
            where = f"the {first.side} {placed[0]} and the {second.side} {placed[1]}"
        return _framed(key, f"{_PLURALS.get(key, term.name)} in {where}", first.certainty)
    if any(placed) or sides != set(SIDES) or key in ("scoliosis", "lobar_collapse", "nodule"):
        return f"{realise(first)} {realise(second)}"
    name = _PLURALS.get(key, term.name)
    if first.severity == second.severity:
        return _framed(key, _joined(first.severity, "bilateral", name), first.certainty)
    each = [f"{s.severity} on the {s.side}" for s in (first, second) if s.severity]
    return _framed(key, f"bilateral {name}, {' and '.join(each)}", first.certainty)


def impression(statements: Sequence[Statement]) -> list[str]:
    """Short lines on what is there, the most important first; minor findings only where there is little else.

    Args:
        statements: of one report; what they deny isn't repeated.
    """
    present = sorted((s for s in statements if s.present), key=lambda s: IMPORTANCE.index(s.finding))
    lines = list(_short([s for s in present if s.finding not in _MINOR]))[:_LONGEST]
    if lines:
        return lines
    return [NOTHING_FOUND, *list(_short(present))[:2]]


def _short(statements: Sequence[Statement]) -> Iterator[str]:
    """A line for each finding, both of its sides in one where they can be."""
    for key in dict.fromkeys(s.finding for s in statements):
        same = list(dict.fromkeys(s for s in statements if s.finding == key))
        if len(same) == 2 and same[0].fact != same[1].fact:
            yield realise_pair(*same)
            continue
        for s in same:
            yield f"{_capital(phrase(s))}." if s.certainty == "certain" else realise(s)


def _attributive(statement: Statement) -> str:
    """The statement with its place before its name: left lower zone consolidation."""
    if statement.place and statement.finding != "lobar_collapse":
        return _joined(statement.severity, statement.side, statement.place, TERMS[statement.finding].name)
    return phrase(statement)


def _framed(key: str, words: str, certainty: str) -> str:
    if certainty == "possible":
        return f"Possible {words}."
    if certainty == "likely":
        return f"Likely {words}."
    return f"{_capital(words)}."


def _joined(*words: str) -> str:
    return " ".join(word for word in words if word)


def _listed(names: Sequence[str], last: str) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {last} {names[-1]}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
