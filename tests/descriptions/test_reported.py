from saerad_core.descriptions.reported import looser, read_reports
from saerad_core.vocabulary import Fact
from tests.descriptions.planted import facts_of


def _has(matrix, reported, fact):
    return bool(matrix[0, reported.column(fact)])


def test_a_specific_statement_states_the_looser_facts():
    reported = read_reports(["right consolidation in the lower zone."], facts_of)
    assert set(reported.facts) == {Fact("consolidation", "right", "lower zone"), *looser(reported.facts[-1])}
    assert reported.stated.sum() == 4


def test_a_loose_statement_leaves_the_specific_ones_open():
    reported = read_reports(["consolidation.", "right consolidation in the lower zone.", "no consolidation."], facts_of)
    exact = reported.column(Fact("consolidation", "right", "lower zone"))
    assert reported.unknown[:, [exact]].toarray().ravel().tolist() == [1, 0, 0]
    assert reported.denied[:, [reported.column(Fact("consolidation"))]].toarray().ravel().tolist() == [0, 0, 1]


def test_a_named_side_answers_for_the_other_but_leaves_the_place_open():
    texts = ["right consolidation.", "right consolidation in the lower zone. left consolidation in the upper zone."]
    reported = read_reports(texts, facts_of)
    assert _has(reported.unknown, reported, Fact("consolidation", "right", "lower zone"))
    assert not _has(reported.unknown, reported, Fact("consolidation", "left", "upper zone"))
    assert not _has(reported.unknown, reported, Fact("consolidation", "left"))


def test_the_worse_severity_of_two_sides_is_kept():
    reported = read_reports(["small right pleural_effusion. large left pleural_effusion."], facts_of)
    assert reported.severity == ({"pleural_effusion": "large"},)


def test_an_indication_is_a_question_and_no_evidence():
    import pandas as pd

    from saerad_core.stages.describe import report_texts

    records = pd.DataFrame(
        {
            "indication": ["Rule in pneumothorax.", "Cough."],
            "findings": ["Small left effusion.", None],
            "impression": ["Effusion.", ""],
        }
    )
    assert report_texts(records) == ["Small left effusion. Effusion.", ""]
