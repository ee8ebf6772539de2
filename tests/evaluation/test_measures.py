import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saerad_core.evaluation import paper
from saerad_core.evaluation.compare import compared, counted, draw, figure, holm
from saerad_core.evaluation.measures import MEASURES, Told
from saerad_core.evaluation.measures.overlap import meteor, rouge_l
from saerad_core.evaluation.measures.statements import entails, statements_of
from saerad_core.vocabulary import Fact

OWN = "There is a moderate right pleural effusion. Left lower zone consolidation. No pneumothorax. The heart is not enlarged."


def value(name: str, text: str, reference: str = OWN, truth=frozenset()) -> float:
    measure = MEASURES[name]
    told = Told([text], [reference], [set(truth)])
    return float(measure.figure(measure.counts(told).sum(axis=0)[:, None])[0])


@pytest.mark.parametrize(
    "name", ["statement_f1", "positive_f1", "label14_micro", "bleu1", "bleu4", "rouge_l", "label5_macro"]
)
def test_a_report_that_repeats_the_reference_has_all(name: str):
    assert value(name, OWN) == pytest.approx(1.0)
    assert value(name, "There is a pacemaker.") < 0.3


def test_bleu_is_sacrebleus_own_corpus_score():
    from sacrebleu.metrics.bleu import BLEU

    texts = [
        OWN,
        "Small left pleural effusion. No consolidation in the lungs.",
        "No pneumothorax. No pleural effusion is seen today.",
    ]
    references = ["There is a large right pleural effusion. No pneumothorax.", "There is no consolidation in the lungs.", "No pleural effusion is seen."]  # fmt: skip
    for name, order in (("bleu1", 1), ("bleu4", 4)):
        measure = MEASURES[name]
        counts = measure.counts(Told(texts, references, [set()] * 3))
        theirs = BLEU(lowercase=True, max_ngram_order=order, smooth_method="none").corpus_score(texts, [references])
        assert float(measure.figure(counts.sum(axis=0)[:, None])[0]) == pytest.approx(theirs.score / 100)


def test_rouge_l_and_meteor_by_hand():
    # Longest common subsequence "no effusion": 2 words of 3 and of 4.
    assert rouge_l("No right effusion", "No pleural effusion seen") == pytest.approx(2 * 2 / 7)
    # Both words match in one chunk: a mean of 1, less the penalty 0.5 * (1 / 2) ** 3.
    assert meteor("no effusion", "no effusion") == pytest.approx(1 - 0.5 / 8)
    # A stem matches where the word doesn't; a synonym doesn't, since there is no WordNet.
    assert meteor("effusions", "effusion") > 0 and meteor("heart", "bosom") == 0


def test_entailment_goes_from_narrow_to_wide_and_for_denials_from_wide_to_narrow():
    said = statements_of("Left lower zone consolidation. No pleural effusion.")

    def one(text: str):
        return statements_of(text)[0]

    assert entails(said, one("Left consolidation.")) and entails(said, one("Consolidation."))
    assert not entails(said, one("Right consolidation.")) and not entails(said, one("Left upper zone consolidation."))
    assert entails(said, one("No right pleural effusion."))
    assert not entails(statements_of("No right pleural effusion."), one("No pleural effusion."))


def test_label_rules_differ_in_doubt_alone():
    doubtful = "Possible right pleural effusion."
    assert value("label5_micro", doubtful, "There is a right pleural effusion.") == 1
    assert value("label5_micro_sure", doubtful, "There is a right pleural effusion.") == 0


def test_rates_against_the_truth():
    truth = {Fact("pleural_effusion", "left")}
    assert value("wrong_side", "There is a right pleural effusion.", truth=truth) == 1
    assert value("wrong_side", "There is a left pleural effusion. Right pneumothorax.", truth=truth) == 0
    assert np.isnan(value("normal_called_abnormal", "Right pneumothorax.", truth=truth))
    assert (
        value("normal_called_abnormal", "Right pneumothorax.") == 1
        and value("normal_called_abnormal", "No pneumothorax.") == 0
    )
    assert value("sure_precision", "Possible right pneumothorax. There is a left pleural effusion.", truth=truth) == 1
    assert value("fact_precision", "Possible right pneumothorax. There is a left pleural effusion.", truth=truth) == 0.5
    assert value("invented_prior", "The effusion is unchanged.") == 1 and value("invented_prior", "No effusion.") == 0


def test_an_xray_without_a_report_of_its_own_counts_for_nothing_that_needs_one():
    for measure in MEASURES.values():
        if measure.needs == "reference":
            counts = measure.counts(Told([OWN, OWN], [OWN, ""], [set(), set()]))
            assert counts[0].any() and not counts[1].any()


@settings(max_examples=25, deadline=None)
@given(st.permutations(range(6)), st.lists(st.integers(0, 2), min_size=6, max_size=6))
def test_no_figure_depends_on_the_order_of_xrays_and_equal_reports_do_not_differ(order, patients):
    texts = [
        "Right pneumothorax.",
        "No pneumothorax.",
        OWN,
        "Possible cardiomegaly.",
        "There is a pacemaker.",
        "Left pleural effusion.",
    ]
    told = Told(texts, [OWN] * 6, [{Fact("pneumothorax", "right")}] * 3 + [set()] * 3)
    moved = Told([texts[i] for i in order], [OWN] * 6, [told.truth[i] for i in order])
    measures = {name: MEASURES[name] for name in ("fact_f1", "statement_f1", "normal_called_abnormal")}
    one, other = counted({"a": told}, measures), counted({"a": moved}, measures)
    draws = draw(np.array(patients))
    for name, measure in measures.items():
        assert one[name]["a"][list(order)].tolist() == other[name]["a"].tolist()
        same = compared(measure, one[name]["a"], one[name]["a"], draws)
        assert same["difference"] == 0 and same["p"] == 1


def test_the_paired_test_sees_what_is_there_and_nothing_else():
    random = np.random.default_rng(0)
    patients = np.arange(200)
    measure = MEASURES["sentences"]
    ours = np.stack([random.random(200) < 0.5, np.ones(200)], axis=1).astype(float)
    draws = draw(patients)
    better = ours.copy()
    better[:, 0] = np.maximum(ours[:, 0], random.random(200) < 0.3)
    assert compared(measure, better, ours, draws)["p"] < 0.01
    found = []
    for seed in range(40):
        other = np.stack([np.random.default_rng(seed + 9).random(200) < 0.5, np.ones(200)], axis=1).astype(float)
        found.append(compared(measure, ours, other, draws)["p"])
    assert np.mean(np.array(found) < 0.05) < 0.2
    # 200 patients, each with a share of 0 or 1: the interval is about the binomial one.
    told = figure(measure, ours, draws)
    assert told["hi"] - told["lo"] == pytest.approx(4 * np.sqrt(0.25 / 200), rel=0.2)


def test_holm():
    assert holm({"a": 0.01, "b": 0.04, "c": None, "d": 0.03}) == {"a": 0.03, "b": 0.06, "c": None, "d": 0.06}


def test_published_rows_are_the_papers():
    row = paper.PUBLISHED["SAE-Rad, published"]
    # The three known figures agree with one another.
    p, r = row["radfact_precision"], row["radfact_recall"]
    assert 2 * p * r / (p + r) == pytest.approx(row["radfact_f1"], abs=0.01)
