"""The reader of a workspace: lists, one feature, X-rays, readers' words laid over the program's, the map."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saerad_core.errors import SaeRadError
from saerad_core.explorer import BANDS, SORTS, STATUSES, Explorer, FeatureQuery
from saerad_core.explorer.catalogue import _nth_largest
from saerad_core.store.curation import ConflictError
from saerad_core.workspace import Counts, DatasetInfo, EncoderInfo, StageRecord, Workspace
from tests.store.example import DEAD, Example, M


class World:
    """A workspace over the example store."""

    def __init__(self, root: Path) -> None:
        info = DatasetInfo(kind="simulated", title="Example", simulated=True)
        self.workspace = Workspace.create(root, info, EncoderInfo(id="none"))
        self.workspace.manifest.counts = Counts(features=M)
        self.workspace.manifest.stages["describe"] = StageRecord(key="1")
        self.workspace.save()
        self.example = Example(self.workspace.activations_db)
        self.explorer = Explorer(self.workspace)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """For tests that write nothing."""
    return World(tmp_path_factory.mktemp("explorer") / "example")


@pytest.fixture
def fresh(tmp_path: Path) -> World:
    """For tests that edit."""
    return World(tmp_path / "example")


def ids(explorer: Explorer, **query: object) -> list[int]:
    return [row.feature_id for row in explorer.features(FeatureQuery(**query), 0, M).rows]  # type: ignore[arg-type]


def test_only_living_features_are_listed_unless_asked(world: World):
    assert DEAD not in ids(world.explorer)
    assert sorted(ids(world.explorer, alive=False)) == list(range(M))


def test_the_best_supported_description_comes_first_and_undescribed_last(world: World):
    assert ids(world.explorer)[:3] == [3, 7, 5]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"text": "EFFUSION right"}, {5}),
        ({"text": "costophrenic"}, {3}),
        ({"text": "100%"}, {7}),
        ({"text": "#4"}, {4}),
        ({"text": "nothing like it"}, set()),
        ({"finding": "cardiomegaly"}, {7}),
        ({"side": "left"}, {3}),
        ({"status": "suggested"}, {3, 5, 7}),
        ({"described": True}, {3, 5, 7}),
        ({"ids": (3, 4)}, {3, 4}),
        ({"lowest": 2.0}, set()),
    ],
)
def test_filters(world: World, query: dict, found: set[int]):
    assert set(ids(world.explorer, **query)) == found


def test_what_the_description_says_comes_before_what_a_label_says(world: World):
    found = ids(world.explorer, text="effusion", sort="auroc")
    assert found[:2] == [5, 3]
    assert 0 in found[2:]


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(list(SORTS)), st.integers(1, 5))
def test_pages_hold_every_feature_once(world: World, sort: str, count: int):
    query = FeatureQuery(sort=sort, alive=False)
    seen = [row.feature_id for first in range(0, M, count) for row in world.explorer.features(query, first, count).rows]
    assert sorted(seen) == list(range(M))


def test_a_feature_has_what_the_store_counted(world: World):
    detail = world.explorer.feature(0)
    shown = world.example.active[world.example.train].toarray()[:, 0] > 0
    assert detail.row.n_images == shown.sum()
    assert detail.labels[0].label == "Effusion"
    assert detail.together[0].feature_id == 1
    assert sum(one.n for one in detail.histogram) > 0


def test_bands_show_each_patient_once_and_training_x_rays_only(world: World):
    for band in BANDS:
        images, _ = world.explorer.top_images(0, band, 5)
        assert len({image.patient_id for image in images}) == len(images) == 5
        assert {image.split for image in images} == {"train"}
        values = [image.activation for image in images]
        assert values == sorted(values, key=lambda value: -(value or 0))
    strongest = world.explorer.top_images(0, "strongest", 5)[0]
    weakest = world.explorer.top_images(0, "weakest", 5)[0]
    assert (strongest[-1].activation or 0) >= (weakest[0].activation or 0)


def test_the_matching_words_of_a_report_are_found(world: World):
    row = world.explorer.row(3)
    image = world.explorer.image("x0")
    assert image is not None
    assert [phrase.lower() for phrase in world.explorer.evidence_phrases(row, image)] == ["pleural effusion"]
    other = world.explorer.image("x1")
    assert other is not None
    assert world.explorer.evidence_phrases(row, other) == ()


def test_unseen_x_rays_are_of_test_patients_one_each(world: World):
    images = world.explorer.unseen_images(4)
    assert {image.split for image in images} == {"test"}
    assert len({image.patient_id for image in images}) == 4
    assert world.explorer.unseen_images(4, page=1) != images


def test_the_truth_of_simulated_x_rays_comes_along(world: World):
    image = world.explorer.image("x0")
    assert image is not None and image.facts is not None
    assert image.facts[0].finding == "pleural_effusion"
    assert world.explorer.image("../x0") is None


def test_neighbours_by_number_skip_the_dead(world: World):
    assert world.explorer.beside(0) == (None, 1)
    assert world.explorer.beside(DEAD - 1)[1] is None


def test_a_reader_s_words_count_at_once_and_after_opening_again(fresh: World):
    explorer = fresh.explorer
    explorer.curation.edit(4, "Blunted left angle", "A. Reader", 0)
    assert explorer.row(4).text == "Blunted left angle"
    assert explorer.row(4).status == "edited"
    assert ids(explorer, text="blunted") == [4]
    explorer.curation.accept(3, "A. Reader", 0)
    assert explorer.row(3).text == explorer.row(3).machine_text == "Left pleural effusion."
    again = Explorer(fresh.workspace)
    assert again.row(4).text == "Blunted left angle"
    assert [edit.status for edit in again.history(3)] == ["accepted"]


def test_what_is_kept_of_a_feature_isn_t_kept_over_an_edit(fresh: World):
    explorer = fresh.explorer
    assert explorer.feature(3).row.text == explorer.row(3).machine_text
    kept = explorer.feature(3)
    assert explorer.feature(3) is kept, "asked again nothing is counted again"

    def named(feature_id: int) -> list[str]:
        return [one.text for one in explorer.feature(feature_id).similar if one.feature_id == 3]

    other = next(i for i in range(explorer.n_features) if named(i))
    explorer.curation.edit(3, "Their words", "A. Reader", 0)
    assert explorer.feature(3).row.text == "Their words" and named(other) == ["Their words"]


def test_going_back_brings_the_program_s_text_and_keeps_the_history(fresh: World):
    explorer = fresh.explorer
    explorer.curation.edit(3, "Something else", "A. Reader", 0)
    explorer.curation.restore(3, 0, "A. Reader", 1)
    assert explorer.row(3).text == "Left pleural effusion."
    assert explorer.row(3).status == "suggested"
    assert len(explorer.history(3)) == 2


def test_a_stale_edit_is_refused_and_the_first_one_stands(fresh: World):
    explorer = fresh.explorer
    explorer.curation.edit(3, "Their text", "B. Other", 0)
    with pytest.raises(ConflictError) as caught:
        explorer.curation.edit(3, "My text", "A. Reader", 0)
    message = str(caught.value)
    assert "B. Other" in message and "\n" not in message
    assert {str(part) for one in caught.value.differences() for part in (one.theirs, one.mine)} >= {
        "Their text",
        "My text",
    }
    assert explorer.row(3).text == "Their text"


def test_a_missing_name_is_one_sentence(fresh: World):
    with pytest.raises(SaeRadError, match="name"):
        fresh.explorer.curation.accept(3, " ", 0)


def test_readers_words_move_features_between_statuses(fresh: World):
    explorer = fresh.explorer
    assert ids(explorer, status="suggested") == [3, 7, 5]
    explorer.curation.flag(5, "A. Reader", 0)
    explorer.curation.reject(7, "A. Reader", 0)
    assert ids(explorer, status="suggested") == [3]
    assert ids(explorer, status="unsure") == [5] and ids(explorer, status="rejected") == [7]
    undescribed = ids(explorer, status="undescribed")
    assert undescribed and 3 not in undescribed and DEAD not in undescribed
    assert set(explorer.counts("status")) <= set(STATUSES)


def test_the_map_is_none_until_it_is_drawn_and_follows_edits(fresh: World):
    explorer = fresh.explorer
    assert explorer.atlas() is None
    places = np.arange(M, dtype=np.float32)
    pd.DataFrame({"feature_id": np.arange(M)[::-1], "x": places[::-1], "y": -places[::-1]}).to_parquet(
        fresh.workspace.atlas_file
    )
    points = explorer.atlas()
    assert points is not None
    assert points.ids.dtype == np.int32 and points.x.dtype == np.float32
    assert (points.x == points.ids).all()
    explorer.curation.edit(3, "Edited", "A. Reader", 0)
    later = explorer.atlas()
    assert later is not None
    assert later.text[list(later.ids).index(3)] == "Edited"


def test_figures_are_none_until_they_are_made(fresh: World):
    assert fresh.explorer.evaluation() is None
    (fresh.workspace.root / "evaluation.json").write_text('{"concepts": []}')
    assert fresh.explorer.evaluation() == {"concepts": []}


def test_first_xrays_of_features_are_the_same_when_asked_again(world: World):
    explorer = Explorer(world.workspace)
    living = ids(explorer)
    first = explorer.sample_images(living[:2], 3)
    assert first == {i: [explorer.store.roster.image_id[int(row)].as_py() for row in
                         explorer.store.top_images(i, 3, split="train").rows] for i in living[:2]}  # fmt: skip
    first[living[0]].clear()
    again = explorer.sample_images([living[2], *living[:2]], 3)
    assert list(again) == [living[2], *living[:2]] and again[living[0]] and again[living[1]] == first[living[1]]
    assert len(explorer.sample_images(living[:1], 1)[living[0]]) == 1, "fewer were asked for"


@settings(deadline=None)
@given(st.lists(st.sampled_from([0.0, 0.5, 1.0, 1.5]) | st.floats(0, 9), max_size=30), st.integers(1, 12))
def test_nth_largest(values: list[float], n: int):
    positive = sorted((value for value in values if value > 0), reverse=True)
    assert _nth_largest(np.array(values), n) == (positive[n - 1] if n <= len(positive) else 0.0)
