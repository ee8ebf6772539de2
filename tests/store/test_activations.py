"""The store against what pandas counts of the same arrays."""

from __future__ import annotations

import json
import threading

import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saerad_core.errors import WorkspaceError
from saerad_core.store.activations import BANDS, OFTEN, ActivationStore
from tests.store.example import DEAD, Example, M, N


@pytest.fixture(scope="module")
def example(tmp_path_factory) -> Example:
    return Example(tmp_path_factory.mktemp("store") / "activations.duckdb")


@pytest.fixture(scope="module", params=[OFTEN, 0], ids=["asked", "kept"])
def store(example: Example, request: pytest.FixtureRequest) -> ActivationStore:
    """Answers from the file, and from memory once it was asked for often: here from the first time on."""
    return ActivationStore(example.path, often=request.param)


def test_rows_are_sorted_as_the_format_says(example: Example, store: ActivationStore) -> None:
    with duckdb.connect(str(example.path), read_only=True) as file:
        by_feature = file.execute("SELECT * FROM activations_by_feature").df()
        by_image = file.execute("SELECT * FROM activations_by_image").df()
        keys = file.execute("SELECT count(*) FROM duckdb_indexes()").fetchone()
    assert keys == (0,)
    assert len(by_feature) == len(by_image) == example.active.nnz
    again = by_feature.sort_values(["feature_id", "activation"], ascending=[True, False], kind="stable")
    assert again.index.tolist() == list(range(len(again)))
    again = by_image.sort_values(["image_row", "activation"], ascending=[True, False], kind="stable")
    assert again.index.tolist() == list(range(len(again)))
    dense = np.zeros((N, M), dtype=np.float32)
    dense[by_image["image_row"], by_image["feature_id"]] = by_image["activation"]
    np.testing.assert_array_equal(dense, example.active.toarray())
    assert not example.path.with_suffix(".part").exists()


def test_images_come_back_as_they_went_in(example: Example, store: ActivationStore) -> None:
    images = store.images()
    assert images["row"].tolist() == list(range(N))
    for name in ("image_id", "patient_id", "split", "view", "sex", "indication", "findings", "impression"):
        assert images[name].tolist() == example.images[name].tolist(), name
    assert [list(labels) for labels in images["labels"]] == example.images["labels"].tolist()
    assert images["age"].isna().tolist() == example.images["age"].isna().tolist()
    texts = store.texts([5, 3, 4, N])
    assert set(texts) == {3, 4, 5} and store.texts([]) == {} and store.texts([N]) == {}
    assert store.texts([3]) == {3: texts[3]}
    assert texts[4].findings == example.images["findings"][4] and texts[4].facts is None
    assert json.loads(texts[3].facts or "") == [{"finding": "pleural_effusion", "side": "left"}]


def test_the_roster_is_the_table(example: Example, store: ActivationStore) -> None:
    roster, images = store.roster, example.images
    assert len(roster) == N and roster.image_id.to_pylist() == images["image_id"].tolist()
    assert [roster.row_of(name) for name in images["image_id"][: N // 2]] == list(range(N // 2))
    assert [roster.name_of(row) for row in range(N)] == images["image_id"].tolist()
    assert [roster.row_of(name) for name in images["image_id"]] == list(range(N)) and roster.row_of("nobody") is None
    for name, column in (
        ("patient_id", roster.patient),
        ("split", roster.split),
        ("view", roster.view),
        ("sex", roster.sex),
    ):
        assert [column.names[code] for code in column.codes] == images[name].tolist(), name
    assert (roster.age < 0).tolist() == images["age"].isna().tolist()
    assert [list(roster.labels_of(row)) for row in range(N)] == images["labels"].tolist()
    assert roster.labelled("Effusion").tolist() == [bool(labels) for labels in images["labels"]]
    assert not roster.labelled("effusion").any() and not roster.view.where("lateral").any()
    assert roster.train.tolist() == example.train.tolist()
    assert [roster.row_of(name) for name in images["image_id"]] == list(range(N))
    assert roster.row_of("x4 OR 1=1") is None and roster.row_of("") is None
    # Studies aren't numbered here: the place among the patient's in the listing.
    assert roster.follow_up.tolist() == images.groupby("patient_id").cumcount().tolist()


def test_images_are_found_by_split_and_words(example: Example, store: ActivationStore) -> None:
    test = example.images.index[example.images["split"] == "test"]
    assert store.images("test")["row"].tolist() == test.tolist()
    assert store.images("test", limit=4, offset=2)["row"].tolist() == test.tolist()[2:6]
    assert store.images(search="PLEURAL small")["row"].tolist() == list(range(0, N, 3))
    # A wildcard of LIKE is a character like any other.
    assert store.images(search="100%")["row"].tolist() == list(range(0, N, 3))
    assert store.images(search="pleura_").empty
    assert store.images(search="'; DROP TABLE images").empty


def firing_of(example: Example, feature: int) -> pd.DataFrame:
    """The X-rays on which a feature is active, strongest first, counted from the dense array."""
    column = pd.Series(example.active.toarray()[:, feature])
    return example.images.assign(activation=column)[column > 0].sort_values(
        "activation", ascending=False, kind="stable"
    )


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, M),
    st.integers(1, 30),
    st.sampled_from(("", "train", "test")),
    st.sampled_from(BANDS),
    st.booleans(),
    st.one_of(st.none(), st.tuples(st.floats(0, 8), st.floats(0, 8))),
)
def test_top_images_are_those_of_the_dense_array(example, store, feature, n, split, band, once, interval) -> None:
    how = {"one_per_patient": once, "split": split, "band": band, "interval": interval}
    found = store.top_images(feature, n, **how)
    again = store.top_images(feature, n, firing=store.firing(feature), **how)
    assert (found.rows == again.rows).all() and (found.activations == again.activations).all()
    best = firing_of(example, feature) if feature < M else firing_of(example, DEAD)
    if interval:
        best = best[(best["activation"] >= np.float32(interval[0])) & (best["activation"] <= np.float32(interval[1]))]
    best = best[best["split"] == split] if split else best
    best = best.drop_duplicates("patient_id") if once else best
    assert len(found.rows) == min(n, len(best))
    activations = found.activations.tolist()
    assert activations == sorted(activations, reverse=True)
    if band == "strongest":
        assert activations == best["activation"][:n].tolist()
    elif band == "weakest":
        assert activations == best["activation"][len(best) - len(activations) :].tolist()
    dense = example.active.toarray()
    if feature < M:
        assert dense[found.rows, feature].tolist() == activations
    patients = example.images["patient_id"].to_numpy()[found.rows]
    assert not once or len(set(patients)) == len(patients)


