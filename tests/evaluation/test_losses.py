"""Causes of missed and wrong facts, each planted."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from saerad_core.evaluation.losses import CAUSES, Seen, grades, losses, seen
from saerad_core.evaluation.measures import Told
from saerad_core.evaluation.run import bench_of, drawn, lost, severities
from saerad_core.evaluation.scored import scored_images
from saerad_core.stages.describe import report_texts
from saerad_core.vocabulary import Fact, Statement
from tests.evaluation import small

EFFUSION, NODULE = "pleural_effusion", "nodule"
KNOWN = (Fact(EFFUSION), Fact(NODULE))


def told(n: int = 1, ours: float = 0.0, probe: float = 0.0, over: bool = False, candidates=None) -> Seen:
    return Seen(
        KNOWN,
        np.full((n, 2), ours),
        np.full((n, 2), probe),
        np.full((n, 2), over),
        np.full((n, 2), probe >= 0.5),
        candidates or [set() for _ in range(n)],
    )


def only(stated: set[Fact], truth: set[Fact], known: Seen | None = None) -> dict[str, tuple[int, int]]:
    found = losses([stated], [truth], known or told())
    return {key: (one["missed"], one["wrong"]) for key, one in found["causes"].items()}


LEFT, RIGHT, OPEN = Fact(EFFUSION, "left"), Fact(EFFUSION, "right"), Fact(EFFUSION)
UPPER, LOWER = Fact(NODULE, "left", "upper zone"), Fact(NODULE, "left", "lower zone")


@pytest.mark.parametrize(
    ("stated", "truth", "cause"),
    [
        ({LEFT}, {RIGHT}, {"side": (1, 1)}),
        ({OPEN}, {RIGHT}, {"side_open": (1, 1)}),
        ({UPPER}, {LOWER}, {"place": (1, 1)}),
        ({Fact(NODULE, "left")}, {LOWER}, {"place_open": (1, 1)}),
        ({LEFT}, {LEFT, RIGHT}, {"other": (1, 0)}),
        ({LEFT, RIGHT}, {LEFT}, {"other": (0, 1)}),
        ({Fact(NODULE, "right", "upper zone")}, {UPPER}, {"side": (1, 1)}),
        (set(), {Fact("scoliosis", "left")}, {"unknown": (1, 0)}),
        (set(), {LEFT}, {"neither": (1, 0)}),
        ({LEFT}, set(), {"probe": (0, 1)}),
        ({LEFT}, {LEFT}, {}),
    ],
)
def test_each_fact_has_the_first_cause_that_holds(stated, truth, cause):
    assert only(stated, truth) == cause


def test_what_is_unsaid_is_told_apart_by_what_evidence_and_probe_knew():
    assert only(set(), {LEFT}, told(candidates=[{LEFT}])) == {"conflict": (1, 0)}
    assert only(set(), {LEFT}, told(over=True, probe=1.0)) == {"held_back": (1, 0)}
    assert only(set(), {LEFT}, told(probe=1.0)) == {"probe": (1, 0)}
    assert only({LEFT}, set(), told(probe=1.0)) == {"neither": (0, 1)}


def test_the_figure_without_a_cause_is_the_one_with_its_facts_put_right():
    stated, truth = [{LEFT}, {UPPER}, {RIGHT}], [{RIGHT}, {LOWER}, {RIGHT}]
    found = losses(stated, truth, told(3))
    assert found["f1"] == pytest.approx(1 / 3) and found["right"] == 1
    assert found["causes"]["side"]["f1_mended"] == pytest.approx(
        losses([{RIGHT}, {UPPER}, {RIGHT}], truth, told(3))["f1"]
    )
    assert [one["finding"] for one in found["findings"]] == [NODULE, EFFUSION]  # a tie, by name


FACTS = st.sets(st.sampled_from([LEFT, RIGHT, OPEN, UPPER, LOWER, Fact("scoliosis", "right")]))


@given(st.lists(st.tuples(FACTS, FACTS), min_size=1, max_size=6), st.booleans(), st.booleans())
def test_every_lost_fact_has_one_cause(pairs, over, probe):
    stated, truth = [one for one, _ in pairs], [one for _, one in pairs]
    found = losses(stated, truth, told(len(pairs), probe=float(probe), over=over))
    causes = found["causes"].values()
    assert sum(one["missed"] for one in causes) == sum(len(t - s) for s, t in pairs)
    assert sum(one["wrong"] for one in causes) == sum(len(s - t) for s, t in pairs)
    assert sum(one["right"] for one in found["findings"]) == sum(len(s & t) for s, t in pairs)
    assert set(found["causes"]) <= set(CAUSES) and all(one["f1_mended"] >= found["f1"] - 1e-12 for one in causes)


def test_severities_of_right_facts_are_graded():
    truth = {LEFT: "small", RIGHT: "large", UPPER: ""}
    said = [Statement(EFFUSION, "left", "", "moderate"), Statement(EFFUSION, "right"), Statement(*UPPER)]
    assert grades([said], [truth]) == {"right": 0, "step": 1, "further": 0, "unsaid": 1}
    assert grades([[Statement(EFFUSION, "left", "", "small")]], [truth])["right"] == 1
    assert grades([[Statement(EFFUSION, "left", "", "small", present=False)]], [truth])["right"] == 0


def test_of_a_workspace(tmp_path):
    workspace = small.build(tmp_path / "ws")
    images, splits, asked = scored_images(workspace, "test")
    truth = [drawn(facts) for facts in images["facts"]]
    bench = bench_of(workspace, images, splits, asked, report_texts(images), truth)
    known = seen(bench)
    assert known.ours.shape == known.probe.shape == (len(asked), len(bench.tables.facts))
    # The planted features and the embedding both tell cardiomegaly.
    facts = [truth[row] for row in asked]
    found = lost(
        bench, Told(["There is cardiomegaly."] * len(asked), [""] * len(asked), facts), images.iloc[asked]["facts"]
    )
    heart = next(one for one in found["findings"] if one["finding"] == "cardiomegaly")
    assert heart["missed"] == 0 and heart["features"] > 0.8 and heart["probe"] > 0.6
    assert heart["right"] + heart["wrong"] == len(asked)
    assert set(severities(images["facts"].iloc[0])) == drawn(images["facts"].iloc[0])
