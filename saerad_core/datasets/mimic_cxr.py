"""MIMIC-CXR: images of MIMIC-CXR-JPG (or the DICOM files), its CSV files, and the reports of MIMIC-CXR.

Johnson et al., Scientific Data 6:317, 2019; MIMIC-CXR-JPG 2.0.0 and 2.1.0, MIMIC-CXR 2.0.0 and 2.1.0 on PhysioNet.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import duckdb

from saerad_core.datasets.base import Record
from saerad_core.datasets.fields import CHEXPERT_LABELS, frontal_view, positive_labels
from saerad_core.datasets.published import LeftOut, PublishedDataset, find, load_csv, stream
from saerad_core.datasets.sections import Sections, parse_sections
from saerad_core.datasets.splits import SPLITS
from saerad_core.errors import DatasetError

LONGEST_REPORT = 200_000
"""Bytes of a report; the longest published ones have a few thousand."""
_ID = re.compile(r"\d{1,12}")
_DICOM_ID = re.compile(r"[0-9a-f-]{1,64}")
_FROM_JPG = "download it from MIMIC-CXR-JPG (physionet.org/content/mimic-cxr-jpg) into --root"


class MimicCxr(PublishedDataset):
    """Official split; labels of the CheXpert labeller; view from ViewPosition, else the view code, else the procedure."""

    OPTIONS: ClassVar[dict[str, str]] = {
        "root": "Folder with mimic-cxr-2.0.0-*.csv.gz and files/.",
        "images": "Folder that holds files/ with the JPEG or DICOM images, where that isn't --root.",
        "reports": "mimic-cxr-reports.zip, or the folder that holds files/ with the reports, where they aren't in --root.",
    }

    @cached_property
    def _images(self) -> Path:
        folder = Path(str(self.info.options.get("images") or self.root))
        if folder.name == "files" and not (folder / "files").is_dir():
            folder = folder.parent
        return folder

    def _csv(self, name: str) -> Path:
        stem = f"mimic-cxr-2.0.0-{name}.csv"
        return find(self.root, (f"{stem}.gz", stem), _FROM_JPG)

    def _candidates(self, db: duckdb.DuckDBPyConnection) -> Iterator[Record | LeftOut]:
        load_csv(db, self._csv("metadata"), "metadata", ("dicom_id", "subject_id", "study_id", "ViewPosition"))
        load_csv(db, self._csv("split"), "split", ("dicom_id", "split"))
        load_csv(db, self._csv("chexpert"), "chexpert", ("subject_id", "study_id", *CHEXPERT_LABELS))
        if not (self._images / "files").is_dir():
            raise DatasetError(f"{self._images} holds no folder files/ of images; give --images the folder that does.")
        reports = _Reports(self._reports_path())
        known = {column[1] for column in db.execute("PRAGMA table_info('metadata')").fetchall()}
        studies: tuple[str, Sections | None] = ("", None)
        query = (
            "SELECT m.*, s.split AS official, c.* EXCLUDE (subject_id, study_id) FROM metadata m "
            "LEFT JOIN split s ON m.dicom_id = s.dicom_id "
            "LEFT JOIN (SELECT DISTINCT ON (study_id) * FROM chexpert) c ON m.study_id = c.study_id "
            "ORDER BY m.subject_id, m.study_id, m.dicom_id"
        )
        for row in stream(db, query):
            subject, study, dicom = row["subject_id"], row["study_id"], row["dicom_id"]
            if not (_ID.fullmatch(subject) and _ID.fullmatch(study) and _DICOM_ID.fullmatch(dicom)):
                yield LeftOut("readable")
                continue
            if row["official"] not in SPLITS:
                yield LeftOut("readable", "not in the official split")
                continue
            # Where the position is empty, the view's code tells it, or a procedure that has one view only.
            told = (
                name
                for name in ("ViewPosition", "ViewCodeSequence_CodeMeaning", "PerformedProcedureStepDescription")
                if name in known
            )
            view = frontal_view(*(row[name] for name in told))
            if view is None:
                yield LeftOut("frontal")
                continue
            folder = f"files/p{subject[:2]}/p{subject}/s{study}"
            path = next((p for p in (f"{folder}/{dicom}.jpg", f"{folder}/{dicom}.dcm") if self.has(p)), "")
            if not path:
                yield LeftOut("file found")
                continue
            if studies[0] != study:
                text = reports.read(f"files/p{subject[:2]}/p{subject}/s{study}.txt")
                studies = (study, None if text is None else parse_sections(text))
            report = studies[1]
            if report is None:
                yield LeftOut("with report")
                continue
            yield Record(
                image_id=dicom,
                study_id=study,
                patient_id=subject,
                split=row["official"],
                view=view,
                labels=positive_labels((name, row[name]) for name in CHEXPERT_LABELS),
                indication=report.indication,
                findings=report.findings,
                impression=report.impression,
                path=path,
            )

    def _reports_path(self) -> Path:
        given = self.info.options.get("reports")
        if given:
            path = Path(str(given))
            if path.is_file() or (path / "files").is_dir():
                return path
            if path.name == "files" and path.is_dir():
                return path.parent
            raise DatasetError(
                f"{path} is neither mimic-cxr-reports.zip nor a folder that holds files/ with the reports."
            )
        for name in ("mimic-cxr-reports.zip", "mimic-cxr-reports"):
            if (self.root / name).exists():
                return self.root / name
        if next(self.root.glob("files/p1*/p*/s*.txt"), None) is not None:
            return self.root
        raise DatasetError(
            f"{self.root} holds no mimic-cxr-reports.zip; download it from MIMIC-CXR (physionet.org/content/mimic-cxr), "
            "or give --reports where it is."
        )


class _Reports:
    """Report texts, one at a time, from a folder or the published zip."""

    def __init__(self, path: Path) -> None:
        self._folder = path
        self._zip: zipfile.ZipFile | None = None
        if path.is_file():
            try:
                self._zip = zipfile.ZipFile(path)
            except (OSError, zipfile.BadZipFile) as error:
                raise DatasetError(f"{path.name} is not a whole zip file; download it again.") from error

    def read(self, name: str) -> str | None:
        """The report of that name, or None where there is none that can be read."""
        try:
            if self._zip is not None:
                with self._zip.open(name) as file:
                    data = file.read(LONGEST_REPORT + 1)
            else:
                with (self._folder / name).open("rb") as file:
                    data = file.read(LONGEST_REPORT + 1)
        except (OSError, KeyError, zipfile.BadZipFile, RuntimeError):
            return None
        return data.decode("utf-8", "replace") if len(data) <= LONGEST_REPORT else None
