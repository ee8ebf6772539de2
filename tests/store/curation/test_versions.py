"""Every version of the format that was ever released still opens, and its lines stay as they are."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from saerad_core.errors import WorkspaceError
from saerad_core.store.curation import Author, CurationStore, Fields
from saerad_core.store.curation.events import as_dict, checked_event
from saerad_core.store.curation.repair import repair
from saerad_core.workspace import Workspace
from tests.store.curation.tools import in_database, journalled, make, noon

FIXTURES = Path(__file__).parents[1] / "fixtures"


def opened(folder: Path, version: str, *names: str) -> Workspace:
    workspace = make(folder / "ws")
    for name in names or ("curation.jsonl", "curation.duckdb", "curation.duckdb.wal"):
        if (FIXTURES / version / name).exists():
            shutil.copy(FIXTURES / version / name, workspace.root / name)
    return workspace


@pytest.mark.parametrize("files", [(), ("curation.jsonl",)], ids=["with its database", "the journal alone"])
def test_version_1(tmp_path: Path, files: tuple[str, ...]) -> None:
    workspace = opened(tmp_path, "v1", *files)
    old = workspace.curation_journal.read_bytes()
    store = CurationStore(workspace, noon)
    assert store.revision == 11 and store.notices == []
    assert {i: (one.text, one.status, one.author, one.revision) for i, one in store.all_current().items()} == {
        3: ("Small left pleural effusion.", "draft", "Ann", 3),
        4: ('Опухоль; "quoted" \\ 左胸腔积液', "accepted", "Cy", 3),
        5: ("", "rejected", "Bob", 1),
        6: ("", "second", "Ann", 1),
        8: ("Pacemaker.", "draft", "Bob", 1),
    }
    assert [one.kind for one in store.history(7)] == ["edited", "restored"]
    assert store.as_of("2026-03-02")[3].status == "accepted"
    store.edit(3, "Moderate left pleural effusion.", "Cy", 3, Fields(side="left"))
    store.close()
    new = workspace.curation_journal.read_bytes()
    assert new.startswith(old) and new.count(b"\n") == old.count(b"\n") + 1
    store = CurationStore(workspace, noon)
    assert store.state(3).text == "Moderate left pleural effusion." and store.notices == []
    store.close()
    assert in_database(workspace) == journalled(workspace)


def test_a_changed_line_of_version_1_is_found(tmp_path: Path) -> None:
    workspace = opened(tmp_path, "v1")
    old = workspace.curation_journal.read_bytes()
    # A line of version 1 has no hash; the database of its time still knows better.
    workspace.curation_journal.write_bytes(old.replace(b"Sternal wires", b"Sternal wares"))
    with pytest.raises(WorkspaceError, match="disagree about edit 6"):
        CurationStore(workspace)
    workspace.curation_journal.write_bytes(old)
    store = CurationStore(workspace)
    store.note(3, "sealed by the first new line", "Ann")
    store.close()
    workspace.curation_journal.write_bytes(
        workspace.curation_journal.read_bytes().replace(b"Sternal wires", b"Sternal wares")
    )
    with pytest.raises(WorkspaceError):
        CurationStore(workspace)


def test_version_2(tmp_path: Path) -> None:
    workspace = opened(tmp_path, "v2")
    old = workspace.curation_journal.read_bytes()
    store = CurationStore(workspace, noon)
    assert store.notices == []
    now = store.snapshot().all()
    assert (
        now[3].text == "Moderate left pleural effusion."
        and now[3].fields.side == "left"
        and now[3].tags == ("effusion",)
    )
    assert now[8].merged_into == 9 and now[8].text == "Pacemaker." and now[9].members == (8,)
    assert now[5].status == "pending" and [one.kind for one in store.history(5)][-1] == "undone"
    assert [one.name for one in store.releases()] == ["first"] and store.snapshot().lists() == {"meeting": [3, 4]}
    kinds = {one.kind for one in store.events()}
    assert len(kinds) == 19, "the fixture holds every kind"
    store.close()
    assert workspace.curation_journal.read_bytes() == old and in_database(workspace) == journalled(workspace)


def test_a_database_of_version_2_brings_back_its_journal_byte_for_byte(tmp_path: Path) -> None:
    workspace = opened(tmp_path, "v2")
    old = workspace.curation_journal.read_bytes()
    workspace.curation_journal.write_bytes(old[: len(old) // 2])
    assert "made whole" in repair(workspace)
    assert workspace.curation_journal.read_bytes() == old


@pytest.mark.parametrize("files", [(), ("curation.jsonl",)], ids=["with its database", "the journal alone"])
def test_version_3(tmp_path: Path, files: tuple[str, ...]) -> None:
    workspace = opened(tmp_path, "v3", *files)
    old = workspace.curation_journal.read_bytes()
    assert old.startswith((FIXTURES / "v2" / "curation.jsonl").read_bytes())
    store = CurationStore(workspace, noon)
    assert store.notices == [] and store.state(2).text == "Left central venous line."
    known = {one.means for one in store.events() if one.verified and one.author == "ada@example.org"}
    assert known == {"oidc https://login.example.org 4f1c"}
    assert {one.means for one in store.events() if one.author in ("Ann", "Bob", "Cy")} == {""}
    versions = [json.loads(line).get("v", 1) for line in old.splitlines()]
    assert [one == 3 for one in versions] == [bool(one.means) for one in store.events()] and set(versions) == {1, 2, 3}
    store.close()
    assert workspace.curation_journal.read_bytes() == old and in_database(workspace) == journalled(workspace)
    workspace.curation_journal.write_bytes(old[: len(old) // 2])
    repair(workspace)
    assert workspace.curation_journal.read_bytes() == old


def test_how_an_author_was_verified_is_kept_and_can_t_be_changed_unseen(tmp_path: Path) -> None:
    workspace = make(tmp_path / "ws")
    store = CurationStore(workspace, noon)
    event = store.note(3, "x", Author("ada@example.org", True, "oidc https://login.example.org 1"))
    assert event.means == "oidc https://login.example.org 1" and store.history(3) == [event]
    assert checked_event(as_dict(event)) == event
    before = {key: value for key, value in as_dict(event).items() if key != "means"}
    assert checked_event(before).means == ""
    store.close()
    written = workspace.curation_journal.read_bytes()
    workspace.curation_journal.write_bytes(written.replace(b"example.org 1", b"example.org 2"))
    with pytest.raises(WorkspaceError):
        CurationStore(workspace)


def test_a_later_version_is_not_guessed_at(tmp_path: Path) -> None:
    workspace = make(tmp_path / "ws")
    workspace.curation_journal.write_bytes(b'{"v":4,"what":"ever"}\n')
    with pytest.raises(WorkspaceError, match="newer version"):
        CurationStore(workspace)
