"""Where labels are: simulated masks and lists of boxes."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from saerad_core.datasets import open_dataset
from saerad_core.datasets.base import Record
from saerad_core.datasets.places import BoxPlaces, open_places
from saerad_core.errors import DatasetError
from saerad_core.workspace import DatasetInfo

LIST = """Image Index,Finding Label,Bbox [x,y,w,h],,,
00000001_000.png,Infiltrate,512,256,256,128
00000001_000.png,Mass,0,0,102.4,102.4
"""


def record(name: str) -> Record:
    return Record(name, name, "p", "train", path=f"images/{name}.jpg")


def test_boxes_are_shares_of_the_picture(tmp_path: Path) -> None:
    path = tmp_path / "BBox_List_2017.csv.gz"
    path.write_bytes(gzip.compress(LIST.encode()))
    places = BoxPlaces(path)
    assert places.labels(record("00000001_000")) == ("Infiltration", "Mass")
    assert places.labels(record("00000002_000")) == ()
    masks = places.masks(record("00000001_000"), 100, 200)
    assert masks["Mass"][:10, :20].all() and masks["Mass"].sum() == 200
    assert masks["Infiltration"].sum() == 50 * 12 or masks["Infiltration"].sum() == 50 * 13
    assert masks["Infiltration"][26:36, 101:149].all() and not masks["Infiltration"][:24].any()


@pytest.mark.parametrize("text", ["", "a,b\n", "Image,Label\nx.png,Mass,1,2,three,4\n", "I,L\nx.png,Mass,1,2\n"])
def test_other_files_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "boxes.csv"
    path.write_text(text)
    if text == "a,b\n":
        assert BoxPlaces(path).labels(record("x")) == ()
        return
    with pytest.raises(DatasetError, match="list of boxes"):
        BoxPlaces(path)
    with pytest.raises(DatasetError):
        BoxPlaces(tmp_path / "missing.csv")


def test_simulated_masks_bear_the_labels() -> None:
    dataset = open_dataset(DatasetInfo(kind="simulated", simulated=True, options={"seed": 3, "patients": 6}))
    places = open_places(dataset)
    assert places is not None and places.kind == "masks"
    shown = next(one for one in dataset.records() if len(one.labels) >= 2)
    masks = places.masks(shown, 256, 256)
    assert set(masks) == set(places.labels(shown)) == set(shown.labels)
    assert all(mask.any() and mask.dtype == np.bool_ for mask in masks.values())
