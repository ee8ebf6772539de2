"""Which features reports rest on, and what an edit changes in them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from saerad_core.explorer import Explorer
from saerad_core.explorer.impact import Impact
from saerad_core.store.activations import ActivationStore
from saerad_core.store.curation import CurationStore, QueueFilter
from saerad_core.workspace import Workspace
from tests.store.curation.tools import make
from tests.store.example import Example


@pytest.fixture
def explorer(tiny_workspace: Workspace, tmp_path: Path) -> Explorer:
    shutil.copytree(tiny_workspace.root, tmp_path / "tiny")
    return Explorer(Workspace.open(tmp_path / "tiny"))


def test_use_is_counted_over_unseen_x_rays_and_an_edit_s_effect_is_that_of_the_edit(explorer: Explorer) -> None:
    impact = explorer.impact
    assert impact.use is None and explorer.worth().use == {}
    use = impact.count()
    roster = explorer.store.roster
    assert use.rows and not roster.train[list(use.rows)].any()
    assert use.cited and set(use.shares()) == set(use.cited) and all(0 < share <= 1 for share in use.shares().values())
    assert explorer.worth().use == use.shares() and impact.count() is use
    feature = max(use.cited, key=use.share)
    queue = explorer.value_queue(QueueFilter())
    by = {one.feature_id: one for one in queue}
    assert by[feature].use == use.share(feature) and all(one.use == use.share(one.feature_id) for one in queue)

    images = [roster.image_id[row].as_py() for row in use.cited[feature][:5]]
    same = impact.of(feature, None, explorer.state(feature).status, images)
    assert (
        [one.image_id for one in same] == images
        and not any(one.changes for one in same)
        and all(one.cited_before and one.cited_after for one in same)
    )
    worded = impact.of(feature, "Words of a reader", "accepted", images)
    assert all(
        (one.told_before, one.told_after) == (explorer.text(feature), "Words of a reader") and one.changes
        for one in worded
    )
    reach = impact.reach(feature)
    assert reach is not None and (reach.images, reach.of_images) == (len(use.cited[feature]), len(use.rows))
    assert 0 < reach.patients <= reach.images and reach.patients <= reach.of_patients <= reach.of_images
    cases = impact.cases(feature, 4)
    patients = {explorer.image(one).patient_id for one in cases}
    assert len(patients) == len(cases) == min(4, reach.patients) and all(
        one.cited_before for one in impact.of(feature, None, "pending", cases)
    )
    rejected = impact.of(feature, None, "rejected", [*images, "not here"])
    assert len(rejected) == len(images) and all(one.changes and not one.cited_after for one in rejected)
    assert explorer.revision == 0, "nothing is written to find out"
    # What was foretold is what happens.
    explorer.curation.reject(feature, "Ann", 0)
    now = impact.of(feature, None, "rejected", images)
    assert [one.before for one in now] == [one.after for one in rejected]


def test_a_queue_is_kept_until_the_next_edit_or_count(explorer: Explorer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explorer.impact, "count_beside", lambda: None)
    queue = explorer.value_queue()
    assert explorer.value_queue(QueueFilter()) is queue
    assert explorer.value_queue(QueueFilter(statuses=("accepted",))) == []
    explorer.impact.count()
    counted = explorer.value_queue()
    assert counted is not queue and counted != queue
    explorer.curation.reject(counted[0].feature_id, "Ann", 0)
    assert explorer.value_queue() == counted[1:]


def test_a_workspace_without_evidence_has_no_use_and_still_a_queue(tmp_path: Path) -> None:
    workspace = make(tmp_path / "ws")
    Example(workspace.activations_db)
    impact = Impact(workspace, ActivationStore(workspace.activations_db), CurationStore(workspace))
    impact.count_beside()
    assert impact.use is None
    assert Explorer(workspace).value_queue()
