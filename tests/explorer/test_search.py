"""Search as one types: beginnings, slips of the pen, all words; ranked."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from saerad_core.explorer.search import Indexes, TextIndex, words_of

TEXTS = [
    "There is a large left pleural effusion.",
    "Small right pleural effusion.",
    "Severe cardiomegaly.",
    "Left lower zone nodule.",
    "",
]


def fits(query: str) -> list[int]:
    return np.flatnonzero(TextIndex(TEXTS).find(query).fits).tolist()


def test_all_words_must_fit_by_beginning_or_but_for_a_slip():
    assert fits("effusion") == fits("eff") == fits("EFFUSION.") == fits("efusion") == fits("effusoin") == [0, 1]
    assert fits("effusion left") == fits("lef pleural") == [0]
    assert fits("cardiomegally") == fits("cardoimegaly") == [2]
    assert fits("zzzz") == fits("effusion zzzz") == fits("effxyzon") == []
    assert fits("") == fits("  ?") == [0, 1, 2, 3, 4]


def test_a_word_as_asked_counts_more_than_its_beginning_and_that_more_than_a_slip():
    index = TextIndex(["nodule", "nodules", "nodulous"])
    score = index.find("nodule").score
    assert score[0] > score[1] > 0
    assert 0 < TextIndex(TEXTS).find("efusion").score[0] < TextIndex(TEXTS).find("effusion").score[0]


@given(st.lists(st.text(alphabet="abcde fg", max_size=20), max_size=12), st.text(alphabet="abcde fg", max_size=6))
def test_whoever_holds_every_word_is_found(texts: list[str], query: str):
    found = TextIndex(texts).find(query)
    for text, fit, score in zip(texts, found.fits, found.score, strict=True):
        if all(any(word.startswith(asked) for word in words_of(text)) for asked in words_of(query)):
            assert fit
        assert score >= 0 and (fit or score == 0)


def test_a_reader_s_text_counts_in_place_of_the_program_s():
    indexes = Indexes(TEXTS, ["", "", "heart", "", ""])
    assert indexes.find("heart")[1].fits.tolist() == [False, False, True, False, False]
    indexes.lay_over([2], ["Normal heart shadow"])
    said, anywhere = indexes.find("shadow")
    assert said.fits.tolist() == [False, False, True, False, False]
    assert not indexes.find("cardiomegaly")[1].fits.any()
    indexes.lay_over([], [])
    assert indexes.find("cardiomegaly")[1].fits[2]


def test_alike_finds_texts_with_some_of_the_words():
    score = TextIndex(TEXTS).alike("left pleural effusion")
    assert score[0] > score[1] > score[2] == 0 and score[3] > 0
