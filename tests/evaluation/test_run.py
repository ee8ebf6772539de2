import json
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from saerad_core.descriptions.evidence import EvidenceTables
from saerad_core.errors import WorkspaceError
from saerad_core.evaluation.evaluation_text import GROUPS, markdown
from saerad_core.evaluation.measures import MEASURES
from saerad_core.evaluation.run import evaluate
from saerad_core.evaluation.systems import SYSTEMS
from saerad_core.stages.describe import Composer, report_texts
from saerad_core.store.activations import ActivationStore
from tests.evaluation import small


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    return small.build(tmp_path_factory.mktemp("evaluation") / "simulated")


@pytest.fixture(scope="module")
def figures(workspace):
    return evaluate(workspace)


def test_has_the_shape_of_the_proof_and_is_json(figures):
    again = json.loads(json.dumps(figures))
    assert all({"finding", "feature_id", "auroc"} <= set(concept) for concept in again["concepts"])
    assert set(again["reports"]) == set(again["figures"]) == set(SYSTEMS)
    for figure in again["reports"].values():
        assert {"precision", "recall", "f1", "macro_f1", "normal_called_abnormal"} <= set(figure)
    assert again["n_patients"] < again["n_images"] and again["split"] == "test" and again["notes"]


def test_planted_features_are_found_and_reported(figures):
    concepts = {concept["finding"]: concept for concept in figures["concepts"]}
    assert concepts["cardiomegaly"]["feature_id"] == 0
    assert concepts["pneumothorax_left"]["feature_id"] == 7
    assert figures["concepts_median"] > 0.8
    ours, reports = figures["reports"]["ours"], figures["reports"]
    assert ours["f1"] > 0.55
    assert ours["f1"] > reports["all_positive"]["f1"]
    assert reports["all_normal"]["f1"] == 0 and reports["all_normal"]["normal_called_abnormal"] == 0
    assert reports["all_positive"]["recall"] == 1 and reports["all_positive"]["normal_called_abnormal"] == 1
    assert figures["differences"]["exact"]["all_positive"]["lo"] > 0


def test_every_way_has_every_measure_with_an_interval_and_a_paired_test(figures):
    for way, some in figures["figures"].items():
        assert list(some) == list(MEASURES)
        for one in some.values():
            assert one["value"] is None or one["lo"] is None or one["lo"] - 1e-6 <= one["value"] <= one["hi"] + 1e-6
        if way != "ours":
            assert all({"difference", "p", "p_adjusted"} <= set(one) for one in figures["against_ours"][way].values())
    # A view with too few patients for an interval has no figures of its own.
    assert set(figures["views"]) == {"PA"} and figures["views"]["PA"]["n_images"] < figures["n_images"]
    assert set(figures["views"]["PA"]["figures"]) == set(SYSTEMS)
    assert 0 <= figures["coverage"]["mean"] <= 1 and 0 <= figures["coverage"]["abstains"] <= 1


def test_bounds_are_where_they_belong(figures):
    f1 = {way: one["fact_f1"]["value"] for way, one in figures["figures"].items()}
    assert f1["oracle"] > 0.9 and f1["oracle"] > f1["ours"] > f1["shuffled"]
    assert f1["ours"] > f1["all_positive"] and f1["probe_template"] > f1["all_positive"] and f1["all_normal"] == 0
    assert figures["figures"]["shuffled"]["positive_statements"]["value"] < 0.2
    # Measured against the same X-rays: what no table knows, not even the oracle may say.
    assert figures["figures"]["oracle"]["normal_called_abnormal"]["value"] == 0


def test_goals_are_judged_by_what_was_measured(figures):
    rows = {row["goal"]: row for row in figures["goals"]}
    assert rows["exact fact F1 >= 0.85"]["met"] == (figures["figures"]["ours"]["fact_f1"]["value"] >= 0.85)
    assert len(rows) == 3


def test_the_figures_as_markdown(figures):
    text = markdown(figures)
    assert "missed" in text or "met" in text
    for system in SYSTEMS.values():
        assert f"| {system.title} |" in text
    assert "Research use only" in text and "| reports by | exact fact F1 |" in text
    # What a reader of the file alone can't know is said in it.
    assert "| goal | judged by | measured | verdict |" in text and "| compared with | difference | p |" in text
    assert all(f"- {one['title']}: {one['says']}" in text for one in figures["systems"].values())
    assert all(f"- {figures['measures'][name]['title']}: " in text for names in GROUPS.values() for name in names)
    assert "## Where facts are lost" in text and "| lost by | missed | wrong |" in text


