from hypothesis import given, settings
from hypothesis import strategies as st

from saerad_core.demo.population import sample_studies
from saerad_core.demo.wording import write_report
from saerad_core.descriptions.comparison import strip_comparisons
from saerad_core.descriptions.statements import facts_of, parse_statements
from saerad_core.descriptions.terms import phrases_of

CASES = {
    "Stable moderate right effusion, unchanged since the prior study.": "Moderate right effusion.",
    "No significant interval change in the left effusion. Heart is enlarged.": "Left effusion. Heart is enlarged.",
    "Cardiomegaly is unchanged.": "Cardiomegaly.",
    "Right basal consolidation, increased since the previous study.": "Right basal consolidation.",
    "Left effusion is larger than before.": "Left effusion.",
    "1.5 cm nodule in the right mid lung, unchanged since 2009.": "1.5 cm nodule in the right mid lung.",
    "Persistent left basal opacity, similar to the prior examination.": "Left basal opacity.",
    "There is a new left pneumothorax.": "There is a left pneumothorax.",
    "No change.": "",
    # Not a comparison with another study.
    "Bilateral effusions, larger on the right.": "Bilateral effusions, larger on the right.",
    "Chronic obstructive pulmonary disease.": "Chronic obstructive pulmonary disease.",
}


def test_sentences():
    assert {text: strip_comparisons(text) for text in CASES} == CASES


def states(text):
    return {(s.fact, s.present, s.certainty, s.severity) for s in facts_of(text).values()}


def test_simulated_reports_state_what_they_stated_and_compare_no_more():
    compared = 0
    for study in sample_studies(300, 9):
        report = write_report(study)
        for text in (report.findings, report.impression):
            bare = strip_comparisons(text)
            assert states(bare) == states(text), text
            compared += bare != text
            for word in ("unchanged", "previous study", "prior examination", "than before"):
                assert word not in bare.lower(), (text, bare)
    assert compared > 60


WORDS = st.sampled_from(
    (
        "stable",
        "unchanged",
        "new",
        "effusion",
        "right",
        "no",
        "left",
        "small",
        "since",
        "the",
        "prior",
        "study",
        ",",
        "in",
    )
    + ("cardiomegaly", "interval", "change", "increased", "possible", "is", "compared", "to", "without", "opacity")
)


@settings(deadline=None)
@given(st.lists(WORDS, max_size=25).map(" ".join))
def test_no_sentence_states_something_else_afterwards(text):
    def stated(some):
        return {s for sentence in parse_statements(some) for s in sentence.statements}

    assert stated(strip_comparisons(text)) == stated(text)


def test_phrases_beside_a_description_do_not_compare():
    assert "unchanged" not in " ".join(phrases_of("Right effusion, unchanged since the prior study."))
    assert "right effusion" in phrases_of("Stable right effusion, unchanged since the prior study.")
