"""The checker: a sentence may say what its evidence says, or less. No language model takes part.

A sentence is read with the program's own lexicon and negation; each of its statements must be covered by a statement of the evidence
that it names, and no word may be left over that says something else: a past, a number, a device, a finding outside the vocabulary.
What can't be read isn't supported. Measured by benchmarks/checker.py on seeded errors.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from saerad_core.descriptions.lexicon import Mention, find_mentions, grades, mask, modifiers, without_modifiers
from saerad_core.descriptions.negation import read
from saerad_core.descriptions.statements import parse_statements
from saerad_core.reports.check_words import CHANGES, NARROWING, NUMBER, PLAIN, PRIOR, SIGNS, TOKEN
from saerad_core.vocabulary import SIDES, TERMS, Statement

KINDS = (
    "no evidence", "added finding", "wrong side", "wrong place", "lost negation", "false denial", "raised certainty", "severity",
    "invented prior", "number", "device", "more than its evidence",
)  # fmt: skip
"""What can be wrong with a sentence."""

WIDER: dict[str, frozenset[str]] = {
    "consolidation": frozenset({"opacity"}),
    "linear_atelectasis": frozenset({"atelectasis"}),
    "lobar_collapse": frozenset({"atelectasis"}),
    "mass": frozenset({"opacity"}),
    "nodule": frozenset({"opacity"}),
    "multiple_nodules": frozenset({"nodule", "opacity"}),
    "pneumonia": frozenset({"opacity"}),
}
"""What a finding may also be called, saying less."""
_GENERIC = frozenset({"opacity", "atelectasis", "pneumonia", "congestion"})
"""Denied by "the lungs are clear" as the sum of the others, without being named."""
_NATURAL = {
    "pleural_effusion": "lower", "pneumothorax": "upper", "apical_scarring": "upper", "pleural_thickening": "upper",
    "hiatus_hernia": "lower", "raised_hemidiaphragm": "lower",
}  # fmt: skip
"""Where a finding that the vocabulary gives no place is by nature: an effusion at the base says no more than an effusion."""
_SAME = {"mediastinum": "widened_mediastinum", "opacity": "opacity"}
"""Finding of the vocabulary that something beside it may stand for."""
_VAGUE = re.compile(r"abnormalit\w+|lesions?")
_DENIED = re.compile(r"\b(?:no|not|without|nor)\b[^,;.]*$")
LONGEST = 1_000
"""Characters of a sentence, or of a few, that are read."""
_CERTAINTY = ("possible", "likely", "certain")
_MEANT = {"new": "new", "gone": "no longer there", "same": "on both"}


class Flag(NamedTuple):
    """Something that a sentence says and its evidence doesn't."""

    kind: str
    """One of KINDS."""
    reason: str
    """One plain sentence for the reader."""


class Claim(NamedTuple):
    """A sentence of a writer, with the statements that it says it rests on."""

    text: str
    evidence: tuple[Statement, ...]
    change: str = ""
    """As in `check`."""


def check(text: str, evidence: Sequence[Statement], *, change: str = "") -> list[Flag]:
    """What a sentence says beyond its evidence; an empty list where it is supported.

    Args:
        text: one sentence or a few.
        evidence: the statements that it names as its evidence, present and absent.
        change: what the features of this X-ray and of an earlier one say of the evidence: new, gone or same; "" where they say nothing,
            and then no sentence may speak of another time.
    """
    if not evidence:
        return [Flag("no evidence", "It names no evidence.")]
    if len(text) > LONGEST:
        return [Flag("more than its evidence", f"It is longer than {LONGEST} characters.")]
    if any(unicodedata.category(c)[0] == "C" and c not in "\n\t" for c in text):
        return [Flag("more than its evidence", "It holds characters that can't be seen.")]
    found: list[Flag] = []
    sentences = parse_statements(text)
    for sentence in sentences:
        lower = sentence.text.lower()
        mentions = find_mentions(lower)
        denies = bool(sentence.statements) and not any(s.present for s in sentence.statements)
        flags = _statements(_as_meant(sentence.statements, lower, mentions, evidence), mentions, evidence)
        flags += _besides(lower, mentions, evidence)
        flags += _prior(lower, mentions, change)
        flags += _numbers(lower, mentions)
        if not denies:
            flags += _loose_modifiers(lower, mentions, evidence)
        if not flags:
            flags += _rest(
                lower, mentions, prior=bool(change), narrowing=any(not s.present for s in sentence.statements)
            )
        found += flags
    if not sentences:
        found.append(Flag("more than its evidence", "It can't be read as a sentence."))
    return list(dict.fromkeys(found))


