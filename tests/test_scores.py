"""Descriptions scored on unseen patients, from the build to reports, lists and files."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from saerad_core.explorer import Explorer, FeatureQuery
from saerad_core.progress import Silent
from saerad_core.stages.describe import Composer
from saerad_core.stages.score import score_again
from saerad_core.stages.trust import Trust
from saerad_core.store.scores import FLAGS, SPLITS
from saerad_core.workspace import Workspace


@pytest.fixture
def explorer(tiny_workspace: Workspace, tmp_path: Path) -> Explorer:
    root = tmp_path / "tiny"
    shutil.copytree(tiny_workspace.root, root)
    return Explorer(Workspace.open(root))


def described(explorer: Explorer) -> list[int]:
    return [int(i) for i in explorer.catalogue.find(FeatureQuery(described=True))]


def test_every_description_is_scored_on_patients_it_was_not_made_from(explorer):
    assert described(explorer) and explorer.scores.table is not None
    roster = explorer.store.roster
    for feature in described(explorer):
        row = explorer.row(feature)
        assert row.score is not None and row.score.told
        for split in SPLITS:
            cases = explorer.scores.cases(feature, row.text, split)
            kept = row.score.by[split]
            assert kept.firing == len({roster.patient.codes[one.row] for kind in cases[:2] for one in kind})
            assert all(roster.split.where(split)[one.row] for kind in cases for one in kind)
            # The file's figures are those of the words, worked out again.
            again = explorer.scores.unseen.score(feature, row.text, split)
            assert np.allclose(
                [again.auroc, again.lo, again.hi], [kept.auroc, kept.lo, kept.hi], atol=1e-6, equal_nan=True
            )
    # Discs and their reports agree: what the words say tells where the feature fires.
    best = max(explorer.row(f).score.reads.auroc for f in described(explorer))
    assert best > 0.9


def test_a_persons_words_are_scored_at_once(explorer):
    feature = max(described(explorer), key=lambda f: np.nan_to_num(explorer.row(f).score.decides.auroc))
    before = explorer.row(feature).score
    assert before.decides.auroc > 0.8
    explorer.curation.edit(feature, "There is scoliosis.", "Reader", base=0)
    after = explorer.row(feature)
    assert after.text == "There is scoliosis." and after.holds == "weak"
    assert after.score.decides.auroc == pytest.approx(0.5) and after.score.decides.firing == before.decides.firing
    assert feature in explorer.catalogue.find(FeatureQuery(holds="weak"))
    assert feature not in explorer.catalogue.find(FeatureQuery(holds="holds"))
    assert explorer.row(feature).machine_text != after.text
    explorer.curation.edit(feature, "A blurred film.", "Reader", base=explorer.state(feature).revision)
    assert explorer.row(feature).holds == "" and not explorer.row(feature).score.told


def test_weak_words_explain_nothing_in_a_report_and_evidence_stays(explorer):
    composer = Composer.open(explorer.workspace)
    # Ten validation patients are too few for any description to hold; one is made to.
    assert composer.trust is not None and not any(composer.trust.speaks(f, t) for f, t in composer.descriptions.items())
    holding = described(explorer)[0]
    composer.trust._said[holding, composer.descriptions[holding]] = True
    found = [(holding, 1.0)]
    fine = composer.compose(found, abstain=False)
    assert fine.coverage.described == 1 and not fine.features[0].weak
    word = {holding: type("Word", (), {"text": "There is scoliosis.", "status": "accepted"})()}
    weak = composer.compose(found, word, abstain=False)
    assert weak.coverage.described == 0 and weak.features[0].weak
    assert [s.text for s in weak.findings] == [s.text for s in fine.findings]
    # What can't be tested stands on the person's word; without scores everything speaks.
    word[holding].text = "A blurred film."
    assert composer.compose(found, word, abstain=False).coverage.described == 1
    assert Trust(explorer.workspace, {}, strict=False).speaks(holding, "There is scoliosis.")


def test_what_speaks_is_decided_without_the_test_patients(explorer):
    workspace = explorer.workspace
    texts = dict(Composer.open(workspace).descriptions)
    before = {f: Trust(workspace, texts).speaks(f, text) for f, text in texts.items()}
    store = shutil.copytree(workspace.root, workspace.root.parent / "other")
    other = Workspace.open(store)
    import pyarrow.parquet as pq

    table = pq.read_table(other.scores_file)
    spoilt = table.to_pandas()
    spoilt[[name for name in spoilt if str(name).startswith("test_")]] = 0
    pq.write_table(type(table).from_pandas(spoilt, table.schema), other.scores_file)
    assert {f: Trust(other, texts).speaks(f, text) for f, text in texts.items()} == before


def test_flags_and_scores_are_filters_and_leave_in_files(explorer):
    every = set(explorer.catalogue.find(FeatureQuery(alive=False)))
    flagged = {flag: set(explorer.catalogue.find(FeatureQuery(alive=False, flag=flag))) for flag in FLAGS}
    clean = set(explorer.catalogue.find(FeatureQuery(alive=False, flag="none")))
    assert clean.isdisjoint(set().union(*flagged.values())) and clean.union(*flagged.values()) == every
    ordered = [explorer.row(int(f)).score for f in explorer.catalogue.find(FeatureQuery(sort="score", described=True))]
    areas = [one.decides.auroc for one in ordered if one.decides.scored]
    assert areas == sorted(areas, reverse=True)
    _, _, data = explorer.export("jsonl")
    lines = [json.loads(line) for line in data.decode().splitlines()[1:]]
    line = next(one for one in lines if one["feature_id"] == described(explorer)[0])
    assert {one["split"] for one in line["unseen"]} == set(SPLITS) and isinstance(line["flags"], list)
    assert line["machine_score"] == pytest.approx(line["unseen"][0]["auroc"])


def test_a_workspace_without_scores_still_opens_and_can_be_scored(explorer):
    workspace = explorer.workspace
    for path in (workspace.scores_file, workspace.said_file):
        path.unlink()
    bare = Explorer(workspace)
    feature = described(bare)[0]
    assert bare.row(feature).score is None and bare.row(feature).flags == ()
    assert list(bare.catalogue.find(FeatureQuery(sort="score")))
    assert Composer.open(workspace).compose([(feature, 1.0)]).coverage.described == 1
    score_again(workspace, Silent())
    assert "score" in workspace.manifest.stages
    assert Explorer(workspace).row(feature).score == explorer.row(feature).score
