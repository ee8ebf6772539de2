"""Curation: nothing acknowledged is lost, nobody overwrites what they haven't seen, and the journal is the truth."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saerad_core.errors import SaeRadError, WorkspaceError
from saerad_core.store.curation import ConflictError, CurationStore, Event, Fields, database, journal
from saerad_core.workspace import Workspace
from tests.store.curation.tools import ACTS, FEATURES, in_database, journalled, make, noon, perform, reopened


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return make(tmp_path / "ws")


@pytest.mark.parametrize(
    ("text", "author", "feature", "words"),
    [
        ("", "Ann", 0, "description is empty"),
        (" \n ", "Ann", 0, "description is empty"),
        ("x" * 501, "Ann", 0, "500 characters"),
        ("two\nlines", "Ann", 0, "line break"),
        ("bell\x07", "Ann", 0, "control character"),
        ("half \ud800", "Ann", 0, "control character"),
        ("\u202egnissim", "Ann", 0, "control character"),
        ("fine", "", 0, "name is empty"),
        ("fine", "A" * 81, 0, "80 characters"),
        ("fine", "A\x00", 0, "control character"),
        ("fine", "Ann", -1, "no feature -1"),
        ("fine", "Ann", FEATURES, "no feature 12"),
    ],
)
def test_what_will_not_do_is_refused_and_nothing_written(
    workspace: Workspace, text: str, author: str, feature: int, words: str
) -> None:
    store = CurationStore(workspace)
    with pytest.raises(SaeRadError, match=words):
        store.edit(feature, text, author, 0)
    assert store.revision == 0 and not workspace.curation_journal.exists()


def test_the_longest_text_in_any_script_comes_back(workspace: Workspace) -> None:
    store = CurationStore(workspace)
    texts = [
        "ü" * 500,
        'Опухоль; "quoted" \\ and \'; DROP TABLE acts --',
        "左胸腔积液 🫁",
        "a\u2028b".replace("\u2028", " "),
    ]
    for number, text in enumerate(texts):
        store.edit(1, text, "Ann", number)
    store = reopened(store, workspace)
    assert [act.data["text"] for act in store.history(1)] == texts


def test_a_restart_forgets_nothing(workspace: Workspace) -> None:
    store = CurationStore(workspace)
    store.edit(3, "One", "Ann", 0)
    store.flag(4, "Bob", 0)
    before = store.all_current()
    store = reopened(store, workspace)
    assert store.all_current() == before
    assert store.edit(3, "Two", "Bob", 1).number == 2


@settings(max_examples=8, deadline=None)
@given(acts=ACTS, keep=st.floats(0, 1), cut=st.sampled_from(["nothing", "lagging", "missing", "corrupt", "other"]))
def test_the_database_is_what_the_journal_says(tmp_path_factory, acts, keep: float, cut: str) -> None:
    """Whatever happened to the database: at the next start it holds the journal's acts, and so do the answers."""
    workspace = make(tmp_path_factory.mktemp("law") / "ws")
    store = CurationStore(workspace, noon)
    store.note(0, "first", "Ann")
    perform(store, acts)
    answers, written = store.snapshot().all(), store.events()
    store.close()
    assert in_database(workspace) == journalled(workspace) == written
    damage(workspace, cut, keep)
    store = CurationStore(workspace, noon)
    assert store.snapshot().all() == answers and store.events() == written
    lost = cut == "lagging" and len(written) > 1 + int(keep * 12)
    assert bool(store.notices) == (cut in ("corrupt", "other") or lost)
    store.note(0, "after", "Ann")
    store.close()
    assert in_database(workspace) == journalled(workspace) and len(journalled(workspace)) == len(written) + 1


def damage(workspace: Workspace, how: str, keep: float) -> None:
    path = workspace.curation_db
    if how == "missing":
        path.unlink()
    elif how == "corrupt":
        data = bytearray(path.read_bytes())
        data[int(keep * 8000) : int(keep * 8000) + 4000] = os.urandom(4000)
        path.write_bytes(bytes(data[: max(100, int(len(data) * keep))]))
    elif how in ("lagging", "other"):
        with duckdb.connect(str(path)) as file:
            if how == "lagging":
                file.execute("DELETE FROM events WHERE seq > ?", [1 + int(keep * 12)])
            else:
                file.execute("UPDATE events SET data = '{}'")


