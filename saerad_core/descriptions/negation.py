"""Which findings a sentence denies, doubts or affirms: cues and how far they reach.

After NegEx (Chapman et al., J Biomed Inform 2001): cues before and after a finding, words that end a cue's reach, and
phrases that look like a negation but aren't ("no change in"). Cues here also carry doubt.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from saerad_core.descriptions.lexicon import Mention

_SEEN = r"(?:seen|identified|visuali[sz]ed|present|evident|demonstrated|appreciated|noted|detected|apparent|observed|shown|found|suspected)"

_PSEUDO = re.compile(
    r"\b(?:no|without|not)(?: any)?(?: (?:significant|significantly|interval|definite|appreciable|substantial|substantially|much|acute|major|overall|real))*"
    r" (?:changed?|increased?|decreased?|worsen(?:ing|ed)|progress(?:ion|ed)|difference|improve(?:ment|d))\b"
    r"|\bnot only\b|\bno doubt\b|\bwithout (?:interval )?change\b"
)
"""Looks like a negation of a finding, but denies a change."""

_VOID = re.compile(
    r"\b(?:no (?:other|additional|further|second)|rule out|r/o|(?:evaluate|evaluation|assess|assessment|screening) for|(?:to|and) (?:identify|exclude|detect)|correlat\w+(?: \w+)? for(?: \w+ of)?|detecting|(?:question|history) of|denies"
    r"|(?:clinical|continued) (?:concern|suspicion) (?:for|of)|(?:could|may|might) (?:obscure|hide|mask|simulate|mimic))\b"
)
"""What follows is neither affirmed nor denied."""

_NO_AFTER = re.compile(
    r"\b(?:(?:is|are|was|were) )?no longer(?: \w+)?"
    rf"|\b(?:(?:is|are|was|were|has|have|been|can|could) )*not (?:be |been )?(?:(?:definitely|clearly|convincingly|well)[ -])?{_SEEN}"
    r"|\b(?:(?:has|have|had|is|are) )?(?:(?:completely|fully|entirely|now|since|also|been) )*(?:resolved|cleared|disappeared)"
    r"|\b(?:has|have) (?:since )?been (?:removed|withdrawn|taken out)|\b(?:is|are) absent|\b(?:is|are) (?:excluded|ruled out)"
    r"|\b(?:is|are|appears?|remains?) within (?:normal limits|limits of normal)"
    r"|\b(?:is|are) (?:thought |felt )?(?:highly |very )?unlikely"
)
_PARTLY = re.compile(
    r"\b(?:nearly|mostly|partially|partly|almost|incompletely|largely)(?: \w+)? (?:resolved|cleared|disappeared)\b"
)
_NO_BEFORE = re.compile(
    r"\b(?:no|not|without|negative for|absence of|free (?:of|from)|clear of|neither|nor|resolution of|clearing of|removal of|resolved"
    r"|lack of|unlikely|devoid of|rather than)\b"
)

_MAYBE_AFTER = re.compile(
    r"\b(?:cannot|can't|can not|could not|is not|are not|not)(?: be)?(?: \w+)? (?:excluded|ruled out)"
    r"|\b(?:is|are|remains?) (?:also )?(?P<word>possible|suspected|questioned|likely|probable|questionable|favou?red)\b"
)
_MAYBE_BEFORE = re.compile(
    r"\b(?:(?P<likely>likely|probabl[ey]|presum(?:ed|ably)|suspicious for|suspected|suggest(?:s|ed|ing|ive of)?|favou?r(?:s|ed|ing)?)"
    r"|(?P<possible>possibl[ey]|questionable|question of|concern(?:ing)? for|worrisome for|equivocal"
    r"|in the (?:appropriate|correct|proper|right) clinical (?:setting|context)"
    r"|(?:may|could|might)(?: also)?(?: \w+)?|(?:cannot|can't|not) (?:entirely |completely )?(?:exclude|rule out)|difficult to exclude|versus|vs))(?!\w)"
)
_LIKELY_WORDS = frozenset({"likely", "probable", "suspected", "favored", "favoured"})

_STOP = re.compile(
    r"[;:]|\b(?:but|however|although|though|except|apart from|aside from|other than|which|whereas|while|there (?:is|are|has|have)|(?<!compatible )(?<!consistent )with(?! no))\b"
)
"""Ends every cue's reach."""
_SOFT_STOP = re.compile(
    r"(?:,|\band)\s+(?=(?:(?:an?|the|there|small|trace|tiny|moderate|large|mild|severe|marked|stable|unchanged|persistent|new|worsening"
    r"|increased|increasing|right|left|bilateral|minimal|slight)\b))"
)
"""Ends a denial's reach unless an or or nor follows: no X, small Y."""
_VERB = re.compile(r"\b(?:is|are|was|were|has|have|remains?|persists?)\b|, (?=the\b)")
_OR = re.compile(r"\b(?:or|nor)\b|/")
_ALTERNATIVE = re.compile(r"^\s*(?:or|versus|vs\.?|and/or|/)\s*(?:\w+\s+){0,3}$")


