"""The simulated workspace of any size: its statistics, and that it is one like any other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.make_workspace import ACTIVE, Settings, make
from saerad_core.explorer import Explorer, FeatureQuery
from saerad_core.images.marks import marked_zones
from saerad_core.images.pictures import read_picture
from saerad_core.sae.codes import open_codes
from saerad_core.store.markers import UNKNOWN, load_markers
from saerad_core.workspace import Workspace

SETTINGS = {"features": 400, "images": 2_000, "patients": 500, "drawn": 40}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return make(Settings(tmp_path_factory.mktemp("scale") / "scale", thumbs=False, **SETTINGS))


def test_the_store_and_the_codes_are_the_same_numbers(made: Workspace):
    explorer, codes = Explorer(made), open_codes(made.codes)
    assert codes.shape == (2_000, 400)
    whole = codes.rows(slice(None)).tocsc()
    for feature in (0, 7, 399):
        firing = explorer.store.firing(feature)
        column = whole[:, [feature]].tocoo()
        assert dict(zip(firing.rows.tolist(), firing.activations.tolist(), strict=True)) == dict(
            zip(column.row.tolist(), column.data.tolist(), strict=True)
        )


def test_statistics_are_those_of_a_dictionary(made: Workspace):
    counts = made.manifest.counts
    assert made.manifest.dataset.simulated and counts.images == 2_000 and counts.patients == 500
    assert ACTIVE * 0.9 < counts.active_per_image <= ACTIVE
    features = Explorer(made).store.features()
    frequency = np.sort(features["frequency"].to_numpy())[::-1]
    # Zipf: a few fire often, most seldom, some never.
    assert frequency[0] > 4 * np.median(frequency) and 0 < (frequency == 0).mean() < 0.1
    assert features["best_auroc"].max() > 0.7


def test_splits_are_by_patient_and_reports_differ(made: Workspace):
    images = Explorer(made).store.images()
    assert (images.groupby("patient_id")["split"].nunique() == 1).all()
    assert set(images["split"]) == {"train", "validate", "test"}
    assert images["findings"].nunique() > 400 and images["image_id"].is_unique


def test_descriptions_hold_on_the_labels(made: Workspace):
    explorer = Explorer(made)
    rows = explorer.features(FeatureQuery(described=True), 0, 20).rows
    assert len(rows) > 5
    assert all(
        row.z is not None and row.z > 2 and row.n_with / row.n_firing > row.n_control_with / row.n_control
        for row in rows
    )


def test_features_look_somewhere_and_nothing_claims_to_be_tested(made: Workspace):
    explorer = Explorer(made)
    alive = np.flatnonzero(explorer.store.features()["n_images"].to_numpy() >= 20)
    found = {int(feature): explorer.where(int(feature)) for feature in alive}
    assert sum(one is not None for one in found.values()) > 0.9 * len(alive)
    assert {explorer.heat_truth(int(feature)).state for feature in alive} == {"unknown"}
    places = [one.spread for one in found.values() if one is not None]
    assert any(one.has_place for one in places) and not all(one.has_place for one in places)
    # A description that names a side looks there.
    sided = [
        (row.side, where.spread.right)
        for row in explorer.features(FeatureQuery(described=True), 0, 400).rows
        if row.side in ("right", "left") and (where := explorer.where(row.feature_id)) is not None
    ]
    assert len(sided) > 5 and np.mean([(share > 0.5) == (side == "right") for side, share in sided]) > 0.8


def test_descriptions_have_scores_of_unseen_patients(made: Workspace):
    table = Explorer(made).scores.table
    assert table is not None
    areas = table["validate_auroc"].to_numpy(dtype=float)
    described = (table["text"] != "").to_numpy()
    # Features were drawn to go with their findings: most descriptions tell, on patients that they weren't taken from.
    assert np.nanmedian(areas[described]) > 0.55


def test_markers_are_those_of_the_drawn_pictures(tmp_path: Path):
    made = make(Settings(tmp_path / "scale", features=60, images=200, patients=100, drawn=6))
    roster = Explorer(made).store.roster
    zones = load_markers(made.markers_file, len(roster))
    assert zones is not None and (zones != UNKNOWN).all()
    for row in (0, 50, 199):
        assert zones[row] == marked_zones(read_picture(made.thumb(roster.image_id[row].as_py())))
    assert len(set(zones.tolist())) <= 6 and (zones > 0).mean() > 0.5


def test_the_same_seed_makes_the_same_workspace(made: Workspace, tmp_path: Path):
    again = make(Settings(tmp_path / "scale", thumbs=False, **SETTINGS))
    one, other = open_codes(made.codes), open_codes(again.codes)
    assert (one.indices == other.indices).all() and (one.values == other.values).all()
