"""A folder and its CSV: patients never torn, files never outside, odd listings read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from saerad_core.datasets import open_dataset
from saerad_core.datasets.fields import image_id_of
from saerad_core.datasets.folder import FolderDataset
from saerad_core.datasets.splits import SHARES, SPLITS, draw_split
from saerad_core.errors import DatasetError
from saerad_core.workspace import DatasetInfo

SHARED = Path(__file__).resolve().parents[3] / "shared"


def listing(
    tmp_path: Path, text: str, names: tuple[str, ...] = ("a.png", "b.png", "c.png"), **how: str
) -> FolderDataset:
    folder = tmp_path / "images"
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).parent.mkdir(exist_ok=True)
        Image.linear_gradient("L").save(folder / name)
    (tmp_path / "list.csv").write_text(text, encoding=how.get("encoding", "utf-8"))
    info = DatasetInfo(kind="folder", options={"images": str(folder), "metadata": str(tmp_path / "list.csv")})
    dataset = open_dataset(info)
    assert isinstance(dataset, FolderDataset)
    _ = dataset.funnel  # opening reads nothing
    return dataset


def test_every_column_is_read(tmp_path) -> None:
    text = (
        "file,patient_id,study_id,view,sex,age,labels,indication,findings,impression,split\n"
        'a.png,p1,s1,pa,f,093Y,Effusion|Mass,Cough.,"Effusion, left.",Effusion.,validation\n'
        "b.png,p2,,AP,M,41,No Finding,,,,train\n"
    )
    first, second = listing(tmp_path, text).records()
    assert (first.image_id, first.study_id, first.view, first.sex, first.age) == ("a", "s1", "PA", "F", 90)
    assert first.labels == ("Effusion", "Mass") and first.findings == "Effusion, left." and first.split == "validate"
    assert (second.study_id, second.age, second.labels, second.split) == ("b", 41, (), "train")
    assert first.facts is None


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_other_delimiters_headers_and_marks(tmp_path, encoding) -> None:
    dataset = listing(tmp_path, "File Name;Patient ID;Projection\na.png;1;ap\nb.png;2;pa\n", encoding=encoding)
    assert [(r.patient_id, r.view) for r in dataset.records()] == [("1", "AP"), ("2", "PA")]


def test_missing_doubled_and_foreign_files_are_counted(tmp_path) -> None:
    (tmp_path / "secret.png").write_bytes(b"x")
    text = "file,patient_id\na.png,1\na.png,1\nmissing.png,2\n../secret.png,3\nb.png,\n"
    dataset = listing(tmp_path, text)
    assert [r.image_id for r in dataset.records()] == ["a"]
    steps = {
        "listed": 5,
        "listed once": 4,
        "file found": 2,
        "patient known": 1,
        "frontal": 1,
        "with findings": 0,
        "patients": 1,
    }
    assert dataset.funnel == steps | {split: int(split == next(dataset.records()).split) for split in SPLITS}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("file\na.png\n", "no column 'patient_id'"),
        ("file,patient_id\n", "lists no X-rays"),
        ("file,patient_id\na.png,\n", "gives no patient_id"),
        ("file,patient_id\nzzz.png,1\n", "None of the CSV's files"),
        ("file,patient_id,split\na.png,1,holdout\n", "'holdout'"),
        ("file,patient_id,split\na.png,1,train\nb.png,1,test\n", "more than one split"),
    ],
)
def test_refusals_say_what_to_do(tmp_path, text, says) -> None:
    with pytest.raises(DatasetError, match=says):
        listing(tmp_path, text)


def test_same_stem_twice_gives_two_names(tmp_path) -> None:
    dataset = listing(
        tmp_path, "file,patient_id\na.png,1\na.jpg,2\nsub/a.png,3\n", names=("a.png", "a.jpg", "sub/a.png")
    )
    assert len({r.image_id for r in dataset.records()}) == 3


@given(st.text(min_size=1, max_size=80).filter(lambda t: "\0" not in t))
def test_names_are_safe_in_urls_and_files(name: str) -> None:
    made = image_id_of(name + ".png")
    assert made and len(made) <= 64 and all(c.isascii() and (c.isalnum() or c in "_-") for c in made)


@given(st.text(min_size=1), st.integers(0, 5))
def test_a_patients_split_depends_on_nobody_else(patient: str, seed: int) -> None:
    assert draw_split(patient, seed) == draw_split(patient, seed)
    assert draw_split(patient, seed) in SPLITS


def test_split_shares() -> None:
    drawn = [draw_split(f"p{i}") for i in range(5_000)]
    for split, share in zip(SPLITS, SHARES, strict=True):
        assert drawn.count(split) / 5_000 == pytest.approx(share, abs=0.02)


def test_one_file_under_two_names_is_one_xray(tmp_path) -> None:
    dataset = listing(tmp_path, "file,patient_id\na.png,1\n./a.png,1\nb.png,2\n")
    assert [r.image_id for r in dataset.records()] == ["a", "b"]
    assert dataset.funnel["listed"] == 3 and dataset.funnel["listed once"] == 2


def test_names_that_no_file_can_have_are_not_found(tmp_path) -> None:
    dataset = listing(tmp_path, f"file,patient_id\na.png,1\n{'x' * 5_000}.png,2\n/etc/passwd,3\n")
    assert dataset.funnel["file found"] == 1


@pytest.mark.parametrize(
    ("text", "years"),
    [
        ("59", 59),
        ("059Y", 59),
        ("41.0", 41),
        ("018M", 1),
        ("003D", 0),
        ("95", 90),
        ("90+", 90),
        ("400", None),
        ("old", None),
    ],
)
def test_ages_are_years(tmp_path, text, years) -> None:
    (record,) = listing(tmp_path, f"file,patient_id,age\na.png,1,{text}\n").records()
    assert record.age == years


def test_pictures_by_name(tmp_path) -> None:
    dataset = listing(tmp_path, "file,patient_id\na.png,1\n")
    assert dataset.picture("a", 64).shape == (64, 64)
    with pytest.raises(DatasetError, match="no X-ray"):
        dataset.picture("../a")


@pytest.mark.parametrize(("name", "images"), [("nih", 589), ("hannover", 59)])
def test_real_listings(name, images) -> None:
    folder = SHARED / "cxr" / name
    if not folder.exists():
        pytest.skip(f"needs ../shared/cxr/{name}")
    options = {"images": str(folder), "metadata": str(folder / "metadata.csv")}
    dataset = FolderDataset(DatasetInfo(kind="folder", options=options))
    records = list(dataset.records())
    assert len(records) == len({r.image_id for r in records}) == images
    assert {r.view for r in records} == {"AP", "PA"}
    by_patient: dict[str, set[str]] = {}
    for record in records:
        by_patient.setdefault(record.patient_id, set()).add(record.split)
    assert all(len(splits) == 1 for splits in by_patient.values())
    pixels = dataset.pixels(records[0])
    assert pixels.dtype == np.float32 and pixels.max() <= 1 and dataset.picture(records[0].image_id).shape[1] <= 512


def test_unknown_adapter_is_named() -> None:
    with pytest.raises(DatasetError, match="'zebra'"):
        open_dataset(DatasetInfo(kind="zebra"))


def test_lateral_views_are_not_taken(tmp_path) -> None:
    dataset = listing(tmp_path, "file,patient_id,view\na.png,1,Lateral\nb.png,2,AP supine\nc.png,3,\n")
    assert [(r.image_id, r.view) for r in dataset.records()] == [("b", "AP"), ("c", "")]
    assert dataset.funnel["patient known"] == 3 and dataset.funnel["frontal"] == 2


@pytest.mark.parametrize("kind", ["tsv", "parquet"])
def test_tsv_and_parquet_list_as_csv_does(tmp_path, kind) -> None:
    import pandas as pd

    rows = pd.DataFrame({"file": ["a.png", "b.png"], "patient_id": [7, 8], "age": [41.0, None], "view": ["PA", "ap"]})
    (tmp_path / "images").mkdir()
    for name in rows["file"]:
        Image.linear_gradient("L").save(tmp_path / "images" / name)
    path = tmp_path / f"list.{kind}"
    rows.to_csv(path, sep="\t", index=False) if kind == "tsv" else rows.to_parquet(path)
    info = DatasetInfo(kind="folder", options={"images": str(tmp_path / "images"), "metadata": str(path)})
    assert [(r.patient_id, r.age, r.view) for r in open_dataset(info).records()] == [("7", 41, "PA"), ("8", None, "AP")]
