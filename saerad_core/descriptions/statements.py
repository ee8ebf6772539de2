"""Statements in report text: which findings it says are there, where, how severe and how surely, and which are not.

Rules, not a model: the same reader grounds descriptions, generated reports and their scores, so it must be small
enough to be checked sentence by sentence. It reads wording of chest radiographs only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from saerad_core.descriptions.lexicon import ABSENT_ONLY, Mention, Modifiers, find_mentions, mask, may_name, modifiers
from saerad_core.descriptions.negation import Reading, read
from saerad_core.descriptions.normality import normal_statements
from saerad_core.vocabulary import TERMS, Fact, Statement, Term


class Sentence(NamedTuple):
    """A sentence of a report and what it states."""

    text: str
    start: int
    """Offset into the report."""
    end: int
    statements: tuple[Statement, ...]


_END = re.compile(r"(?<!\d)\.(?=\s|$|[A-Z])|(?<=\d)\.(?=\s+[A-Za-z]|\s*$)|[!?](?=\s|$)|\n+")
_NUMBER = re.compile(r"\s*(?:\d+[.)]|[-*•])\s+")
_CHUNK = re.compile(r",|;|:|\b(?:and|or|nor|plus|with|without|but|no|as well as|versus)\b|&|/")
_POST = re.compile(
    r"^\s*(?:,\s*)?(?:is|are|which)?\s*(?:seen|noted|present|located|situated|predominantly|mainly)?\s*(?:in|on|at|of|within|involving|throughout|over|overlying|convex)\b"
)
_LINK = re.compile(r"^[^,;:.]*\b(?:with|and|adjacent|associated|overlying|or)\b[^,;:.]*$")
_WITH = re.compile(r"\b(?:with|and)\b")
_SPREADING = frozenset(
    {"pleural_effusion", "consolidation", "lobar_collapse", "linear_atelectasis", "atelectasis", "opacity", "pneumonia"}
)
"""Findings that share the side of what they are named with."""
_BOTH = re.compile(r"^\s*(?:and|or|and/or|/|versus|vs)\s*(?:\w+\s+){0,2}$")
_CERTAINTY = ("possible", "likely", "certain")
LONGEST = 4_000
"""Characters of a sentence that is read; the longest of 3,955 Open-i reports has 900. A longer one is no sentence and states nothing."""


def parse_statements(text: str, about: str = "") -> list[Sentence]:
    """Read a report section.

    Args:
        about: read only sentences that name this finding, in a tenth of the time; "" for all.

    Returns:
        Every sentence in order, those that state nothing of the vocabulary, or aren't read, with no statements.
    """
    return [Sentence(text[a:b], a, b, _of_sentence(_lower(text[a:b]), about)) for a, b in _sentences(text)]


def _of_sentence(sentence: str, about: str) -> tuple[Statement, ...]:
    if len(sentence) > LONGEST or (about and not may_name(sentence, about)):
        return ()
    return _statements(sentence)


def facts_of(text: str) -> dict[Fact, Statement]:
    """The facts that a report states, each once.

    Present wins over absent, sure over doubtful, a named side and place over the finding as a whole; a doubtful
    finding that a later sentence denies is denied.

    Returns:
        Statement by fact, absences included.
    """
    present: dict[Fact, Statement] = {}
    absent: dict[Fact, Statement] = {}
    for sentence in parse_statements(text):
        for statement in sentence.statements:
            if statement.present:
                present[statement.fact] = _merge(present.get(statement.fact), statement)
                continue
            absent[statement.fact] = statement
            for fact in [f for f, s in present.items() if s.certainty != "certain" and _covers(statement.fact, f)]:
                del present[fact]
    for fact in [f for f in present if any(f != other and _covers(f, other) for other in present)]:
        coarse = present.pop(fact)
        for other in [f for f in present if _covers(fact, f)]:
            present[other] = _merge(present[other], coarse._replace(side=other.side, place=other.place))
    for fact in [f for f in absent if any(_covers(f, other) or _covers(other, f) for other in present)]:
        del absent[fact]
    return present | absent


def _covers(coarse: Fact, fine: Fact) -> bool:
    """Whether the first says what the second says, or less."""
    return coarse.finding == fine.finding and coarse.side in ("", fine.side) and coarse.place in ("", fine.place)


def _merge(old: Statement | None, new: Statement) -> Statement:
    if old is None:
        return new
    certainty = max(old.certainty, new.certainty, key=_CERTAINTY.index)
    return old._replace(severity=old.severity or new.severity, certainty=certainty)


def _sentences(text: str) -> Iterator[tuple[int, int]]:
    """Spans of the sentences, without list numbers and surrounding space."""
    start = 0
    for end in [*(match.end() for match in _END.finditer(text)), len(text)]:
        number = _NUMBER.match(text, start, end)
        first = number.end() if number else start
        span = text[first:end]
        left = first + len(span) - len(span.lstrip())
        right = first + len(span.rstrip())
        if right > left and any(c.isalpha() for c in text[left:right]):
            yield left, right
            start = end
        elif right <= left:
            start = end


def _lower(text: str) -> str:
    """In lower case, letter by letter, so that offsets stay."""
    lower = text.lower()
    return lower if len(lower) == len(text) else "".join(c.lower() if len(c.lower()) == 1 else c for c in text)


@lru_cache(maxsize=50_000)
def _statements(sentence: str) -> tuple[Statement, ...]:
    """What one lower-case sentence states; reports repeat themselves, so it is kept."""
    mentions = find_mentions(sentence)
    readings = read(sentence, mentions)
    masked = mask(sentence)
    chunks = [_chunks_of(masked, mentions, i) for i in range(len(mentions))]
    found: dict[tuple[Fact, bool], Statement] = {}
    for i, (mention, reading) in enumerate(zip(mentions, readings, strict=True)):
        if reading.void or not mention.key:
            continue
        own = chunks[i]
        if reading.present:
            own = own or []
            if TERMS[mention.key].sided and not any(c.sides for c in own):
                own = own + _borrowed(sentence, mentions, readings, chunks, i)
        for statement in _located(mention, reading, own):
            key = (statement.fact, statement.present)
            found[key] = _merge(found.get(key), statement)
    if not any(m.key == "rib_fracture" for m in mentions):
        for match in ABSENT_ONLY.finditer(sentence):
            bare = Mention("rib_fracture", match.start(), match.end(), match.group())
            others = [m for m in mentions if m.end <= bare.start or m.start >= bare.end]
            with_it = sorted([*others, bare], key=lambda m: m.start)
            if not read(sentence, with_it)[with_it.index(bare)].present:
                found.setdefault((Fact("rib_fracture"), False), Statement("rib_fracture", present=False))
    for statement in normal_statements(sentence, mentions):
        found.setdefault((statement.fact, False), statement)
    facts = [fact for fact, present in found if present]
    return tuple(
        s
        for (fact, present), s in found.items()
        if not (present and any(f != fact and _covers(fact, f) for f in facts))
    )


def _chunks_of(text: str, mentions: Sequence[Mention], i: int) -> list[Modifiers]:
    """What the text around a mention says on where it is and how severe, piece by piece."""
    mention = mentions[i]
    before = text[mentions[i - 1].end if i else 0 : mention.start]
    after = text[mention.end : mentions[i + 1].start if i + 1 < len(mentions) else len(text)]
    pieces = _CHUNK.split(before)
    own: list[Modifiers] = []
    # Next to the name anything goes; further off only pieces that say nothing but where and how much.
    if i == 0 or len(pieces) > 1:
        own.append(modifiers(pieces[-1]))
        for k in range(len(pieces) - 2, 0 if i else -1, -1):
            piece = modifiers(pieces[k])
            if not piece.pure or (i and _belongs_before(pieces[k], mentions[i - 1])):
                break
            own.insert(0, piece)
    else:
        # Without any link the words belong to the name that they precede, unless they begin like an afterthought.
        own.append(modifiers("" if _POST.match(before) else before))
    own.append(modifiers(mention.text))
    pieces = _CHUNK.split(after)
    last = i + 1 == len(mentions)
    if last or len(pieces) > 1 or _POST.match(after):
        own.append(modifiers(pieces[0]))
    for piece in pieces[1:] if last else pieces[1:-1]:
        said = modifiers(piece)
        if not said.pure or not (last or _belongs_before(piece, mention)):
            break
        own.append(said)
    return [m for m in own if m.sides or m.places or m.rank is not None]


def _belongs_before(piece: str, mention: Mention) -> bool:
    """Whether a piece between two names goes with the one before it: "on the right", or a bare size."""
    if not mention.key:
        return False
    said = modifiers(piece)
    term = TERMS[mention.key]
    if re.search(r"\b(?:in|on|at|within|than)\b", piece):
        return term.sided
    return said.rank is not None and not said.sides and not said.places and bool(term.severities)


def _borrowed(
    sentence: str, mentions: Sequence[Mention], readings: Sequence[Reading], chunks: Sequence[list[Modifiers]], i: int
) -> list[Modifiers]:
    """Where a finding is whose side is only named with its neighbour: right effusion with atelectasis."""
    mention = mentions[i]
    if TERMS[mention.key].device:
        return []
    if i + 1 < len(mentions) and readings[i + 1].present and mentions[i + 1].key:
        between = sentence[mention.end : mentions[i + 1].start]
        shared = [c._replace(rank=None) for c in chunks[i + 1] if c.sides]
        if shared and _BOTH.match(between):
            return shared
    for k in range(i - 1, -1, -1):
        said = [c._replace(rank=None) for c in chunks[k] if c.sides]
        between = sentence[mentions[k].end : mention.start]
        if not said or not readings[k].present or not mentions[k].key or TERMS[mentions[k].key].device:
            continue
        # What an opacity may be is where the opacity is; what comes along with it is on its side, at most.
        if readings[i].certainty != "certain" and readings[k].certainty == "certain" and not _WITH.search(between):
            return said
        if k == i - 1 and mention.key in _SPREADING and _LINK.match(between):
            return [c._replace(places=()) for c in said]
    return []


def _located(mention: Mention, reading: Reading, chunks: Sequence[Modifiers]) -> list[Statement]:
    """The statements of one mention: one for each side and place that its pieces name."""
    key = mention.key
    if key == "nodule" and reading.present and re.search(r"nodules|opacities|densities", mention.text):
        key = "multiple_nodules"
    term = TERMS[key]
    spots: dict[tuple[str, str], str] = {}
    loose = ""
    pieces = [(c.sides if term.sided else (), _places(term, c.places), _severity(term, c.rank)) for c in chunks]
    for k, (sides, places, severity) in enumerate(pieces):
        if not sides and not places:
            loose = loose or severity
            continue
        sides = sides or _next_known([p[0] for p in pieces], k, back_first=True)
        places = places or _next_known([p[1] for p in pieces], k, back_first=False)
        for side in sides or ("",):
            for place in places or ("",):
                spots[side, place] = spots.get((side, place)) or severity
    spots = spots or {("", ""): ""}
    return [
        Statement(key, side, place, severity or loose, reading.present, reading.certainty)
        for (side, place), severity in spots.items()
    ]


def _next_known(values: Sequence[tuple[str, ...]], k: int, *, back_first: bool) -> tuple[str, ...]:
    """The nearest named side or place of the other pieces, looking back or forward first."""
    back, forth = list(reversed(values[:k])), list(values[k + 1 :])
    return next((v for v in (back + forth if back_first else forth + back) if v), ())


def _places(term: Term, names: Sequence[str]) -> tuple[str, ...]:
    return tuple(place for name in names for place in term.places if place.startswith(name))


def _severity(term: Term, rank: int | None) -> str:
    if rank is None or not term.severities:
        return ""
    if len(term.severities) == 2:
        return {0: term.severities[0], 2: term.severities[1]}.get(rank, "")
    return term.severities[rank]
