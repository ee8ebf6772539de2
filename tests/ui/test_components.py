"""What comes from data never becomes markup, and numbers read as they should."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from saerad_core.ui.components import (
    FactItem,
    XrayCell,
    chip,
    fact_strip,
    heading,
    marked,
    number,
    score,
    share,
    tip,
    xray_grid,
)
from saerad_core.ui.palette import FAMILIES, GREY, colour_of, family_of
from saerad_core.vocabulary import TERMS

NASTY = '<script>alert("1")</script>\' onload="x"'


def test_data_is_escaped_everywhere():
    pieces = [
        chip(NASTY, says=NASTY, href=NASTY),
        tip(NASTY, NASTY),
        heading(NASTY, NASTY, NASTY),
        fact_strip([FactItem(NASTY, NASTY, NASTY)]),
        xray_grid([XrayCell(NASTY, NASTY, tag=NASTY, tag_says=NASTY, caption=marked(NASTY), heat=NASTY, label=NASTY)]),
    ]
    for piece in pieces:
        assert "<script" not in piece
        assert 'onload="x"' not in piece


@given(st.text(max_size=400), st.lists(st.text(max_size=12), max_size=4), st.integers(20, 200))
def test_marking_only_adds_marks(text: str, terms: list[str], limit: int):
    shown = marked(text, terms, limit)
    plain = shown.replace("<mark>", "").replace("</mark>", "")
    assert "<" not in plain and ">" not in plain
    assert shown.count("<mark>") == shown.count("</mark>")


def test_the_matching_phrase_stays_in_sight():
    text = "Clear lungs. " * 60 + "There is a right pleural effusion. " + "Normal bones. " * 60
    assert "<mark>right pleural effusion</mark>" in marked(text, ["right pleural effusion"], limit=120)


def test_numbers():
    assert number(1234567) == "1\N{NARROW NO-BREAK SPACE}234\N{NARROW NO-BREAK SPACE}567"
    assert number(None) == number(float("nan")) == "\N{EN DASH}"
    assert score(0.971) == ".97"
    assert score(-0.5) == "-.50"
    assert score(1.0) == "1.00"
    assert share(0.5).startswith("50") and share(0.0004).startswith("0.04") and share(0).startswith("0.0")


def test_every_finding_has_a_colour_of_its_family():
    for key in TERMS:
        assert family_of(key) in FAMILIES
        assert colour_of(key) != GREY
    assert colour_of("") == GREY
    assert len({colour for colour, _ in FAMILIES.values()}) == len(FAMILIES)


def test_a_literal_has_no_markup_left():
    from saerad_core.ui.components import literal

    told = literal("no ![x](http://away/x.png) [y](z) :red[q] $m$ <b> `c` *e*")
    assert not re.search(r"(?<!\\)[\[\]()<>`*$:!]", told) and told.replace("\\", "").replace(
        "\N{WORD JOINER}", ""
    ).startswith("no ![x](http://away")