@settings(max_examples=8, deadline=None)
@given(
    acts=ACTS, tail=st.integers(1, 400), ending=st.sampled_from([b"", b"\n", b"\x00\x00\x00", b'{"feature_id": 1'[:9]])
)
def test_a_torn_last_line_is_cut_off(tmp_path_factory, acts, tail: int, ending: bytes) -> None:
    """A power cut inside the last write leaves a part of its line: all acts before it are there, and writing goes on."""
    workspace = make(tmp_path_factory.mktemp("torn") / "ws")
    store = CurationStore(workspace, noon)
    perform(store, acts)
    done = store.revision
    before = workspace.curation_journal.read_bytes() if done else b""
    store.edit(5, "torn", "Ann", 0)
    store.close()
    line = workspace.curation_journal.read_bytes()[len(before) :]
    torn = line[: min(tail, len(line) - 2)] + ending
    workspace.curation_journal.write_bytes(before + torn)
    workspace.curation_db.unlink()
    store = CurationStore(workspace, noon)
    assert store.revision == done and not store.state(5).touched
    assert workspace.curation_journal.read_bytes() == before
    assert "cut short" in store.notices[0]
    assert (workspace.root / "curation.jsonl.torn").read_bytes() == torn + b"\n"
    store.edit(5, "whole", "Ann", 0)
    store = reopened(store, workspace)
    assert store.revision == done + 1 and store.notices == []
    store.close()


def test_a_last_line_that_lacks_only_its_end_counts(workspace: Workspace) -> None:
    store = CurationStore(workspace)
    store.edit(1, "One", "Ann", 0)
    store.close()
    workspace.curation_journal.write_bytes(workspace.curation_journal.read_bytes()[:-1])
    store = CurationStore(workspace)
    assert store.revision == 1
    store.edit(1, "Two", "Ann", 1)
    assert [act.data["text"] for act in journalled(workspace)] == ["One", "Two"]


def test_damage_before_the_last_line_is_said(workspace: Workspace) -> None:
    store = CurationStore(workspace)
    perform(store, [(0, "edit", "a"), (0, "edit", "b"), (0, "edit", "c")])
    store.close()
    lines = workspace.curation_journal.read_bytes().splitlines(keepends=True)
    for broken, words in (
        ([lines[0], b"rubbish\n", lines[2]], "damaged in line 2"),
        ([lines[0], b"\n", lines[2]], "damaged in line 2"),
        ([lines[0], lines[1].replace(b'"edited"', b'"eaited"'), lines[2]], "damaged in line 2"),
        ([lines[0], lines[1][:-2] + b"\n", lines[2]], "damaged in line 2"),
        ([lines[0], lines[2]], "damaged in line 2"),
        ([lines[0], lines[2][:-1]], "2 edits fewer than curation.duckdb"),
        ([lines[1], lines[0], lines[2]], "damaged in line 1"),
        (lines[:2], "1 edits fewer than curation.duckdb"),
        ([lines[0], lines[1], lines[2][:-9]], "1 edits fewer than curation.duckdb"),
        ([], "3 edits fewer than curation.duckdb"),
    ):
        workspace.curation_journal.write_bytes(b"".join(broken))
        with pytest.raises(WorkspaceError, match=words):
            CurationStore(workspace)
        # Nothing was taken away from what may still be mended.
        assert workspace.curation_journal.read_bytes() == b"".join(broken)
        assert len(in_database(workspace)) == 3
    workspace.curation_journal.write_bytes(b"".join(lines))
    assert CurationStore(workspace).revision == 3


def test_an_act_is_on_the_disk_before_the_database_knows_it(workspace: Workspace, monkeypatch) -> None:
    store = CurationStore(workspace)
    seen: list[tuple[int, int]] = []
    true_sync = os.fsync

    def sync(descriptor: int) -> None:
        true_sync(descriptor)
        seen.append((len(journalled(workspace)), store.revision))

    monkeypatch.setattr(journal.os, "fsync", sync)
    store.edit(1, "One", "Ann", 0)
    store.edit(1, "Two", "Ann", 1)
    # The first also syncs the folder, for the new file's name.
    assert seen == [(1, 0), (1, 0), (2, 1)]


def test_a_full_disk_leaves_the_journal_as_it_was(workspace: Workspace, monkeypatch) -> None:
    store = CurationStore(workspace)
    store.edit(1, "One", "Ann", 0)
    before = workspace.curation_journal.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(journal.os, "fsync", full)
        with pytest.raises(WorkspaceError, match="make room"):
            store.edit(1, "Two", "Ann", 1)
    assert workspace.curation_journal.read_bytes() == before and store.revision == 1
    assert store.edit(1, "Two", "Ann", 1).number == 2


def test_an_act_stands_though_the_database_fails(workspace: Workspace, monkeypatch) -> None:
    store = CurationStore(workspace)
    store.edit(1, "One", "Ann", 0)
    truly, failures = database.add, [duckdb.IOException("disk full")]

    def add(connection, rows) -> None:
        if failures:
            raise failures.pop()
        truly(connection, rows)

    monkeypatch.setattr(database, "add", add)
    assert store.edit(1, "Two", "Ann", 1).number == 2
    assert store.edit(1, "Three", "Ann", 2).number == 3
    assert [act.data["text"] for act in store.history(1)] == ["One", "Two", "Three"]
    assert len(journalled(workspace)) == 3
    store = reopened(store, workspace)
    store.close()
    assert in_database(workspace) == journalled(workspace)


