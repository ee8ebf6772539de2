"""A workspace without X-rays, and what its curation files hold."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
from hypothesis import strategies as st

from saerad_core.store.curation import CurationStore, Event
from saerad_core.store.curation.database import ALL, event_of
from saerad_core.store.curation.journal import parse
from saerad_core.workspace import DatasetInfo, EncoderInfo, Workspace

FEATURES = 12


def noon() -> datetime:
    return datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


def clock(step: timedelta = timedelta(hours=1)) -> Callable[[], datetime]:
    """Goes on by ``step`` at every look, from noon."""
    passed = [noon() - step]

    def look() -> datetime:
        passed[0] += step
        return passed[0]

    return look


def make(root: Path) -> Workspace:
    workspace = Workspace.create(root, DatasetInfo(kind="folder"), EncoderInfo(id="tiny"))
    workspace.manifest.counts.features = FEATURES
    workspace.save()
    return workspace


def reopened(store: CurationStore, workspace: Workspace) -> CurationStore:
    store.close()
    return CurationStore(workspace, noon)


def journalled(workspace: Workspace) -> list[Event]:
    path = workspace.curation_journal
    return parse(path.read_bytes() if path.exists() else b"").events


def in_database(workspace: Workspace) -> list[Event]:
    with duckdb.connect(str(workspace.curation_db), read_only=True) as file:
        return [event_of(row) for row in file.execute(ALL).fetchall()]


WORDS = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=12)
ACTS = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from(["edit", "accept", "reject", "flag", "restore", "note", "tag", "later",
                                                  "score", "name", "list", "bookmark", "merge", "split", "undo", "both"]), WORDS),
    max_size=6,
)  # fmt: skip
"""(feature, what, words)."""


def perform(store: CurationStore, acts: list[tuple[int, str, str]]) -> None:
    """Do them all, each on what counts then; what can't be done at that point is left out."""
    for feature, what, words in acts:
        base = store.snapshot().own(feature).revision
        other = (feature + 1) % 4
        now = store.snapshot()
        grouped = now[feature].merged_into is not None
        if what in ("edit", "accept", "reject", "flag", "restore") and grouped:
            continue
        if what == "edit":
            store.edit(feature, words, words, base)
        elif what == "accept":
            store.accept(feature, words, base)
        elif what == "reject":
            store.reject(feature, words, base, words)
        elif what == "flag":
            store.flag(feature, words, base)
        elif what == "restore":
            store.restore(feature, base // 2, words, base)
        elif what == "note":
            store.note(feature, words, words)
        elif what == "tag":
            store.tag([feature, other], words, add=[words])
        elif what == "later":
            store.defer(feature, words)
        elif what == "score":
            store.score(feature, words, 0.8, 10, items=[("x1", True, False)])
        elif what == "name":
            store.name(feature, words, words, verdict="rejected")
        elif what == "list":
            store.list_([feature], words, words)
        elif what == "bookmark":
            store.bookmark(feature, words)
        elif what == "merge":
            if not grouped and now[other].merged_into is None and not now[other].members:
                bases = {i: now.own(i).revision for i in (feature, other)}
                store.merge(feature, [other], words, bases)
        elif what == "split":
            if grouped:
                store.split([feature], words, {feature: base})
        elif what == "undo":
            if last := store.recent(1):
                if last[0].batch:
                    store.undo(words, batch=last[0].batch)
                else:
                    store.undo(words, seqs=[last[0].seq])
        elif not grouped:
            store.edit(feature, words, words, base, accept=True)
