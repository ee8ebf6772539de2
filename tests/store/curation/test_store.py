"""Acts and what counts after them: decisions need the revision seen, additions don't, everything can be taken back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings

from saerad_core.errors import SaeRadError
from saerad_core.store.curation import (
    Act,
    Author,
    ConflictError,
    CurationStore,
    FeatureState,
    Fields,
    ManyConflictsError,
    changed_words,
)
from saerad_core.store.curation.snapshot import Snapshot
from saerad_core.workspace import Workspace
from tests.store.curation.tools import ACTS, clock, make, noon, perform, reopened

LEFT = Fields(finding="pleural_effusion", side="left")


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return make(tmp_path / "ws")


@pytest.fixture
def store(workspace: Workspace) -> CurationStore:
    return CurationStore(workspace, clock())


def test_a_draft_a_judgement_and_back(store: CurationStore) -> None:
    assert store.state(3) == FeatureState(3) and store.all_current() == {} and store.revision == 0
    first = store.edit(3, "  Left pleural effusion. ", Author(" Ann ", True), 0, LEFT)
    assert (first.kind, first.number, first.author, first.verified) == ("edited", 1, "Ann", True)
    draft = store.state(3)
    assert (draft.text, draft.fields, draft.status, draft.author) == ("Left pleural effusion.", LEFT, "draft", "Ann")
    store.accept(3, "Bob", 1)
    now = store.state(3)
    assert (now.text, now.fields, now.status, now.author, now.revision) == (draft.text, LEFT, "accepted", "Bob", 2)
    store.reject(5, "Bob", 0, "noise")
    assert (store.state(5).status, store.state(5).text, store.state(5).reason) == ("rejected", "", "noise")
    assert set(store.all_current()) == {3, 5}
    store.restore(3, 0, "Ann", 2)
    assert (store.state(3).text, store.state(3).status, list(store.all_current())) == ("", "pending", [5])
    store.restore(3, 2, "Ann", 3)
    assert replace(store.state(3), revision=2, number=2, author="Bob", at=now.at) == now
    assert [one.kind for one in store.history(3)] == ["edited", "accepted", "restored", "restored"]


def test_pinned_x_rays_are_the_workspace_s(store: CurationStore, workspace: Workspace) -> None:
    assert store.snapshot().pins() == ()
    store.pin("b.png", "Ann")
    store.pin("a.png", "Bob")
    assert store.pin("a.png", "Ann").events == () and store.snapshot().pins() == ("b.png", "a.png")
    store.pin("b.png", "Bob", on=False)
    assert store.snapshot().pins() == ("a.png",) and store.all_current() == {}
    assert reopened(store, workspace).snapshot().pins() == ("a.png",)
    for refused in (Act(3, "pinned", {"image": "a.png"}), Act(-1, "pinned", {"image": ""})):
        with pytest.raises(SaeRadError):
            CurationStore(workspace).bulk([refused], "Ann")


def test_save_and_accept_is_one_act_and_fields_stay_unless_given(store: CurationStore) -> None:
    store.edit(3, "One", "Ann", 0, LEFT)
    accepted = store.edit(3, "Two", "Ann", 1, accept=True)
    now = store.state(3)
    assert (now.text, now.status, now.fields, now.revision) == (
        "Two",
        "accepted",
        LEFT,
        accepted.number,
    ) and now.revision == 3
    store.undo("Ann", batch=accepted.batch)
    assert (store.state(3).text, store.state(3).status) == ("One", "draft")


def test_additions_need_no_revision_and_disturb_nobody(store: CurationStore) -> None:
    store.edit(3, "One", "Ann", 0)
    store.note(3, "Looks like\na line", "Bob")
    store.tag([3, 4], "Bob", add=["device"])
    store.assign([3], "Cy", "Bob")
    store.name(3, "Bob", "A line", verdict="rejected")
    store.score(3, "Bob", 0.9, 10, text="One", items=[("x1", True, True)])
    store.bookmark(3, "Bob")
    store.list_([3, 4], "lines", "Bob")
    store.propose(3, "Central line", "model", source="some-model")
    store.defer(3, "Bob")
    store.edit(3, "Two", "Ann", 1)
    now = store.state(3)
    assert now.revision == 11 and now.text == "Two" and now.tags == ("device",) and now.assigned == "Cy"
    assert now.notes[0].text == "Looks like\na line" and now.human_score() == 0.9 and now.bookmarked == ("Bob",)
    assert now.lists == ("lines",) and now.proposals[0].text == "Central line" and now.deferred == {"Bob": ""}
    snapshot = store.snapshot()
    assert (
        snapshot.lists() == {"lines": [3, 4]} and snapshot.bookmarks("Bob") == [3] and snapshot.tags() == {"device": 2}
    )
    assert store.tag([3, 4], "Bob", add=["device"]).events == ()
    store.list_([3], "lines", "Ann", on=False)
    store.tag([3], "Ann", remove=["device"])
    store.defer(3, "Bob", on=False)
    assert store.state(3).lists == store.state(3).tags == () and store.state(3).deferred == {}


def test_who_has_not_seen_the_latest_decision_is_shown_all_three_texts(store: CurationStore) -> None:
    store.edit(3, "One", "Ann", 0, LEFT)
    store.note(3, "hm", "Cy")
    store.edit(3, "Two", "Ann", 1, replace(LEFT, side="right"))
    mine = Fields(finding="pleural_effusion", side="left", severity="small")
    with pytest.raises(ConflictError, match="Ann changed feature 3 in between") as caught:
        store.edit(3, "Three", "Bob", 1, mine)
    conflict = caught.value
    assert conflict.current == store.history(3)[-1]
    assert (conflict.base.text, conflict.theirs.text, conflict.mine.text) == ("One", "Two", "Three")
    found = {one.name: one for one in conflict.differences()}
    assert set(found) == {"text", "side", "severity"} and found["text"].clash and not found["side"].clash
    assert (found["side"].base, found["side"].theirs, found["side"].mine) == ("left", "right", "left")
    assert (found["severity"].base, found["severity"].theirs, found["severity"].mine) == ("", "", "small")
    for act in (
        lambda base: store.accept(3, "Bob", base),
        lambda base: store.reject(3, "Bob", base),
        lambda base: store.flag(3, "Bob", base),
        lambda base: store.restore(3, 0, "Bob", base),
        lambda base: store.adjudicate(3, "x", "Bob", base),
        lambda base: store.merge(4, [3], "Bob", {3: base, 4: 0}),
    ):
        for base in (0, 1, 2, 4, -1):
            with pytest.raises(ConflictError):
                act(base)
    assert store.revision == 3
    store.edit(3, "Three", "Bob", conflict.theirs.revision, mine)


def test_words_that_changed() -> None:
    assert changed_words("small left effusion", "left effusion today") == [
        ("removed", "small"), ("same", "left effusion"), ("added", "today"),
    ]  # fmt: skip
    assert changed_words("", "a") == [("added", "a")] and changed_words("a", "a") == [("same", "a")]


@settings(max_examples=30, deadline=None)
@given(acts=ACTS)
def test_what_counts_is_a_view_over_the_events(tmp_path_factory, acts) -> None:
    """Kept up to date event by event, folded anew, or read from the files: the same."""
    workspace = make(tmp_path_factory.mktemp("view") / "ws")
    store = CurationStore(workspace, clock())
    perform(store, acts)
    now = store.snapshot().all()
    assert Snapshot.of(store.events(), store.sae).all() == now
    store = reopened(store, workspace)
    assert store.snapshot().all() == now
    store.close()


@settings(max_examples=20, deadline=None)
@given(acts=ACTS)
def test_every_moment_of_the_past_can_be_shown(tmp_path_factory, acts) -> None:
    workspace = make(tmp_path_factory.mktemp("past") / "ws")
    store = CurationStore(workspace, clock())
    moments = []
    for act in acts:
        perform(store, [act])
        events = store.events()
        moments.append((events[-1].at if events else None, store.snapshot().all()))
    for at, then in moments:
        if at is not None:
            assert store.as_of(at).all() == then
    store.close()


@settings(max_examples=20, deadline=None)
@given(acts=ACTS)
def test_undoing_brings_back_what_counted_and_undoing_that_too(tmp_path_factory, acts) -> None:
    workspace = make(tmp_path_factory.mktemp("undo") / "ws")
    store = CurationStore(workspace, clock())
    perform(store, acts)
    bare = lambda: {i: replace(one, number=0, revision=0) for i, one in store.snapshot().all().items()}  # noqa: E731
    empty = FeatureState(0)
    before = bare()
    revisions = {i: store.snapshot().own(i).revision for i in (0, 1, 2)}
    free = [i for i in (0, 1, 2) if store.state(i).merged_into is None]
    acts_now = [Act(i, "accepted", {}, revisions[i]) for i in free] + [Act(i, "tagged", {"add": ["x"]}) for i in (0, 1)]
    done = store.bulk(acts_now, "Ann")
    after = bare()
    undone = store.undo("Ann", batch=done.batch)
    now = bare()
    assert {i: one for i, one in now.items() if replace(one, feature_id=0) != empty} == {
        i: one for i, one in before.items() if replace(one, feature_id=0) != empty
    }
    again = [one.seq for one in undone.events]
    store.undo("Ann", seqs=again)
    assert bare() == after
    with pytest.raises(SaeRadError, match="nothing to take back"):
        store.undo("Ann", seqs=again)
    store.close()


def test_a_bulk_act_is_all_or_nothing_unless_told_to_pass_over(store: CurationStore) -> None:
    store.edit(1, "One", "Ann", 0)
    store.edit(2, "Two", "Ann", 0)
    acts = [Act(i, "accepted", {}, 0) for i in (1, 2, 3)]
    with pytest.raises(ManyConflictsError, match=r"2 of these features .*#1, #2") as caught:
        store.bulk(acts, "Bob")
    assert caught.value.features == (1, 2) and store.revision == 2
    done = store.bulk(acts, "Bob", pass_over=True)
    assert (
        done.passed_over == (1, 2)
        and [one.feature_id for one in done.events] == [3]
        and store.state(3).status == "accepted"
    )
    with pytest.raises(ConflictError):
        store.bulk(acts[:1], "Bob")
    assert store.bulk([], "Bob").batch == ""


def test_a_bulk_act_is_not_taken_back_over_a_later_decision(store: CurationStore) -> None:
    done = store.bulk([Act(i, "accepted", {}, 0) for i in (1, 2, 3)], "Ann")
    store.edit(2, "Mine", "Bob", 1)
    with pytest.raises(ConflictError, match="Bob changed feature 2 after what you take back"):
        store.undo("Ann", batch=done.batch)
    assert store.undo("Ann", batch=done.batch, pass_over=True).passed_over == (2,)
    assert [store.state(i).status for i in (1, 2, 3)] == ["pending", "draft", "pending"]


def test_members_of_a_group_say_what_it_says_and_keep_it_when_they_leave(store: CurationStore) -> None:
    store.edit(1, "Line", "Ann", 0)
    store.edit(2, "Old words", "Ann", 0)
    merged = store.merge(1, [2, 3], "Ann", {1: 1, 2: 1, 3: 0})
    assert store.state(1).members == (2, 3) and store.state(3).text == "Line" and store.state(2).merged_into == 1
    store.edit(1, "Central line", "Bob", store.state(1).revision, accept=True)
    assert (store.state(2).text, store.state(2).status) == ("Central line", "accepted")
    assert store.all_current()[3].text == "Central line"
    with pytest.raises(SaeRadError, match="merged into 1"):
        store.edit(2, "x", "Bob", store.state(2).revision)
    with pytest.raises(SaeRadError, match="itself merged"):
        store.merge(3, [4], "Bob", {})
    with pytest.raises(SaeRadError, match="take them out first"):
        store.merge(4, [1], "Bob", {})
    with pytest.raises(SaeRadError, match="isn't merged"):
        store.split([4], "Bob", {})
    store.split([2], "Bob", {2: store.state(2).revision})
    assert (store.state(2).text, store.state(2).status, store.state(2).merged_into) == ("Central line", "draft", None)
    assert store.state(1).members == (3,)
    with pytest.raises(ManyConflictsError):
        store.undo("Ann", batch=merged.batch)
    store.undo("Ann", batch=merged.batch, pass_over=True)
    assert store.state(3).merged_into is None and store.state(3).text == ""


def test_readings_disputes_and_adjudication(store: CurationStore) -> None:
    store.name(3, "Ann", "Left effusion", LEFT, "accepted")
    assert not store.state(3).disputed
    store.name(3, "Bob", "Right effusion", replace(LEFT, side="right"), "accepted")
    state = store.state(3)
    assert state.disputed and state.text == "" and state.status == "pending"
    store.adjudicate(3, "Left effusion", "Cy", 0, LEFT, readings=[one.number for one in state.readings])
    now = store.state(3)
    assert now.adjudicated and not now.disputed and now.status == "accepted" and now.fields == LEFT
    # A later reading by the same reader replaces the earlier.
    store.name(4, "Ann", "a", verdict="accepted")
    store.name(4, "Bob", "b", verdict="rejected")
    store.name(4, "Bob", "b", verdict="accepted")
    assert not store.state(4).disputed


def test_scores_are_of_the_text_that_was_tested(store: CurationStore) -> None:
    store.score(3, "Ann", 0.5, 10, text="old")
    store.score(3, "Ann", 0.9, 10, text="new")
    store.score(3, "Bob", 0.6, 20, text="new")
    store.score(3, "model", 0.3, 40, by="machine")
    assert store.state(3).human_score() == pytest.approx(0.7) and store.state(3).machine_score() == 0.3
    assert store.state(4).human_score() is None and store.state(4).machine_score() is None
    with pytest.raises(SaeRadError, match="value"):
        store.score(3, "Ann", 1.5, 10)


def test_dates_releases_and_what_changed(workspace: Workspace) -> None:
    store = CurationStore(workspace, clock(timedelta(days=1)))
    store.edit(3, "One", "Ann", 0)
    store.release("first", "Ann", "before the meeting")
    store.edit(3, "Two", "Bob", 1, LEFT)
    store.accept(4, "Bob", 0)
    store.release("second", "Ann")
    store.tag([4], "Ann", add=["x"])
    assert store.as_of("2026-03-01")[3].text == store.as_of("first")[3].text == "One"
    assert store.as_of("2026-03-02T11:00:00+00:00").features() == [3]
    assert store.as_of("2026-02-01").all() == {}
    assert [(one.name, one.seq, one.note) for one in store.releases()] == [
        ("first", 2, "before the meeting"),
        ("second", 5, ""),
    ]
    changes = {(one.feature_id, one.name): (one.before, one.after) for one in store.compare("first", "second")}
    assert changes == {
        (3, "text"): ("One", "Two"), (3, "finding"): ("", "pleural_effusion"), (3, "side"): ("", "left"),
        (4, "status"): ("pending", "accepted"),
    }  # fmt: skip
    assert {one.name for one in store.compare("second")} == {"tags"}
    assert store.compare("second", "second") == []
    with pytest.raises(SaeRadError, match="neither a release nor a date"):
        store.as_of("third")
    with pytest.raises(SaeRadError, match="already"):
        store.release("first", "Bob")


def test_a_clock_that_goes_back_does_not_reorder_the_past(workspace: Workspace) -> None:
    times = [noon(), noon() - timedelta(hours=5), noon() + timedelta(hours=1)]
    store = CurationStore(workspace, lambda: times.pop(0))
    for text, base in (("One", 0), ("Two", 1), ("Three", 2)):
        store.edit(3, text, "Ann", base)
    assert store.as_of("2026-03-01T12:00:00")[3].text == "Two"


def test_progress_by_author_and_in_all(store: CurationStore) -> None:
    store.edit(1, "One", "Ann", 0, accept=True)
    store.edit(2, "Two", "Ann", 0)
    store.reject(2, "Bob", 1)
    store.flag(3, "Bob", 0)
    store.assign([4, 5], "Ann", "Cy")
    store.accept(5, "Cy", 0)
    store.name(6, "Ann", "a", verdict="accepted")
    store.name(6, "Bob", "b", verdict="rejected")
    found = store.progress()
    by = {one.author: one for one in found.authors}
    assert by["Ann"].acts == {"edited": 2, "accepted": 1, "named": 1}
    assert (by["Ann"].features, by["Ann"].accepted, by["Ann"].assigned) == (1, 1, 1)
    assert (by["Bob"].features, by["Bob"].accepted) == (2, 0)
    assert (
        found.statuses == {"pending": 2, "draft": 0, "accepted": 2, "rejected": 1, "second": 1} and found.disputed == 1
    )
    assert by["Ann"].first < by["Ann"].last


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (Act(3, "edited", {}, 0), "text"),
        (Act(3, "edited", {"text": "a", "colour": "red"}, 0), "holds no 'colour'"),
        (Act(3, "edited", {"text": "a", "fields": {"side": "up"}}, 0), "fields.side"),
        (Act(3, "edited", {"text": "two\nlines"}, 0), "line break"),
        (Act(3, "adored", {}, 0), "no kind of edit 'adored'"),
        (Act(3, "accepted", {}), "needs the revision"),
        (Act(-1, "accepted", {}, 0), "no feature -1"),
        (Act(3, "released", {"name": "a"}), "no feature 3"),
        (Act(3, "noted", {"text": " "}), "note is empty"),
        (Act(3, "noted", {"text": "a" * 4001}), "4000"),
        (Act(3, "tagged", {"add": ["a\u202eb"]}), "control character"),
    ],
)
def test_what_an_act_cannot_hold_is_refused(store: CurationStore, act: Act, words: str) -> None:
    with pytest.raises(SaeRadError, match=words):
        store.bulk([act], "Ann")
    assert store.revision == 0


def test_edits_on_another_sae_s_features_do_not_count(workspace: Workspace) -> None:
    folder = workspace.sae_dir
    folder.mkdir()
    weights = folder / "sae_weights.safetensors"
    weights.write_bytes(b"first")
    store = CurationStore(workspace, noon)
    store.edit(3, "One", "Ann", 0)
    assert len(store.sae) == 16 and store.history(3)[0].sae == store.sae
    store.close()
    weights.write_bytes(b"second")
    store = CurationStore(workspace, noon)
    assert store.all_current() == {} and store.revision == 1
    assert "another SAE" in store.notices[0]
    store.edit(3, "Another", "Bob", 0)
    store.close()
    weights.write_bytes(b"first")
    store = CurationStore(workspace, noon)
    assert store.state(3).text == "One" and [one.number for one in store.history(3)] == [1, 2]
    store.close()
