"""The store against what pandas counts of the same arrays."""

from __future__ import annotations

import json
import threading

import duckdb
import numpy as np
import pandas as pd
import pytest

from saerad_core.errors import WorkspaceError
from saerad_core.store.activations import BANDS, ActivationStore, FeatureFilter
from tests.store.example import DEAD, Example, M, N


@pytest.fixture(scope="module")
def example(tmp_path_factory) -> Example:
    return Example(tmp_path_factory.mktemp("store") / "activations.duckdb")


@pytest.fixture(scope="module")
def store(example: Example) -> ActivationStore:
    return ActivationStore(example.path)


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
    image = store.image("x3")
    assert image is not None and image["row"] == 3 and image["labels"] == ["Effusion"]
    assert json.loads(image["facts"]) == [{"finding": "pleural_effusion", "side": "left"}]
    assert store.image("x4") == store.image_by_row(4)
    assert store.image("x4 OR 1=1") is None and store.image_by_row(-1) is None
    assert store.images_by_rows([5, 2, 5, 9, N])["row"].tolist() == [5, 2, 5, 9]
    assert store.images_by_rows([]).empty


def test_images_are_found_by_split_and_words(example: Example, store: ActivationStore) -> None:
    test = example.images.index[example.images["split"] == "test"]
    assert store.images("test")["row"].tolist() == test.tolist()
    assert store.images("test", limit=4, offset=2)["row"].tolist() == test.tolist()[2:6]
    assert store.images(search="PLEURAL small")["row"].tolist() == list(range(0, N, 3))
    # A wildcard of LIKE is a character like any other.
    assert store.images(search="100%")["row"].tolist() == list(range(0, N, 3))
    assert store.images(search="pleura_").empty
    assert store.images(search="'; DROP TABLE images").empty


def test_strongest_middle_and_weakest_of_a_feature(example: Example, store: ActivationStore) -> None:
    column = pd.Series(example.active[:, [0]].toarray().ravel())
    frame = example.images.assign(activation=column)[column > 0]
    best = frame.sort_values("activation", ascending=False)
    all_of_them = store.top_images(0, 1000, one_per_patient=False)
    np.testing.assert_allclose(all_of_them["activation"], best["activation"])
    once = best.drop_duplicates("patient_id")
    assert once["patient_id"].nunique() < len(best)
    bands = {band: store.top_images(0, 5, band=band) for band in BANDS}
    np.testing.assert_allclose(bands["strongest"]["activation"], once["activation"][:5])
    np.testing.assert_allclose(bands["weakest"]["activation"], once["activation"][-5:])
    middle = (len(once) - 1) / 2
    places = [once["activation"].tolist().index(value) for value in bands["middle"]["activation"]]
    assert places == sorted(places) and max(abs(place - middle) for place in places) <= 2.5
    assert bands["strongest"]["findings"].tolist() == once["findings"][:5].tolist()
    tested = store.top_images(0, 5, split="test")
    assert tested["image_id"].tolist() == once_of(best, "test")["image_id"][:5].tolist()
    assert store.top_images(DEAD).empty and store.top_images(M + 5).empty


def once_of(best: pd.DataFrame, split: str) -> pd.DataFrame:
    return best[best["split"] == split].drop_duplicates("patient_id")


def test_top_images_of_several_features_are_those_of_each(store: ActivationStore) -> None:
    together = store.top_images_of([4, 2, DEAD], 3)
    for feature in (2, 4):
        alone = store.top_images(feature, 3)["image_id"].tolist()
        assert together[together["feature_id"] == feature]["image_id"].tolist() == alone
    assert set(together["feature_id"]) == {2, 4}
    assert store.top_images_of([], 3).empty


def test_features_of_an_image_in_the_order_of_the_rule(example: Example, store: ActivationStore) -> None:
    found = store.features_of_image("x7")
    row = example.active[[7]].toarray().ravel()
    assert set(found["feature_id"]) == set(np.flatnonzero(row))
    assert found["activation"].is_monotonic_decreasing  # All thresholds are the same here.
    assert store.features_of_image("no such").empty


def test_listing_filters_sorts_and_pages(store: ActivationStore) -> None:
    def ids(**how) -> list[int]:
        return store.find_features(FeatureFilter(**how))[0]["feature_id"].tolist()

    assert ids(sort="feature_id") == list(range(M))
    assert ids(sort="feature_id", reverse=True) == list(range(M))[::-1]
    assert ids(described=True) == [3, 7, 5]
    assert ids(described=True, reverse=True) == [5, 7, 3]
    assert ids()[:3] == [3, 7, 5] and len(ids()) == M
    assert ids(text="effusion LEFT", described=True) == [3]
    assert ids(text="costophrenic") == [3]
    assert ids(text="100% 50_0") == [7] and ids(text="50x0") == []
    assert ids(text="' OR 1=1 --") == []
    assert ids(finding="pleural_effusion", side="right") == [5]
    assert ids(certainty="likely") == [7, 5]
    assert DEAD not in ids(alive=True) and ids(alive=False) == [DEAD]
    assert ids(ids=(9, 1), sort="feature_id") == [1, 9] and ids(ids=()) == []
    frequent = store.features().set_index("feature_id")["frequency"]
    order = ids(sort="frequency")
    assert frequent[order].is_monotonic_decreasing
    assert ids(sort="frequency", lowest=0.3, highest=0.4) == [i for i in order if 0.3 <= frequent[i] <= 0.4]
    for sort in ("max", "auroc", "n_patients"):
        assert sorted(ids(sort=sort)) == list(range(M))
    page, total = store.find_features(FeatureFilter(sort="feature_id"), limit=5, offset=10)
    assert page["feature_id"].tolist() == [10, 11] and total == M
    page, total = store.find_features(FeatureFilter(), limit=5, offset=50)
    assert page.empty and total == M
    with pytest.raises(AssertionError, match="no order"):
        store.find_features(FeatureFilter(sort="max; DROP TABLE features"))


def test_one_feature(store: ActivationStore) -> None:
    one = store.feature(3)
    assert one is not None and one["text"] == "Left pleural effusion." and one["image_ids"] == ["x0", "x3"]
    undescribed = store.feature(0)
    assert undescribed is not None and undescribed["text"] is None
    assert store.feature(M) is None
    assert store.label_scores(0) == [("Effusion", 0.8, 9), ("Mass", 0.6, 5)]
    assert store.described_counts() == {"certain": 1, "likely": 2}
    assert store.findings() == [("pleural_effusion", 2), ("cardiomegaly", 1)]
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
        store._run("DELETE FROM images")


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
