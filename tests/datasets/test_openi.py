"""Open-i reports: read, or left out with a reason; views from a list."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import pytest

from saerad_core.datasets.openi import parse_report
from saerad_core.errors import DatasetError
from tests.datasets import trees
from tests.datasets.test_published import opened


def test_a_report_is_read() -> None:
    report = parse_report(trees.openi_report(7, ["CXR7_IM-0007-1001"], "Cardiomegaly/mild").encode())
    assert (report.uid, report.images, report.headings) == ("CXR7", ("CXR7_IM-0007-1001",), ("Cardiomegaly/mild",))
    assert report.indication == "Cough & fever" and report.findings and report.impression


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<eCitation>",
        b"<eCitation/>",
        b"\xff\xfe\x00",
        b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><eCitation><uId id="CXR1"/>&b;</eCitation>',
        b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><eCitation><uId id="CXR1"/>&a;</eCitation>',
        b'<eCitation><uId id="../CXR1"/></eCitation>',
        b"<a>" * 1_000_000,
    ],
)
def test_hostile_and_broken_reports_are_refused(data: bytes) -> None:
    with pytest.raises(DatasetError):
        parse_report(data)


@pytest.mark.parametrize("dicom", [False, True])
def test_frontal_views_by_the_list(dicom: bool, tmp_path: Path) -> None:
    trees.openi(tmp_path, dicom=dicom)
    dataset = opened("openi", tmp_path)
    records = list(dataset.records())
    assert [r.image_id for r in records[:2]] == ["CXR1_IM-0001-1001", "CXR2_IM-0002-1001"]
    assert records[0].labels == ("Pleural Effusion",) and records[1].labels == () and records[0].patient_id == "CXR1"
    assert dataset.funnel["listed"] == 24 and dataset.funnel["frontal"] == 12


def test_without_a_list_of_views_it_says_where_one_is(tmp_path: Path) -> None:
    trees.openi(tmp_path)
    (tmp_path / "indiana_projections.csv").unlink()
    with pytest.raises(DatasetError, match="--views"):
        len(opened("openi", tmp_path))
    (tmp_path / "v.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DatasetError, match="column of images"):
        len(opened("openi", tmp_path, views=str(tmp_path / "v.csv")))


def test_a_wheel_that_lies_there_is_the_list_of_views(tmp_path: Path) -> None:
    trees.openi(tmp_path)
    (tmp_path / "indiana_projections.csv").unlink()
    listed = gzip.compress(b"imageid,tsne-view\nCXR2_IM-0002-1001,PA\nCXR1_IM-0001-1001,L\n")
    with zipfile.ZipFile(tmp_path / "torchxrayvision-1.5.7-py3-none-any.whl", "w") as wheel:
        wheel.writestr("torchxrayvision/data/nlmcxr_tsne_pa.csv.gz", listed)
    assert [record.image_id for record in opened("openi", tmp_path).records()] == ["CXR2_IM-0002-1001"]


def test_broken_reports_are_counted(tmp_path: Path) -> None:
    trees.openi(tmp_path)
    (tmp_path / "ecgen-radiology" / "3.xml").write_text("<eCitation>")
    dataset = opened("openi", tmp_path)
    assert len(dataset) == 11 and dataset.funnel["left out: the report is not well-formed xml"] == 1
