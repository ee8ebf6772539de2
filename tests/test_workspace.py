"""The manifest: round trip, versions, damage, names."""

from __future__ import annotations

import json

import pytest

from saerad_core.errors import WorkspaceError
from saerad_core.workspace import SCHEMA_VERSION, DatasetInfo, EncoderInfo, StageRecord, Workspace, list_workspaces

DATASET = DatasetInfo(kind="folder", title="Test", options={"images": "x"})
ENCODER = EncoderInfo(id="some/encoder", fingerprint="abc", d=4, image_size=64, patch_grid=4)


def test_what_is_saved_is_what_is_opened(tmp_path) -> None:
    workspace = Workspace.create(tmp_path / "one", DATASET, ENCODER)
    workspace.manifest.counts.images = 7
    workspace.manifest.stages["encode"] = StageRecord(seconds=1.5, key="k")
    workspace.save()
    assert Workspace.open(tmp_path / "one").manifest == workspace.manifest
    assert not list(tmp_path.rglob("*.part"))


def test_creating_again_reopens_the_same_and_refuses_another(tmp_path) -> None:
    first = Workspace.create(tmp_path / "one", DATASET, ENCODER)
    first.manifest.counts.images = 3
    first.save()
    assert Workspace.create(tmp_path / "one", DATASET, ENCODER).manifest.counts.images == 3
    with pytest.raises(WorkspaceError, match="choose another --out"):
        Workspace.create(tmp_path / "one", DATASET, ENCODER.model_copy(update={"fingerprint": "def"}))


@pytest.mark.parametrize("name", ["../x", ".hidden", "a b", "é", "a" * 70])
def test_names_that_could_leave_the_folder_are_refused(tmp_path, name) -> None:
    if "/" in name:
        name = name.replace("/", "\\")
    with pytest.raises(WorkspaceError, match="not usable"):
        Workspace.create(tmp_path / name, DATASET, ENCODER)


def test_missing_damaged_and_foreign_versions_are_one_sentence(tmp_path) -> None:
    with pytest.raises(WorkspaceError, match="no workspace"):
        Workspace.open(tmp_path / "nothing")
    workspace = Workspace.create(tmp_path / "one", DATASET, ENCODER)
    path = workspace.root / "workspace.json"
    text = path.read_text()
    path.write_text(text[: len(text) // 2])
    with pytest.raises(WorkspaceError, match="damaged"):
        Workspace.open(workspace.root)
    path.write_text(json.dumps(json.loads(text) | {"schema_version": SCHEMA_VERSION + 1}))
    with pytest.raises(WorkspaceError, match="schema version"):
        Workspace.open(workspace.root)
    assert list_workspaces(tmp_path) == []


def test_a_workspace_is_browsable_before_its_map(tmp_path) -> None:
    workspace = Workspace.create(tmp_path / "one", DATASET, ENCODER)
    assert not workspace.is_browsable()
    workspace.manifest.stages["describe"] = StageRecord()
    workspace.save()
    assert [w.is_browsable() for w in list_workspaces(tmp_path)] == [True]
