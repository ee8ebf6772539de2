"""Markers of a build and of a finished workspace, down to what the feature's page is told."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from saerad_core.datasets import open_dataset
from saerad_core.errors import WorkspaceError
from saerad_core.explorer import Explorer
from saerad_core.explorer.confounders import NOBODY_LOOKED, TEXT
from saerad_core.images.marks import marked_zones
from saerad_core.images.pictures import picture
from saerad_core.progress import Silent
from saerad_core.stages.markers import mark_again
from saerad_core.store.markers import UNKNOWN, load_markers
from saerad_core.workspace import Workspace
from tests.tiny import SIZE


def text_of(workspace: Workspace, feature: int) -> list:
    return [one for one in Explorer(workspace).evidence(feature).confounders("") if one.name.startswith(TEXT)]


@pytest.fixture
def lettered(tiny_workspace: Workspace, tmp_path: Path) -> Workspace:
    """The tiny workspace as an earlier version left it, an R burned into every other X-ray's upper left corner."""
    shutil.copytree(tiny_workspace.root, tmp_path / "tiny")
    films = tmp_path / "films"
    shutil.copytree(tiny_workspace.root.parent / "films", films)
    for path in sorted(films.glob("film*.png"))[::2]:
        with Image.open(path) as opened:
            image = opened.copy()
        pen = ImageDraw.Draw(image)
        # In a black box, as much text is: these films are grainier than any X-ray.
        pen.rectangle((0, 0, 25, 25), fill=0)
        pen.text((12, 12), "R", fill=255, font=ImageFont.load_default(12), anchor="mm")
        image.save(path)
    workspace = Workspace.open(tmp_path / "tiny")
    workspace.manifest.dataset.options = {"images": str(films), "metadata": str(films / "metadata.csv")}
    workspace.markers_file.unlink()
    return workspace


def test_a_build_keeps_what_its_pictures_show(tiny_workspace: Workspace) -> None:
    dataset = open_dataset(tiny_workspace.manifest.dataset)
    roster = Explorer(tiny_workspace).store.roster
    zones = load_markers(tiny_workspace.markers_file, len(roster))
    assert zones is not None and (zones != UNKNOWN).all()
    records = {record.image_id: record for record in dataset.records()}
    for row in range(0, len(roster), 10):
        assert zones[row] == marked_zones(dataset.pixels(records[roster.image_id[row].as_py()]))


def test_a_finished_workspace_is_looked_at_again(lettered: Workspace) -> None:
    assert [one.says for one in text_of(lettered, 0)] == [NOBODY_LOOKED]
    zones = mark_again(lettered, Silent())
    names = [name.as_py() for name in Explorer(lettered).store.roster.image_id]
    # Every other film has the letter; the detector may take a disc for a mark, never lose a letter.
    assert (zones != UNKNOWN).all()
    assert [bool(zone & 1) for zone in zones] == [int(name[-3:]) % 2 == 0 for name in names]
    stored = load_markers(lettered.markers_file, len(names))
    assert stored is not None and (stored == zones).all()
    corner = next(one for one in text_of(lettered, 0) if one.name == f"{TEXT}, top left")
    train = Explorer(lettered).store.roster.train
    patients = Explorer(lettered).store.roster.patient.codes
    assert corner.groups == ("without", "with")
    for code, counted in enumerate(corner.fires):
        assert counted.of == len(np.unique(patients[train & ((zones & 1) == code)]))


def test_stored_pictures_stand_in_for_files_that_are_gone(lettered: Workspace) -> None:
    dataset = open_dataset(lettered.manifest.dataset)
    one = next(record for record in dataset.records() if record.image_id == "film000")
    for path in (lettered.root / "pictures").iterdir():
        path.unlink()
    lettered.picture(one.image_id).write_bytes(picture(dataset.pixels(one), SIZE))
    for path in Path(lettered.manifest.dataset.options["images"]).glob("film*.png"):
        path.unlink()
    zones = mark_again(lettered, Silent())
    row = Explorer(lettered).row_of("film000")
    assert row is not None and zones[row] & 1
    assert (np.delete(zones, row) == UNKNOWN).all()
    lettered.picture(one.image_id).unlink()
    with pytest.raises(WorkspaceError, match="put the files back"):
        mark_again(lettered, Silent())