def test_threads_lose_no_act_and_agree_on_the_winner(workspace: Workspace) -> None:
    store = CurationStore(workspace)
    won: list[Event] = []
    lost: list[ConflictError] = []
    barrier = threading.Barrier(8)

    def edit(who: int) -> None:
        barrier.wait()
        for turn in range(5):
            try:
                won.append(store.edit(0, f"by {who}", f"reader {who}", turn))
            except ConflictError as conflict:
                lost.append(conflict)
            won.append(store.edit(1 + who, f"turn {turn}", f"reader {who}", turn))
            assert store.history(1 + who)[-1].data["text"] == f"turn {turn}"
            store.all_current()

    run_all([lambda who=who: edit(who) for who in range(8)])
    # A base that somebody else took is refused to all others, so feature 0 has at most one act a base.
    history = store.history(0)
    assert [act.number for act in history] == list(range(1, len(history) + 1))
    assert [act.base for act in history] == list(range(len(history)))
    assert len(won) + len(lost) == 80 and store.revision == len(won) == 40 + len(history)
    assert all(conflict.current is not None for conflict in lost if conflict.current)
    store.close()
    assert in_database(workspace) == journalled(workspace)
    key = lambda act: (act.feature_id, act.number)  # noqa: E731
    assert sorted(journalled(workspace), key=key) == sorted(won, key=key)


def run_all(jobs: list[Callable[[], None]]) -> None:
    failed: list[BaseException] = []

    def guarded(job: Callable[[], None]) -> None:
        try:
            job()
        except BaseException as error:  # noqa: BLE001 - told to the test's own thread below
            failed.append(error)

    threads = [threading.Thread(target=guarded, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


def test_one_process_may_open_it_many_times(workspace: Workspace) -> None:
    first, second = CurationStore(workspace), CurationStore(workspace)
    first.edit(1, "One", "Ann", 0)
    assert second.edit(1, "Two", "Bob", 1).number == 2
    assert first.revision == second.revision == 2


def test_a_folder_made_anew_under_the_same_name_starts_empty(workspace: Workspace) -> None:
    old = CurationStore(workspace)
    old.edit(1, "One", "Ann", 0)
    shutil.rmtree(workspace.root)
    anew = make(workspace.root)
    store = CurationStore(anew)
    assert store.revision == 0
    store.edit(2, "Anew", "Ann", 0)
    assert len(journalled(anew)) == 1


OTHER = """
import sys
from pathlib import Path
from saerad_core.errors import WorkspaceError
from saerad_core.store.curation import CurationStore
from saerad_core.workspace import Workspace

store = CurationStore(Workspace.open(Path(sys.argv[1])))
for line in sys.stdin:
    base = len(store.history(3))
    if line.startswith("write"):
        try:
            answer = f"wrote {store.edit(3, 'By the other', 'Other', base).number}"
        except WorkspaceError as error:
            answer = f"refused: {error}"
    else:
        answer = f"{base} {store.state(3).text or '-'} {store.revision}"
    sys.stdout.write(answer + "\\n")
    sys.stdout.flush()
"""


class Other:
    """Another process with the same workspace open."""

    def __init__(self, workspace: Workspace) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", OTHER, str(workspace.root)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[3],
        )

    def ask(self, words: str) -> str:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(words + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()


def test_a_second_process_follows_and_takes_over(workspace: Workspace) -> None:
    store = CurationStore(workspace)
    store.edit(3, "One", "Ann", 0)
    other = Other(workspace)
    try:
        assert other.ask("read") == "1 One 1"
        assert other.ask("write").startswith("refused: Another running copy of this program edits this workspace")
        store.edit(3, "Two", "Ann", 1)
        assert other.ask("read") == "2 Two 2"
        store.close()
        assert other.ask("write") == "wrote 3"
        here = CurationStore(workspace)
        assert here.revision == 3
        with pytest.raises(WorkspaceError, match="Another running copy"):
            here.edit(3, "Four", "Ann", 3)
        assert other.ask("write") == "wrote 4"
        # Killed without a word: what it acknowledged is there, and the lock is free.
        other.end()
        assert here.edit(3, "Five", "Ann", 4).number == 5
        here.close()
        assert in_database(workspace) == journalled(workspace)
    finally:
        other.end()


def test_the_journal_is_plain_json_lines(workspace: Workspace) -> None:
    CurationStore(workspace, noon).edit(3, "Ö", "Ann", 0)
    (line,) = workspace.curation_journal.read_text(encoding="utf-8").splitlines()
    held = json.loads(line)
    assert len(held.pop("hash")) == 32
    assert held == {
        "v": 2, "seq": 1, "feature_id": 3, "number": 1, "kind": "edited", "author": "Ann", "verified": False,
        "at": "2026-03-01T12:00:00.000+00:00", "base": 0, "sae": "", "batch": "", "place": 1, "size": 1,
        "data": {"text": "Ö", "fields": asdict(Fields())},
    }  # fmt: skip
