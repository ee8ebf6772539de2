"""What readers are told of a feature's place and of the truth of its heatmaps."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from saerad_core.explorer import FeatureRow, Where
from saerad_core.explorer.where import truth_of, where_of
from saerad_core.heatmap.file import FeatureMaps, Judged, MapsWritten, write
from saerad_core.heatmap.mean import spread_of
from saerad_core.heatmap.truth import score_maps
from saerad_core.ui.feature_where import sayings
from saerad_core.ui.feature_xrays import xray_cell
from saerad_core.ui.heat_truth import sentence
from saerad_core.ui.links import Links

NAMES = [f"p{i}" for i in range(20)]
BETTER = score_maps(NAMES, [1] * 20, [0] * 20, [0.6] * 20, [0.1] * 20)
SAME = score_maps(NAMES, [1] * 20, [1] * 20, [0.6] * 20, [0.5] * 20)


@pytest.fixture(scope="module")
def maps(tmp_path_factory: pytest.TempPathFactory) -> FeatureMaps:
    """Feature 0 is better than the prior, 1 isn't, 2 is tested by too few, 3 has no mean."""
    means = np.zeros((4, 16, 16), np.float32)
    means[:3, 12, 3] = 1
    judged = {0: Judged("linear_atelectasis", 12, BETTER), 1: Judged("cardiomegaly", 20, SAME)}
    path = tmp_path_factory.mktemp("maps") / "maps.safetensors"
    write(
        path,
        MapsWritten(
            means,
            np.array([9, 9, 9, 0]),
            judged,
            "masks",
            {"linear_atelectasis": 30, "cardiomegaly": 40},
            "activation",
            "",
        ),
    )
    return FeatureMaps(path)


def row_of(**changed: object) -> FeatureRow:
    row = FeatureRow(0, "", "", "", "", "", "", "", "undescribed", 9, 9, 0.1, 1, 1, 0, "", None, None, None, None)
    return replace(row, **changed)


def test_a_map_that_is_better_is_drawn_beside_its_prior(maps: FeatureMaps) -> None:
    truth = truth_of(maps, 0)
    said = sentence(truth)
    assert truth.drawn and truth.state == "better"
    assert "into linear atelectasis in 100" in said and "of 20 patients" in said and "in 0" in said and "masks" in said


def test_a_map_that_is_no_better_says_so_in_one_sentence(maps: FeatureMaps) -> None:
    truth = truth_of(maps, 1)
    assert not truth.drawn
    said = sentence(truth)
    assert said.startswith("No heatmap is drawn") and "no better than" in said and said.count(".") == 1


@pytest.mark.parametrize(("feature", "state"), [(2, "few"), (3, "few")])
def test_too_few_patients_are_untested(maps: FeatureMaps, feature: int, state: str) -> None:
    truth = truth_of(maps, feature)
    assert (
        truth.drawn
        and truth.state == state
        and sentence(truth).startswith("Untested: fewer than 5 patients with masks")
    )


def test_a_workspace_without_maps_says_so(tmp_path) -> None:
    assert sentence(truth_of(None, 0)).startswith("Untested: this workspace was built before")
    path = tmp_path / "maps.safetensors"
    write(path, MapsWritten(np.zeros((1, 4, 4), np.float32), np.zeros(1), {}, "", {}, "activation", ""))
    assert "nobody drew" in sentence(truth_of(FeatureMaps(path), 0))
    assert where_of(None, 0) is None and where_of(FeatureMaps(path), 0) is None


def test_the_place_in_words(maps: FeatureMaps) -> None:
    where = where_of(maps, 0)
    assert where is not None and where_of(maps, 3) is None
    assert sayings(row_of(), where)[0] == ("lead", "One small place: right, lower zone.")
    agrees = sayings(row_of(side="right", place="lower zone"), where)[-1]
    assert agrees == ("quiet", "Its description names the right lower zone.")
    kind, text = sayings(row_of(side="left"), where)[-1]
    assert "warned" in kind and text == "Its description names the left, the other side than the map."
    everywhere = Where(np.ones((16, 16)), 5, spread_of(np.ones((16, 16))))
    assert sayings(row_of(), everywhere)[0] == ("lead", "No place of its own.")
    assert sayings(row_of(best_label="pleural_effusion_left"), where)[-1][1].endswith("pleural effusion left.")


@pytest.mark.parametrize(("feature", "drawn"), [(0, True), (1, False), (2, True)])
def test_cells_have_a_heatmap_only_where_it_is_drawn(maps: FeatureMaps, feature: int, drawn: bool) -> None:
    explorer = SimpleNamespace(heat_truth=lambda feature_id: truth_of(maps, feature_id))
    here = SimpleNamespace(links=Links("demo"), explorer=explorer)
    image = SimpleNamespace(image_id="x", labels=(), report="", activation=1.0, view="PA", sex="F", age=40)
    cell = xray_cell(here, row_of(feature_id=feature), image, phrases=[])  # type: ignore[arg-type]
    assert bool(cell.heat) == drawn