class Reading(NamedTuple):
    """How a sentence puts one mention."""

    present: bool
    certainty: str
    void: bool
    """Neither affirmed nor denied."""


def read(sentence: str, mentions: Sequence[Mention]) -> list[Reading]:
    """How a lower-case sentence puts each of its mentions.

    Args:
        sentence: one sentence, lower case.
        mentions: in the sentence, from left to right.
    """
    text = _blank(_PSEUDO, sentence)
    present = [True] * len(mentions)
    void = [False] * len(mentions)
    certainty = ["certain"] * len(mentions)
    for match in _VOID.finditer(text):
        for i in _ahead(text, match.end(), mentions):
            void[i] = True
    text = _blank(_VOID, text)
    text = _doubts(text, mentions, certainty)
    text = _blank(_PARTLY, text)
    for match in _NO_AFTER.finditer(text):
        if _inside(match, mentions):
            continue
        behind = _behind(text, match.start(), mentions)
        for i in behind or _ahead(text, match.end(), mentions):
            present[i] = False
    text = _blank(_NO_AFTER, text)
    for match in _NO_BEFORE.finditer(text):
        inside = _inside(match, mentions)
        for i in inside or _ahead(text, match.end(), mentions):
            present[i] = False
    for i in range(len(mentions) - 1):
        between = text[mentions[i].end : mentions[i + 1].start]
        if present[i] and present[i + 1] and _ALTERNATIVE.match(between):
            certainty[i] = certainty[i + 1] = "possible"
    return [Reading(present[i], certainty[i] if present[i] else "certain", void[i]) for i in range(len(mentions))]


def _doubts(text: str, mentions: Sequence[Mention], certainty: list[str]) -> str:
    """Set the certainty of what is doubted; returns the text without the cues that hold a not."""
    for match in _MAYBE_AFTER.finditer(text):
        word = match.group("word")
        follows = _ahead(text, match.end(), mentions)
        if word and follows and _close(text, match.end(), mentions[follows[0]].start):
            continue
        for i in _behind(text, match.start(), mentions):
            certainty[i] = "likely" if word in _LIKELY_WORDS else "possible"
    for match in _MAYBE_BEFORE.finditer(text):
        ahead = _ahead(text, match.end(), mentions)[:1]
        while ahead and ahead[-1] + 1 < len(mentions):
            i = ahead[-1] + 1
            if not _OR.search(text[mentions[i - 1].end : mentions[i].start]):
                break
            ahead.append(i)
        for i in ahead:
            if certainty[i] == "certain":
                certainty[i] = "likely" if match.group("likely") else "possible"
    return _blank(
        _MAYBE_AFTER,
        _blank(re.compile(r"\b(?:cannot|can't|not) (?:entirely |completely )?(?:exclude|rule out)\b"), text),
    )


def _close(text: str, end: int, start: int) -> bool:
    return not re.search(r",|\band\b", text[end:start])


def _blank(pattern: re.Pattern[str], text: str) -> str:
    return pattern.sub(lambda match: " " * len(match.group()), text)


def _inside(match: re.Match[str], mentions: Sequence[Mention]) -> list[int]:
    return [i for i, m in enumerate(mentions) if m.start <= match.start() and match.end() <= m.end]


def _ahead(text: str, start: int, mentions: Sequence[Mention]) -> list[int]:
    """Mentions that a cue before them reaches."""
    stop = _STOP.search(text, start)
    end = stop.start() if stop else len(text)
    for soft in _SOFT_STOP.finditer(text, start, end):
        reached = any(start <= m.start < soft.start() for m in mentions)
        if reached and not _OR.search(text, soft.end(), end):
            end = soft.start()
            break
    return [i for i, m in enumerate(mentions) if start <= m.start < end]


def _behind(text: str, end: int, mentions: Sequence[Mention]) -> list[int]:
    """Mentions that a cue after them reaches."""
    start = 0
    for pattern in (_STOP, _VERB):
        for match in pattern.finditer(text, 0, end):
            if not any(m.start <= match.start() < m.end for m in mentions):
                start = max(start, match.end())
    return [i for i, m in enumerate(mentions) if start <= m.start and m.end <= end]
