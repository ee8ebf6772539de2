"""export, import and repair from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from saerad_core.cli import app
from saerad_core.errors import SaeRadError, WorkspaceError
from saerad_core.store.curation import CurationStore
from saerad_core.workspace import Workspace
from tests.store.curation.tools import clock, in_database, journalled, make


def ran(*words: str) -> str:
    result = CliRunner().invoke(app, list(words), catch_exceptions=True)
    if isinstance(result.exception, SaeRadError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    workspace = make(tmp_path / "ws")
    store = CurationStore(workspace, clock())
    store.edit(1, "One", "Ann", 0)
    store.edit(2, "Two", "Ann", 0)
    store.list_([2], "meeting", "Ann")
    store.close()
    return workspace


def test_out_and_in(workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = make(tmp_path / "other")
    out = tmp_path / "out.jsonl"
    said = ran("export", str(workspace.root), "--format", "jsonl", "--out", str(out))
    assert "2 features" in said and "Research use only" in said
    said = ran("import", str(other.root), str(out), "--dry-run")
    assert "2 features: goes on from what is here" in said and "Nothing was written" in said
    assert not other.curation_journal.exists()
    assert "3 events were added" in ran("import", str(other.root), str(out))
    assert journalled(other) == journalled(workspace)
    monkeypatch.chdir(tmp_path)
    ran("export", str(workspace.root), "--list", "meeting")
    text = (tmp_path / "ws-curation.csv").read_text(encoding="utf-8-sig")
    assert "Two" in text and "One" not in text
    ran("export", str(workspace.root), "--format", "neuronpedia", "--features", "1", "--out", str(out))
    assert [one["index"] for one in json.loads(out.read_text())] == ["1"]


def test_what_cannot_be_done_is_said(workspace: Workspace, tmp_path: Path) -> None:
    root = str(workspace.root)
    for words, says in (
        (("export", root, "--format", "pdf"), "--format is one of csv"),
        (("export", root, "--features", "one"), "numbers joined by commas"),
        (("export", root, "--features", "99"), "no feature 99"),
        (("export", root, "--list", "none"), "no list 'none'"),
        (("import", root, str(tmp_path / "no.csv")), "can't be read"),
    ):
        with pytest.raises(SaeRadError, match=says):
            ran(*words)
    path = tmp_path / "mine.csv"
    path.write_text("feature_id,text\n3,By hand\n")
    with pytest.raises(SaeRadError, match="--author"):
        ran("import", root, str(path))
    assert "1 events were added" in ran("import", root, str(path), "--author", "Cy")


@pytest.mark.parametrize("harm", ["a lost line", "a changed byte", "all lost", "the last line's end", "no file"])
def test_repair_brings_back_what_only_the_database_has(workspace: Workspace, harm: str) -> None:
    journal = workspace.curation_journal
    whole = journal.read_bytes()
    lines = whole.splitlines(keepends=True)
    broken = {
        "a lost line": b"".join(lines[:2]),
        "a changed byte": whole.replace(b'"One"', b'"Ode"'),
        "all lost": b"",
        "the last line's end": whole[:-40],
    }
    if harm == "no file":
        journal.unlink()
    else:
        journal.write_bytes(broken[harm])
    with pytest.raises(WorkspaceError, match="curation.jsonl"):
        CurationStore(workspace)
    said = ran("repair", str(workspace.root))
    assert "made whole from curation.duckdb: 3 edits" in said
    assert journal.read_bytes() == whole and in_database(workspace) == journalled(workspace)
    kept = [path for path in workspace.root.glob("curation.jsonl.damaged-*")]
    assert [path.read_bytes() for path in kept] == ([] if harm == "no file" else [broken[harm]])
    assert "nothing was changed" in ran("repair", str(workspace.root))
    store = CurationStore(workspace)
    assert store.notices == [] and store.revision == 3
    with pytest.raises(WorkspaceError, match="Another running copy"):
        ran("repair", str(workspace.root))
    store.close()


def test_repair_does_not_trust_a_damaged_database(workspace: Workspace) -> None:
    import duckdb

    with duckdb.connect(str(workspace.curation_db)) as file:
        file.execute("UPDATE events SET author = 'Eve' WHERE seq = 1")
    lines = workspace.curation_journal.read_bytes().splitlines(keepends=True)
    workspace.curation_journal.write_bytes(lines[0])
    with pytest.raises(WorkspaceError, match="doesn't hold edit 1 whole"):
        ran("repair", str(workspace.root))
    assert workspace.curation_journal.read_bytes() == lines[0]