def check_all(claims: Iterable[Claim]) -> list[tuple[Claim, list[Flag]]]:
    """Every claim of a writer with what is wrong with it."""
    return [(claim, check(claim.text, claim.evidence, change=claim.change)) for claim in claims]


def _as_meant(
    said: Sequence[Statement], lower: str, mentions: Sequence[Mention], evidence: Sequence[Statement]
) -> list[Statement]:
    """The statements with two readings given up that the vocabulary needs and the writer may not mean.

    "Borderline" and "blunted" are no grade, and an airspace opacity is an opacity where the evidence calls it one.
    """
    meant = list(said)
    words = [word for _, word, _ in grades(mask(lower))]
    if words and all(word.startswith(("borderline", "blunt")) for word in words):
        meant = [s._replace(severity="") for s in meant]
    found = {e.finding for e in evidence}
    named = [m.text for m in mentions if m.key == "consolidation"]
    if named and "opacity" in found and "consolidation" not in found and not any("consolidat" in m for m in named):
        meant = [s._replace(finding="opacity") if s.finding == "consolidation" else s for s in meant]
    return meant


def _statements(said: Sequence[Statement], mentions: Sequence[Mention], evidence: Sequence[Statement]) -> list[Flag]:
    flags = []
    named = {m.key for m in mentions}
    for s in said:
        if s.present:
            flags += _presence(s, evidence)
        elif s.finding in named or s.finding not in _GENERIC:
            flags += _absence(s, evidence)
    return flags


def _presence(said: Statement, evidence: Sequence[Statement]) -> list[Flag]:
    name = TERMS[said.finding].name
    same = [
        e for e in evidence if e.present and (e.finding == said.finding or said.finding in WIDER.get(e.finding, ()))
    ]
    if not same:
        if any(e.finding == said.finding for e in evidence):
            return [Flag("lost negation", f"The evidence says that there is no {name}.")]
        kind = "device" if TERMS[said.finding].device else "added finding"
        return [Flag(kind, f"The evidence says nothing of {name}.")]
    if said.side:
        on_side = [e for e in same if e.side == said.side]
        if not on_side:
            sides = " and ".join(sorted({e.side for e in same if e.side}))
            told = f"puts {name} on the {sides}" if sides else f"names no side of {name}"
            return [Flag("wrong side", f"The evidence {told}, the sentence says {said.side}.")]
        same = on_side
    if said.place:
        in_place = [e for e in same if e.place == said.place]
        if not in_place:
            return [Flag("wrong place", f"The evidence doesn't put {name} in the {said.place}.")]
        same = in_place
    if said.severity and said.severity not in {e.severity for e in same}:
        grades = " or ".join(sorted({e.severity for e in same if e.severity}))
        told = f"grades {name} as {grades}" if grades else f"doesn't grade {name}"
        return [Flag("severity", f"The evidence {told}, the sentence says {said.severity}.")]
    surest = max((e.certainty for e in same), key=_CERTAINTY.index)
    if _CERTAINTY.index(said.certainty) > _CERTAINTY.index(surest):
        return [Flag("raised certainty", f"The evidence makes {name} {surest}, the sentence {said.certainty}.")]
    return []


def _absence(said: Statement, evidence: Sequence[Statement]) -> list[Flag]:
    name = TERMS[said.finding].name
    wider = WIDER.get(said.finding, frozenset())
    for e in evidence:
        covers = e.finding == said.finding or e.finding in wider
        if not e.present and covers and e.side in ("", said.side) and e.place in ("", said.place):
            return []
    if any(e.present and e.finding == said.finding and (not said.side or e.side in ("", said.side)) for e in evidence):
        return [Flag("false denial", f"The evidence says that there is {name}.")]
    return [Flag("false denial", f"The evidence doesn't say that there is no {name}.")]


