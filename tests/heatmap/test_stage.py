"""A finished workspace's heatmaps tested by boxes, of both kinds of dictionary and of a workspace without maps."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from saerad_core.errors import SaeRadError, WorkspaceError
from saerad_core.heatmap.file import FeatureMaps
from saerad_core.heatmap.methods import CHOSEN
from saerad_core.progress import Silent
from saerad_core.stages.maps import measure_again, seen
from saerad_core.store.activations import ActivationStore
from saerad_core.workspace import Workspace
from tests.tiny import LABELS, SIZE, make_tiny_workspace


def boxes_of(workspace: Workspace, path: Path) -> Path:
    """Boxes about the discs that tests.tiny draws, in the thousandths that NIH's list counts in."""
    roster = ActivationStore(workspace.activations_db).roster
    rows = ["Image Index,Finding Label,Bbox [x,y,w,h],,,"]
    for row in range(len(roster)):
        for side, left in (("right", 0.25), ("left", 0.75)):
            if LABELS[side] in roster.labels_of(row):
                x, y, edge = ((left - 0.18) * 1024, (0.7 - 0.18) * 1024, 0.36 * 1024)
                rows.append(f"{roster.image_id[row].as_py()}.png,{LABELS[side]},{x},{y},{edge},{edge}")
    path.write_text("\n".join(rows) + "\n")
    return path


@pytest.fixture(scope="module")
def tested(tiny_workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    root = tmp_path_factory.mktemp("maps") / "tiny"
    shutil.copytree(tiny_workspace.root, root)
    workspace = Workspace.open(root)
    # As a workspace of an earlier version.
    workspace.maps_file.unlink()
    workspace.strongest_patches.unlink()
    measure_again(workspace, boxes_of(workspace, root.parent / "list.csv"), Silent(), "cpu")
    return workspace


def test_a_build_without_places_has_means_and_no_scores(tiny_workspace: Workspace) -> None:
    maps = FeatureMaps(tiny_workspace.maps_file)
    assert maps.kind == "" and not maps.all_judged
    assert sum(maps.mean(f) is not None for f in range(tiny_workspace.manifest.sae.width)) > 5


def test_what_an_earlier_version_lacks_is_made_the_same(tested: Workspace, tiny_workspace: Workspace) -> None:
    here, there = (FeatureMaps(w.maps_file) for w in (tested, tiny_workspace))
    for feature in range(tested.manifest.sae.width):
        one, other = here.mean(feature), there.mean(feature)
        assert (one is None) == (other is None)
        if one is not None and other is not None:
            # Where two features of a patch are all but equally strong, the rounding decides which is among its k.
            assert np.abs(one.values - other.values).mean() < 0.01
    assert tested.boxes_file.is_file() and "maps" in tested.manifest.stages


def test_maps_are_scored_beside_the_prior(tested: Workspace) -> None:
    maps = FeatureMaps(tested.maps_file)
    assert maps.kind == "boxes" and set(maps.labels) == {LABELS["left"], LABELS["right"]}
    assert maps.all_judged
    for one in maps.all_judged.values():
        score = one.score
        assert 5 <= score.patients <= 40 and one.unseen <= score.patients
        assert 0 <= score.lo <= score.pointing <= score.hi <= 1
        # The discs always lie at the same place: nobody can do better than the prior.
        assert score.prior > 0.95 and not score.beats_prior
    assert max(one.score.pointing for one in maps.all_judged.values()) > 0.5


def test_a_list_that_is_none_is_refused_before_anything_is_written(tested: Workspace, tmp_path: Path) -> None:
    before = tested.boxes_file.read_bytes()
    (tmp_path / "other.csv").write_text("")
    with pytest.raises(SaeRadError, match="list of boxes"):
        measure_again(tested, tmp_path / "other.csv", Silent(), "cpu")
    assert tested.boxes_file.read_bytes() == before


def test_damage_is_said(tested: Workspace, tmp_path: Path) -> None:
    copy = Workspace.open(shutil.copytree(tested.root, tmp_path / "copy"))
    copy.strongest_patches.write_bytes(b"nothing")
    with pytest.raises(WorkspaceError, match="can't be read"):
        measure_again(copy, None, Silent(), "cpu")


def test_a_cls_dictionary_s_maps_are_attributed_ahead(tmp_path: Path) -> None:
    workspace = make_tiny_workspace(tmp_path / "tiny", images=60, tokens="cls")
    maps = FeatureMaps(workspace.maps_file)
    assert maps.method == CHOSEN["cls"] and workspace.strongest_patches.exists()
    measure_again(workspace, boxes_of(workspace, tmp_path / "list.csv"), Silent(), "cpu")
    assert FeatureMaps(workspace.maps_file).kind == "boxes"


def test_a_mask_is_cut_as_the_encoder_cuts(tested: Workspace) -> None:
    from saerad_core.stages.embed_again import open_encoder

    encoder = open_encoder(tested, "cpu")
    mask = np.zeros((SIZE, 2 * SIZE), bool)
    mask[:, SIZE // 2 : SIZE] = True
    inside = seen(mask, encoder)
    assert inside.shape == (encoder.patch_grid * 16,) * 2
    assert inside[:, : inside.shape[1] // 2].all() and not inside[:, inside.shape[1] // 2 :].any()
