"""Open-i: the Indiana University collection, 3,955 reports (one study a patient) and 7,470 X-rays.

Demner-Fushman et al., JAMIA 23(2):304, 2016.
"""

from __future__ import annotations

import gzip
import io
import re
import zipfile
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import ClassVar, NamedTuple
from xml.parsers import expat

import duckdb

from saerad_core.datasets.base import Record
from saerad_core.datasets.fields import frontal_view, one_line
from saerad_core.datasets.published import LeftOut, PublishedDataset, find
from saerad_core.datasets.splits import draw_split
from saerad_core.errors import DatasetError

LONGEST_REPORT = 1_000_000
"""Bytes of a report; the longest published one has 60,000."""
NOT_LABELS = {"", "normal", "no indexing", "technical quality of image unsatisfactory"}
"""What the main headings say that is no finding."""
_ID = re.compile(r"CXR\d{1,6}(?:_[A-Za-z0-9-]{1,40}){1,4}")
_VIEWS = "indiana_projections.csv"
_WHEEL = "torchxrayvision-*.whl"
"""Lists of views that are taken without being asked for where they lie in --root."""
_TAGS = ("AbstractText", "major")


class Report(NamedTuple):
    """An Open-i report."""

    uid: str
    images: tuple[str, ...]
    headings: tuple[str, ...]
    indication: str
    findings: str
    impression: str


def parse_report(data: bytes) -> Report:
    """Read a report of ecgen-radiology.

    Raises:
        DatasetError: it isn't one, or it declares a document type: entities can expand without end.
    """
    if len(data) > LONGEST_REPORT:
        raise DatasetError("The report is too large.")
    uid, images, headings = "", [], []
    sections: dict[str, list[str]] = {}
    open_tag, text = "", []

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal uid, open_tag, text
        if name == "uId":
            uid = attributes.get("id", "")
        elif name == "parentImage":
            images.append(attributes.get("id", ""))
        elif name in _TAGS:
            open_tag, text = f"{name}/{attributes.get('Label', '').lower()}", []

    def end(name: str) -> None:
        nonlocal open_tag
        if name not in _TAGS:
            return
        kind, _, label = open_tag.partition("/")
        words = one_line("".join(text))
        if kind == "major" and words:
            headings.append(words)
        elif kind == "AbstractText" and words:
            sections.setdefault(label, []).append(words)
        open_tag = ""

    def characters(some: str) -> None:
        if open_tag:
            text.append(some)

    def refuse(*_: object) -> None:
        raise DatasetError("The report declares a document type.")

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler, parser.StartDoctypeDeclHandler = characters, refuse
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise DatasetError("The report is not well-formed XML.") from error
    if not re.fullmatch(r"CXR\d{1,6}", uid):
        raise DatasetError("The report has no uId.")
    told = {name: " ".join(sections.get(name, [])) for name in ("indication", "findings", "impression")}
    return Report(uid, tuple(images), tuple(headings), **told)