def test_the_middle_is_around_the_median(example: Example, store: ActivationStore) -> None:
    once = firing_of(example, 0).drop_duplicates("patient_id")["activation"].tolist()
    places = [once.index(value) for value in store.top_images(0, 5, band="middle").activations]
    assert max(abs(place - (len(once) - 1) / 2) for place in places) <= 2.5


def test_a_few_patients_with_many_x_rays_don_t_hide_the_others(example: Example, store: ActivationStore) -> None:
    # One X-ray wanted reads WINDOW rows first; the test split may not be among them.
    for feature in range(M - 1):
        best = firing_of(example, feature)
        best = best[best["split"] == "test"]["activation"]
        assert store.top_images(feature, 1, split="test").activations.tolist() == best[:1].tolist()


def test_top_images_of_several_features_are_those_of_each(store: ActivationStore) -> None:
    together = store.top_images_of([4, 2, DEAD], 3, split="train")
    assert list(together) == [4, 2, DEAD] and not len(together[DEAD].rows)
    for feature in (2, 4):
        assert together[feature].rows.tolist() == store.top_images(feature, 3, split="train").rows.tolist()
    assert store.top_images_of([], 3) == {}


def test_features_of_an_x_ray_with_the_strongest_first(example: Example, store: ActivationStore) -> None:
    found = store.features_of_row(7)
    row = example.active.toarray()[7]
    assert {feature for feature, _ in found} == set(np.flatnonzero(row))
    activations = [activation for _, activation in found]
    assert activations == sorted(activations, reverse=True)
    assert store.features_of_row(N) == []


def test_one_feature(store: ActivationStore) -> None:
    one = store.feature(3)
    assert one is not None and one["text"] == "Left pleural effusion." and one["image_ids"] == ["x0", "x3"]
    undescribed = store.feature(0)
    assert undescribed is not None and undescribed["text"] is None
    assert store.feature(M) is None
    assert store.label_scores(0) == [("Effusion", 0.8, 9), ("Mass", 0.6, 5)]
    assert store.descriptions()["feature_id"].tolist() == [3, 5, 7]


def test_threads_get_their_own_answers(store: ActivationStore) -> None:
    right = {feature: store.histogram(feature) for feature in range(M)}
    wrong: list[int] = []

    def ask(feature: int) -> None:
        wrong.extend(feature for _ in range(25) if store.histogram(feature) != right[feature])

    threads = [threading.Thread(target=ask, args=(feature,)) for feature in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_nothing_can_be_written(store: ActivationStore) -> None:
    with pytest.raises(duckdb.Error, match="read-only"):
        store._run("DELETE FROM store.images")


def test_a_store_that_was_replaced_is_seen_by_who_opens_it_next(tmp_path) -> None:
    first = Example(tmp_path / "activations.duckdb", seed=1)
    old = ActivationStore(first.path)
    (tmp_path / "activations.part").write_bytes(b"left over from a killed build")
    second = Example(first.path, seed=2)
    new = ActivationStore(first.path)
    for store, example in ((old, first), (new, second)):
        assert store.images()["patient_id"].tolist() == example.images["patient_id"].tolist()
    old.close()
    assert len(new.features()) == M


def test_missing_and_damaged_stores_are_refused_in_words(tmp_path) -> None:
    with pytest.raises(WorkspaceError, match="finish its build"):
        ActivationStore(tmp_path / "activations.duckdb")
    (tmp_path / "activations.duckdb").write_bytes(b"not a database" * 1000)
    with pytest.raises(WorkspaceError, match="build the workspace again"):
        ActivationStore(tmp_path / "activations.duckdb")
