"""The queue by value, agreement between readers, drafts."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from saerad_core.errors import SaeRadError
from saerad_core.store.curation import (
    CurationStore,
    Draft,
    Drafts,
    Fields,
    QueueFilter,
    Worth,
    agreement,
    place_in,
    queue_by_value,
)
from saerad_core.store.curation.agreement import cohen_kappa, krippendorff_alpha
from saerad_core.workspace import Workspace
from tests.store.curation.tools import clock, make


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return make(tmp_path / "ws")


@pytest.fixture
def store(workspace: Workspace) -> CurationStore:
    return CurationStore(workspace, clock())


FREQUENCY = {i: 0.1 * (i + 1) for i in range(6)}


ALL = QueueFilter()


def ids(store: CurationStore, wanted: QueueFilter = ALL, today: str = "2026-03-01", **worth) -> list[int]:
    return [one.feature_id for one in queue_by_value(Worth(FREQUENCY, **worth), store.snapshot(), wanted, today)]


def test_value_is_the_product_of_what_is_known(store: CurationStore) -> None:
    assert ids(store) == [5, 4, 3, 2, 1, 0]
    use, score, complaints = {5: 0.1, 4: 0.9, 0: 1.0}, {4: 0.5, 0: 0.0}, {0: 9}
    found = queue_by_value(Worth(FREQUENCY, use, score, complaints), store.snapshot())
    by = {one.feature_id: one for one in found}
    assert by[4].value == pytest.approx(0.5 * 0.9 * 0.5) and by[0].value == pytest.approx(0.1 * 1 * 1 * 10)
    assert by[3].value == 0 and [one.feature_id for one in found] == [0, 4, 5, 3, 2, 1]
    assert place_in(found, 4) == 1 and place_in(found, 99) is None
    # A person's test counts before the program's score; readers who differ leave all in doubt.
    store.score(4, "Ann", 1.0, 10)
    assert ids(store, score={4: 0.0})[-1] == 4
    store.name(4, "Ann", verdict="accepted")
    store.name(4, "Bob", verdict="rejected")
    assert ids(store)[1] == 4


def test_filters_of_the_queue(store: CurationStore) -> None:
    store.edit(0, "a", "Ann", 0, accept=True)
    store.reject(1, "Ann", 0)
    store.flag(2, "Ann", 0)
    store.assign([3], "Bob", "Ann")
    store.tag([4], "Ann", add=["x"])
    store.list_([5], "meeting", "Ann")
    store.name(5, "Ann", "b")
    assert ids(store) == [5, 4, 3, 2]
    assert ids(store, QueueFilter(author="Ann")) == [5, 4, 3], "a second reader is another person"
    assert ids(store, QueueFilter(statuses=("second",), author="Bob")) == [2]
    assert ids(store, QueueFilter(statuses=("accepted", "rejected"))) == [1, 0]
    assert ids(store, QueueFilter(assigned="Bob")) == [3] and ids(store, QueueFilter(assigned="")) == [5, 4, 2]
    assert ids(store, QueueFilter(tag="x")) == [4] and ids(store, QueueFilter(list="meeting")) == [5]
    assert ids(store, QueueFilter(unread_by="Ann")) == [4, 3, 2] and ids(store, QueueFilter(readings=1)) == [5]
    assert ids(store, QueueFilter(among=frozenset({3, 4}))) == [4, 3]
    assert ids(store, QueueFilter(disputed=True)) == []
    store.merge(3, [4], "Ann", {})
    assert 4 not in ids(store) and 4 in ids(store, QueueFilter(merged=True))


def test_what_a_curator_put_off_comes_last_or_on_its_day(store: CurationStore) -> None:
    store.defer(5, "Ann")
    store.defer(4, "Ann", "2026-03-05")
    assert ids(store, QueueFilter(author="Ann")) == [3, 2, 1, 0, 5]
    assert ids(store, QueueFilter(author="Ann"), "2026-03-05") == [4, 3, 2, 1, 0, 5]
    assert ids(store, QueueFilter(author="Bob")) == [5, 4, 3, 2, 1, 0]
    with pytest.raises(SaeRadError, match="date"):
        store.defer(4, "Ann", "tomorrow")


def test_alpha_of_krippendorff_s_own_example() -> None:
    """Krippendorff 2011, section C: four observers, twelve units, values missing; nominal alpha 0.743."""
    rows = [
        "123321412...",
        "12332241 25.3".replace(" ", ""),
        ".33323422 51.".replace(" ", ""),
        "12332441 251.".replace(" ", ""),
    ]
    units = [
        {f"observer {i}": row[unit] for i, row in enumerate(rows) if row[unit] != "."} for unit in range(12)
    ]  # fmt: skip
    assert krippendorff_alpha(units) == pytest.approx(0.743, abs=0.0005)


VALUES = st.sampled_from("abc")


@settings(deadline=None)
@given(st.lists(st.tuples(VALUES, VALUES), min_size=2))
def test_laws_of_agreement(pairs: list[tuple[str, str]]) -> None:
    units = [{"x": a, "y": b} for a, b in pairs]
    alpha, kappa = krippendorff_alpha(units), cohen_kappa(pairs)
    assert (alpha is None) == (kappa is None) == (len({v for pair in pairs for v in pair}) == 1)
    if alpha is not None and kappa is not None:
        assert alpha <= 1 and (alpha == 1) == all(a == b for a, b in pairs)
        assert kappa == pytest.approx(cohen_kappa_score(*zip(*pairs, strict=True)))
        # One reading of a unit says nothing about agreement.
        assert krippendorff_alpha([*units, {"x": "c"}]) == alpha
        renamed = [{"x": {"a": "b", "b": "c", "c": "a"}[a], "y": {"a": "b", "b": "c", "c": "a"}[b]} for a, b in pairs]
        assert krippendorff_alpha(renamed) == pytest.approx(alpha)


def test_agreement_by_field_over_each_reader_s_latest_blind_reading(store: CurationStore) -> None:
    left, right = Fields(finding="effusion", side="left"), Fields(finding="effusion", side="right")
    for feature, ann, bob in ((0, left, left), (1, left, right), (2, right, right), (3, right, right)):
        store.name(feature, "Ann", fields=ann, verdict="accepted")
        store.name(feature, "Bob", fields=bob, verdict="rejected" if feature == 1 else "accepted")
    store.name(0, "Cy", fields=right, blind=False)
    store.name(4, "Ann", "only words")
    store.name(4, "Bob", "other words")
    found = {one.field: one for one in agreement(store.snapshot().all().values())}
    side = found["side"]
    assert (side.features, side.readers, side.same) == (4, 2, 0.75)
    assert side.pairs[0][:3] == ("Ann", "Bob", 4) and side.pairs[0].kappa == pytest.approx(0.5)
    assert side.alpha == pytest.approx(1 - 7 * 2 / (2 * 3 * 5))
    assert found["finding"].same == 1.0 and found["finding"].alpha is None and found["finding"].pairs[0].kappa is None
    assert found["verdict"].same == 0.75
    seen = {one.field: one for one in agreement(store.snapshot().all().values(), blind_only=False)}
    assert seen["side"].readers == 3


def test_drafts_are_there_after_a_restart_and_gone_after_saving(workspace: Workspace) -> None:
    drafts = Drafts(workspace)
    one = Draft(3, "Ann/../..", "Left\neff", Fields(side="left"), 2, "2026-03-01T12:00:00+00:00")
    drafts.keep(one)
    drafts.keep(Draft(1, "Ann/../..", "x", Fields(), 0, ""))
    again = Drafts(workspace)
    assert again.get("Ann/../..", 3) == one and again.get("Bob", 3) is None
    assert [draft.feature_id for draft in again.of("Ann/../..")] == [1, 3]
    assert all(
        path.resolve().is_relative_to(workspace.root / "drafts")
        for path in workspace.root.rglob("*.json*")
        if path.name != "workspace.json"
    )
    again.drop("Ann/../..", 3)
    again.drop("Ann/../..", 3)
    assert drafts.get("Ann/../..", 3) is None
    with pytest.raises(SaeRadError):
        drafts.keep(Draft(3, "", "x", Fields(), 0, ""))
    with pytest.raises(SaeRadError, match="too long"):
        drafts.keep(Draft(3, "Ann", "x" * 5000, Fields(), 0, ""))
    next((workspace.root / "drafts").rglob("*.json")).write_text("rubbish")
    assert drafts.of("Ann/../..") == []


def test_a_rejected_sentence_is_kept_with_its_reason_and_decides_nothing(store: CurationStore) -> None:
    done = store.complain([0, 0, 4], "There is a left pneumothorax.", "Ann", "nothing there")
    assert [one.feature_id for one in done.events] == [0, 4]
    state = store.state(0)
    assert [(one.author, one.sentence, one.reason) for one in state.complaints] == [
        ("Ann", "There is a left pneumothorax.", "nothing there")
    ]
    assert state.revision == 0 and not state.touched
    wanted = QueueFilter(complained="only")
    assert [one.feature_id for one in queue_by_value(Worth(FREQUENCY), store.snapshot(), wanted)] == [4, 0]
    store.reject(4, "Bob", store.state(4).revision)
    now = store.snapshot()
    assert now[4].complaints and not now[4].unanswered, "a decision answers them"
    assert [one.feature_id for one in queue_by_value(Worth(FREQUENCY), now, wanted)] == [0]
    store.accept(0, "Bob", store.state(0).revision, "x")
    store.complain([0], "Another", "Ann")
    todo = [one.feature_id for one in queue_by_value(Worth(FREQUENCY), store.snapshot(), QueueFilter(complained="too"))]
    assert 0 in todo and 4 not in todo
    assert store.undo("Ann", seqs=[store.history(0)[-1].seq]).events
    assert store.undo("Ann", batch=done.batch).events and store.state(0).complaints == ()
    with pytest.raises(SaeRadError):
        store.complain([0], "", "Ann")