class OpenI(PublishedDataset):
    """Splits are drawn; labels are the first words of the main MeSH headings. No sex or age is published.

    Neither reports nor PNG files tell which image is frontal, and DICOM headers call lateral images PA: a list of views is needed.
    """

    OPTIONS: ClassVar[dict[str, str]] = {
        "root": "Folder with ecgen-radiology/ and the PNG or DICOM images.",
        "images": "Folder of the images, where it isn't in --root.",
        "views": "CSV of image and view, or the wheel of torchxrayvision, which carries one.",
    }

    @cached_property
    def _images(self) -> Path:
        given = self.info.options.get("images")
        if given:
            return Path(str(given))
        for name in ("images", "png", "NLMCXR_png", "images/images_normalized", "dicom", "dcm", "NLMCXR_dcm"):
            if (self.root / name).is_dir():
                return self.root / name
        return self.root

    def _candidates(self, db: duckdb.DuckDBPyConnection) -> Iterator[Record | LeftOut]:
        folder = find(
            self.root,
            ("ecgen-radiology",),
            "unpack NLMCXR_reports.tgz there, or run `python -m saerad_core fetch openi`",
        )
        views = self._views()
        # Names of 3,955 files of a few letters; the reports are read one at a time.
        for path in sorted(folder.glob("*.xml"), key=lambda path: (len(path.stem), path.stem)):
            try:
                report = parse_report(path.read_bytes())
            except OSError:
                yield LeftOut("readable", "report can't be read")
                continue
            except DatasetError as error:
                yield LeftOut("readable", str(error).rstrip(".").lower())
                continue
            for image in report.images:
                yield self._candidate(report, image, views)

    def _candidate(self, report: Report, image: str, views: dict[str, str]) -> Record | LeftOut:
        if not _ID.fullmatch(image):
            return LeftOut("readable", "image id is not one of Open-i's")
        file = _file_of(image)
        number = report.uid.removeprefix("CXR")
        place = next(
            (
                p
                for p in (f"{image}.png", f"{file}.dcm", f"{number}/{file}.dcm", f"{file}.dcm.png", f"{image}.dcm")
                if self.has(p)
            ),
            "",
        )
        view = frontal_view(views.get(_key(image)))
        if view is None:
            return LeftOut("frontal")
        if not place:
            return LeftOut("file found")
        labels = (heading.split("/")[0].strip() for heading in report.headings)
        return Record(
            image_id=image,
            study_id=report.uid,
            patient_id=report.uid,
            split=draw_split(report.uid, self.seed),
            view=view,
            labels=tuple(dict.fromkeys(label for label in labels if label.lower() not in NOT_LABELS)),
            indication=report.indication,
            findings=report.findings,
            impression=report.impression,
            path=place,
        )

    def _views(self) -> dict[str, str]:
        """View of each image by its key, 7,470 short words at most; an image that isn't listed isn't taken."""
        given = self.info.options.get("views")
        beside = [self.root / _VIEWS, *sorted(self.root.glob(_WHEEL))]
        path = Path(str(given)) if given else next((one for one in beside if one.is_file()), None)
        if path is None:
            raise DatasetError(
                "Open-i's reports and files don't tell which views are frontal; give --views a CSV of image and view "
                f"({_VIEWS}) or the wheel that `pip download --no-deps torchxrayvision==1.5.7` fetches, or put it into --root."
            )
        try:
            if path.suffix == ".whl":
                with zipfile.ZipFile(path) as wheel:
                    # Judged by the pictures, each report's first; the headers beside it call most second, lateral images PA, too.
                    return _read_views(wheel.read("torchxrayvision/data/nlmcxr_tsne_pa.csv.gz"))
            return _read_views(path.read_bytes())
        except (OSError, KeyError, EOFError, zipfile.BadZipFile, UnicodeDecodeError) as error:
            raise DatasetError(
                f"{path} can't be read as a list of views; give --views a CSV of image and view."
            ) from error


def _read_views(data: bytes) -> dict[str, str]:
    import csv

    with io.TextIOWrapper(
        gzip.GzipFile(fileobj=io.BytesIO(data)) if data[:2] == b"\x1f\x8b" else io.BytesIO(data), "utf-8-sig"
    ) as file:
        reader = csv.DictReader(file)
        names = {name.lower().replace("_", " "): name for name in reader.fieldnames or () if name}
        image = next((names[n] for n in ("imageid", "image id", "filename", "image", "file") if n in names), None)
        view = next((names[n] for n in ("projection", "tsne-view", "view position", "view") if n in names), None)
        if image is None or view is None:
            raise DatasetError(
                "The list of views needs a column of images (imageid or filename) and one of views (projection or view)."
            )
        return {_key(row[image] or ""): row[view] or "" for row in reader}


def _file_of(image: str) -> str:
    """Name of the DICOM file: CXR1_1_IM-0001-3001 is 1_IM-0001-3001, as is CXR1_IM-0001-3001."""
    rest = image.removeprefix("CXR")
    first, _, tail = rest.partition("_")
    return tail if tail.startswith(f"{first}_IM") else rest


def _key(name: str) -> str:
    """One key for the names that listings give an image: with CXR or without, with .dcm.png or without."""
    stem = re.sub(r"(\.dcm)?(\.png|\.jpg)?$", "", Path(name.strip()).name)
    return _file_of(stem)
