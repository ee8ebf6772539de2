"""A pattern never matches a text without its needles."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saerad_core.descriptions import lexicon
from saerad_core.descriptions.needles import needles

ODD = (
    r"ab?cde",
    r"(?:one|two) things?",
    r"(?:one|t\w+) th[io]ng",
    r"(?:abc){2,}d",
    r"(?:abc)*",
    r"(?<=abc)def|x",
    r"abc(?=def)def",
    r"abc(?!def)\w",
    r"(?P<n>abc|abd)-(?P=n)",
    r"[abc]{3}def.*ghij",
    r"a\bbc|abcd",
)
"""Kinds of pieces that a pattern may have."""


@pytest.mark.parametrize("pattern", [*ODD, *dict.fromkeys(one.pattern for _, _, one in lexicon._COMPILED)])
def test_every_match_holds_a_needle(pattern: str) -> None:
    found = needles(pattern)

    @settings(max_examples=15, deadline=None, database=None)
    @given(st.from_regex(re.compile(pattern, re.ASCII)))
    def holds(text: str) -> None:
        assert not found or any(one in text for one in found)

    holds()


def test_what_they_are() -> None:
    assert needles(r"\b(?:cardiomegaly)\b") == ("cardiomegaly",)
    assert needles(r"(?:large|huge) heart") == (" heart",)
    assert needles(r"(?:large|huge)\w") == ("huge", "large")
    assert needles(r"ab") == needles(r"\w+") == needles(r"(?:abc)?d") == needles(r"(?:abcd|\w+)") == ()
    assert needles(r"(?i)cardiomegaly") == (), "its letters may be large ones"


def test_nearly_every_name_of_a_finding_has_some() -> None:
    assert sum(bool(one) for one in lexicon._NEEDLES) > 0.9 * len(lexicon._NEEDLES)


@given(
    st.lists(st.sampled_from([w for one in lexicon._NEEDLES for w in one] + [" ", " of ", "left", "no"]), max_size=8)
)
@settings(deadline=None)
def test_the_same_names_are_found_as_by_trying_every_pattern(parts: list[str]) -> None:
    sentence = "".join(parts)
    tried = {(m.start(), m.end()) for _, _, pattern in lexicon._COMPILED for m in pattern.finditer(sentence)}
    found = {(m.start, m.end) for m in lexicon.find_mentions(sentence)}
    assert found <= tried
    assert all(any(a < end and start < b for a, b in found) for start, end in tried), "what is left out lies in another"
    for key in lexicon.PATTERNS:
        named = any(pattern.search(sentence) for k, _, pattern in lexicon._COMPILED if k == key)
        assert lexicon.may_name(sentence, key) == named
