import json
import re

import numpy as np
import pytest

from saerad_core import NOTICE
from saerad_core.errors import WorkspaceError
from saerad_core.evaluation.codes import read_codes
from saerad_core.evaluation.sae_report import as_json, sae_report, write
from saerad_core.evaluation.sae_report_text import markdown
from saerad_core.sae.codes import open_codes
from saerad_core.sae.files import save
from tests.evaluation import small
from tests.sae.examples import random_sae


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    workspace = small.build(tmp_path_factory.mktemp("sae-report") / "simulated")
    save(random_sae(m=24), workspace.sae_dir)
    return workspace


@pytest.fixture(scope="module")
def figures(workspace):
    return sae_report(workspace)


def test_codes_keep_the_active_rule(workspace):
    codes = read_codes(workspace)
    stored = open_codes(workspace.codes).rows(slice(None)).toarray()
    np.testing.assert_array_equal(codes.before.toarray(), stored)
    np.testing.assert_array_equal(codes.active.toarray(), np.where(stored > 0, stored, 0))


def test_it_is_written_as_json_and_markdown_with_the_notice(workspace, figures):
    write(workspace, figures)
    again = json.loads((workspace.root / "sae-report.json").read_text())
    text = (workspace.root / "sae-report.md").read_text()
    for said in (NOTICE, "simulated"):
        assert said in text and said in json.dumps(again)
    assert not list(workspace.root.glob("*.part")) and "nan" not in text
    assert again["format"] == "saerad-sae-report-1" and again["probes"]["mean"]["dense"]["auroc"] > 0.7


def test_every_table_of_the_markdown_is_whole(figures):
    for block in markdown(figures).split("\n\n"):
        if block.startswith("|"):
            assert len({len(re.findall(r"(?<!\\\\)\|", line)) for line in block.strip().split("\n")}) == 1


def test_planted_features_are_recovered(figures):
    entries = {(one["finding"], one["side"]): one for one in figures["recovery"] if one["level"] != "place"}
    assert entries["cardiomegaly", ""]["feature_id"] == 0
    assert entries["pneumothorax", "left"]["feature_id"] == 7


def test_shares_are_counted_over_training_x_rays(workspace, figures):
    train = small.records(simulated=True)["split"].to_numpy() == "train"
    fires = (open_codes(workspace.codes).rows(train).toarray() > 0).mean(axis=0)
    assert figures["firing"]["before"]["dead_share"] == (fires == 0).mean()
    assert figures["firing"]["before"]["dense_share"] == (fires > 0.1).mean()
    assert sum(figures["firing"]["before"]["histogram"]["counts"]) == (fires > 0).sum()


def test_seeds_are_compared_with_the_workspace_s_own(workspace, tmp_path):
    own, other = random_sae(m=24), random_sae(m=24, seed=1)
    save(own, tmp_path / "same")
    save(other, tmp_path / "other")
    found = sae_report(workspace, seeds=[tmp_path / "same", tmp_path / "other"])["pw_mcc"]
    assert [pair["mcc"] for pair in found["pairs"]][0] == pytest.approx(1, abs=1e-6)
    assert found["pairs"][1]["mcc"] < 0.95 and found["dictionaries"][1:] == ["same", "other"]
    assert found["mean"] == pytest.approx(np.mean([pair["mcc"] for pair in found["pairs"]]))
    save(random_sae(d=6, m=24), tmp_path / "narrow")
    with pytest.raises(WorkspaceError, match="one encoder"):
        sae_report(workspace, seeds=[tmp_path / "narrow"])


def test_real_x_rays_are_told_by_their_labels_and_have_no_truth(tmp_path):
    workspace = small.build(tmp_path / "real", simulated=False)
    workspace.manifest.dataset.pseudo_reports = True
    found = sae_report(workspace)
    assert found["recovery"] is None and {"cardiomegaly"} <= {one["label"] for one in found["probes"]["labels"]}
    text = markdown(found)
    assert "simulated" not in text and "pseudo-reports" in text and "Concept recovery" not in text


def test_a_label_cannot_break_a_table(figures):
    odd = json.loads(as_json(figures))
    odd["probes"]["labels"][0]["label"] = "a|b\nc"
    assert "| a\\|b c |" in markdown(odd)


@pytest.mark.parametrize("split", ["train", "none"])
def test_a_split_that_was_fitted_on_is_refused(workspace, split):
    with pytest.raises(WorkspaceError, match="take test"):
        sae_report(workspace, split)