def test_the_scored_splits_reports_reach_no_way_of_reporting(workspace, monkeypatch):
    seen = {}

    def spy(bench):
        seen["texts"] = [bench.texts[row] for row in bench.asked]
        return ["" for _ in bench.asked]

    monkeypatch.setitem(SYSTEMS, "nearest", replace(SYSTEMS["nearest"], write=spy))
    found = evaluate(workspace, systems=["nearest"])
    assert set(found["figures"]) == {"ours", "nearest"} and set(seen["texts"]) == {""}
    evaluate(workspace, split="validate", systems=["nearest"])
    assert set(seen["texts"]) == {""}


def test_an_unknown_way_or_extra_is_refused(workspace):
    with pytest.raises(WorkspaceError, match="oracle"):
        evaluate(workspace, systems=["magic"])
    with pytest.raises(WorkspaceError, match="radeval"):
        evaluate(workspace, extras=["magic"])


def test_looser_levels_score_no_lower(figures):
    for name in figures["reports"]:
        exact, side, finding = (figures["levels"][level][name]["recall"] for level in ("exact", "side", "finding"))
        assert exact <= side + 1e-9 <= finding + 2e-9


def test_the_truth_of_the_scored_split_is_not_learned_from(tmp_path, monkeypatch):
    """Descriptions and evidence stay the same when the test split's reports and all truths are other ones."""
    first = small.build(tmp_path / "one")
    records = small.records

    def tampered(simulated):
        frame = records(simulated=simulated)
        test = frame["split"] == "test"
        frame.loc[test, "findings"] = "There is a pacemaker."
        frame["facts"] = [[] for _ in range(len(frame))]
        return frame

    monkeypatch.setattr(small, "records", partial(tampered))
    second = small.build(tmp_path / "two")
    a, b = (EvidenceTables.load(w.evidence_file) for w in (first, second))
    assert a.facts == b.facts and a.fitted == b.fitted
    np.testing.assert_array_equal(a.weights, b.weights)
    np.testing.assert_array_equal(a.thresholds, b.thresholds)
    one, two = (ActivationStore(w.activations_db).descriptions() for w in (first, second))
    assert one.drop(columns=["image_ids", "terms"]).equals(two.drop(columns=["image_ids", "terms"]))


def test_real_xrays_are_scored_against_their_reports(tmp_path):
    workspace = small.build(tmp_path / "real", simulated=False)
    figures = evaluate(workspace, split="validate", systems=["nearest"])
    assert figures["goals"] == []
    assert {concept["finding"] for concept in figures["concepts"]} == {
        "cardiomegaly", "consolidation", "pleural_effusion", "pneumothorax",
    }  # fmt: skip
    assert "not a radiologist's reading" in figures["notes"][0]
    assert figures["reports"]["ours"]["f1"] > 0.5


def test_the_training_split_is_refused(workspace):
    with pytest.raises(WorkspaceError, match="test"):
        evaluate(workspace, split="train")


def test_the_stage_fills_store_evidence_and_manifest(workspace):
    store = ActivationStore(workspace.activations_db)
    described = store.descriptions()
    assert workspace.manifest.counts.described == len(described) >= 8
    assert described.set_index("feature_id").loc[1, "side"] == "right"
    features = store.features()
    train = small.records(simulated=True)["split"].to_numpy() == "train"
    active = small.population().active[np.flatnonzero(train)]
    np.testing.assert_array_equal(features["n_images"], np.asarray((active > 0).sum(axis=0)).ravel())
    np.testing.assert_allclose(features["frequency"], features["n_images"] / train.sum())
    assert features.set_index("feature_id").loc[0, "best_label"] == "cardiomegaly"
    assert (features["n_patients"] <= features["n_images"]).all()
    assert (features["best_lo"] <= features["best_auroc"]).all() and (
        features["best_auroc"] <= features["best_hi"]
    ).all()


def test_the_composer_of_a_workspace_shows_its_descriptions(workspace):
    report = Composer.open(workspace).compose([(1, 2.0), (3, 1.5), (9, 1.0)])
    assert "effusion" in report.features[0].description and report.features[2].description == ""
    assert {e.feature_id for e in report.findings[0].evidence} >= {1, 3}


def test_the_indication_is_no_part_of_a_report():
    frame = small.records(simulated=True).head(2).assign(indication="Pneumothorax?", impression=["No change.", None])
    texts = report_texts(frame)
    assert not any("Pneumothorax?" in text for text in texts) and texts[0].endswith("No change.")
