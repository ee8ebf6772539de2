"""Statements survive being written and read again."""

from hypothesis import given, settings
from hypothesis import strategies as st

from saerad_core.descriptions.realise import (
    IMPORTANCE,
    NOTHING_FOUND,
    impression,
    phrase,
    realise,
    realise_negatives,
    realise_pair,
)
from saerad_core.descriptions.statements import parse_statements
from saerad_core.vocabulary import SIDES, TERMS, Fact, Statement


def every_statement():
    """All statements of the vocabulary that make sense: what is absent is so for certain."""
    for term in TERMS.values():
        for side in ("", *(SIDES if term.sided else ())):
            for place in ("", *term.places):
                for severity in ("", *term.severities):
                    for certainty in ("certain", "likely", "possible"):
                        yield Statement(term.key, side, place, severity, True, certainty)
                    yield Statement(term.key, side, place, severity, False)


def read(text):
    return [s for sentence in parse_statements(text) for s in sentence.statements]


def statements():
    return st.sampled_from(list(every_statement()))


def test_every_statement_reads_back_as_itself():
    wrong = [(s, realise(s), read(realise(s))) for s in every_statement() if read(realise(s)) != [s]]
    assert not wrong, wrong[:5]


@given(st.lists(statements(), min_size=1, max_size=6))
@settings(max_examples=150, deadline=None)
def test_a_report_reads_back_sentence_by_sentence(stated):
    assert read(" ".join(realise(s) for s in stated)) == stated


def pairs():
    """Two statements on one finding that differ in side or place."""
    by_finding = {key: [s for s in every_statement() if s.finding == key] for key in TERMS if TERMS[key].sided}
    return st.sampled_from(list(by_finding)).flatmap(
        lambda key: st.tuples(st.sampled_from(by_finding[key]), st.sampled_from(by_finding[key])).filter(
            lambda pair: pair[0].fact != pair[1].fact
        )
    )


@given(pairs())
@settings(max_examples=500, deadline=None)
def test_a_pair_reads_back_as_both(pair):
    text = realise_pair(*pair)
    assert set(read(text)) == set(pair), text


@given(st.lists(st.sampled_from(list(TERMS)), unique=True, min_size=1))
@settings(max_examples=150, deadline=None)
def test_negatives_deny_just_those_findings(terms):
    found = read(realise_negatives(terms))
    assert {s.finding for s in found} == set(terms)
    assert not any(s.present for s in found)


def test_wording_is_what_a_radiologist_would_write():
    assert phrase(Statement("pleural_effusion", "right", severity="moderate")) == "moderate right pleural effusion"
    assert phrase(Statement("consolidation", "left", "lower zone")) == "consolidation in the left lower zone"
    assert (
        realise(Statement("pleural_effusion", "right", severity="moderate"))
        == "There is a moderate right pleural effusion."
    )
    assert (
        realise(Statement("consolidation", "left", "lower zone", certainty="likely"))
        == "Left lower zone consolidation is likely."
    )
    assert realise(Statement("nodule", "right", "mid zone", certainty="possible")) == "Possible right mid zone nodule."
    assert realise(Statement("pneumothorax", "right", present=False)) == "No right pneumothorax."
    assert realise(Statement("endotracheal_tube")) == "There is an endotracheal tube."
    assert realise(Statement("sternal_wires")) == "There are sternal wires."
    assert realise_negatives(["pneumothorax", "pleural_effusion"]) == "No pleural effusion or pneumothorax."
    pair = (
        Statement("pleural_effusion", "right", severity="moderate"),
        Statement("pleural_effusion", "left", severity="small"),
    )
    assert realise_pair(*pair) == "Bilateral pleural effusions, moderate on the right and small on the left."


def test_impression_puts_what_matters_first_and_leaves_out_the_minor():
    lines = impression(
        [
            Statement("scoliosis", "left", severity="mild"),
            Statement("cardiomegaly", severity="mild"),
            Statement("pleural_effusion", "right", severity="small"),
            Statement("pneumothorax", "left", severity="large"),
            Statement("pleural_effusion", "left", severity="small"),
            Statement("consolidation", present=False),
        ]
    )
    assert lines == ["Large left pneumothorax.", "Small bilateral pleural effusions.", "Mild cardiomegaly."]


def test_impression_of_nothing_says_no_more_than_it_knows():
    assert impression([Statement("pneumothorax", present=False)]) == [NOTHING_FOUND]
    assert impression([Statement("scoliosis", "left")]) == [NOTHING_FOUND, "Scoliosis convex to the left."]
    assert not any(s.present for s in read(NOTHING_FOUND))


@given(st.lists(statements().filter(lambda s: s.present), max_size=8, unique_by=lambda s: s.fact))
@settings(max_examples=150, deadline=None)
def test_impression_adds_no_fact(stated):
    facts = {s.fact for s in read(" ".join(impression(stated))) if s.present}
    assert facts <= {s.fact for s in stated} | {Fact("", "", "")}


def test_importance_ranks_the_whole_vocabulary():
    assert sorted(IMPORTANCE) == sorted(TERMS)