def _besides(lower: str, mentions: Sequence[Mention], evidence: Sequence[Statement]) -> list[Flag]:
    """Things named that the vocabulary doesn't know."""
    flags = []
    found = {e.finding for e in evidence}
    for m, reading in zip(mentions, read(lower, mentions), strict=True):
        paced = m.text in ("lead", "leads") and "pacemaker" in found
        vague = not reading.present and _VAGUE.fullmatch(m.text)
        if m.key or paced or vague or _SAME.get(m.beside) in found:
            continue
        kind = "device" if m.beside == "device" else "added finding"
        flags.append(Flag(kind, f"The evidence says nothing of {m.text}."))
    return flags


def _prior(lower: str, mentions: Sequence[Mention], change: str) -> list[Flag]:
    for match in PRIOR.finditer(lower):
        # "Increased cardiothoracic ratio", "heart size is increased": a name, no comparison.
        if match.group() in ("increased", "reduced") and _within(match.start(), mentions):
            continue
        if change and CHANGES[change].fullmatch(match.group()):
            continue
        why = (
            f"the features of the two X-rays say only that this is {_MEANT[change]}"
            if change
            else "nothing here rests on one"
        )
        return [
            Flag(
                "invented prior",
                f"\N{LEFT DOUBLE QUOTATION MARK}{match.group()}\N{RIGHT DOUBLE QUOTATION MARK} compares with another time; {why}.",
            )
        ]
    return []


def _numbers(lower: str, mentions: Sequence[Mention]) -> list[Flag]:
    for match in NUMBER.finditer(lower):
        if not match.group()[0].isdigit() and _within(match.start(), mentions):
            continue
        return [
            Flag(
                "number",
                f"\N{LEFT DOUBLE QUOTATION MARK}{match.group()}\N{RIGHT DOUBLE QUOTATION MARK}: the evidence holds no counts or measures.",
            )
        ]
    return []


def _loose_modifiers(lower: str, mentions: Sequence[Mention], evidence: Sequence[Statement]) -> list[Flag]:
    """Sides, places and grades that belong to no statement, where the evidence has none such."""
    said = modifiers(mask(lower))
    sides = {e.side for e in evidence if e.present}
    # "In both lungs": a finding without a side is anywhere.
    if set(said.sides) == set(SIDES) and "" in sides:
        sides |= set(SIDES)
    flags = [
        Flag("wrong side", f"The evidence says nothing of the {side}.") for side in said.sides if side not in sides
    ]
    present = [e for e in evidence if e.present]
    places = {e.place.split()[0] for e in present if e.place} | {_NATURAL.get(e.finding, "") for e in present}
    flags += [
        Flag("wrong place", f"The evidence says nothing of the {p} part.") for p in said.places if p not in places
    ]
    graded = {_rank(e) for e in present if e.severity}
    for start, word, rank in grades(mask(lower)):
        # A denial of something large says less than a denial.
        if rank not in graded and not word.startswith(("borderline", "blunt")) and not _DENIED.search(lower[:start]):
            flags.append(Flag("severity", f"The evidence doesn't grade anything as {word}."))
    return flags


def _rank(statement: Statement) -> int:
    """0 to 2, as the lexicon ranks words of severity."""
    severities = TERMS[statement.finding].severities
    place = severities.index(statement.severity)
    return place if len(severities) == 3 else 2 * place


def _within(start: int, mentions: Sequence[Mention]) -> bool:
    return any(m.start <= start < m.end for m in mentions)


def _rest(lower: str, mentions: Sequence[Mention], *, prior: bool, narrowing: bool) -> list[Flag]:
    """Words that are left over once everything known is taken away."""
    text = mask(lower)
    for m in mentions:
        text = text[: m.start] + " " * (m.end - m.start) + text[m.end :]
    text = without_modifiers(text)
    if prior:
        text = PRIOR.sub(" ", text)
    known = PLAIN | NARROWING if narrowing else PLAIN
    left = [word for word in TOKEN.findall(text) if word.strip("'-") not in known and len(word) > 1]
    if not left and (sign := SIGNS.search(lower)):
        return [
            Flag(
                "more than its evidence",
                f"No report sentence holds \N{LEFT DOUBLE QUOTATION MARK}{sign.group()}\N{RIGHT DOUBLE QUOTATION MARK}.",
            )
        ]
    if not left:
        return []
    words = ", ".join(dict.fromkeys(left))
    return [Flag("more than its evidence", f"The evidence doesn't say: {words}.")]
