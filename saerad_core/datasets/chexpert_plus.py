"""CheXpert Plus: 223,462 X-rays of 64,725 patients of Stanford, with reports cut into sections.

Chambon et al., arXiv:2405.19538, 2024.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import duckdb

from saerad_core.datasets.base import Record
from saerad_core.datasets.fields import CHEXPERT_LABELS, age_of, frontal_view, one_line, positive_labels, sex_of
from saerad_core.datasets.published import LeftOut, PublishedDataset, find, load_csv, stream
from saerad_core.datasets.splits import draw_validation
from saerad_core.errors import DatasetError

LISTING = "df_chexpert_plus_240401.csv"
_PATH = re.compile(
    r"((?:train|valid|test)/patient\d{1,8}/study\d{1,4}/view\d{1,3}_(?:frontal|lateral))\.(?:jpg|png|dcm)"
)
FOLDERS = ("", "PNG", "PNG/PNG", "DICOM", "images", "CheXpert-v1.0", "CheXpert-v1.0-small")
"""Folders of --root that may hold train/ and valid/."""


class CheXpertPlus(PublishedDataset):
    """The official valid split is the test split; of the train patients one in eight validates."""

    OPTIONS: ClassVar[dict[str, str]] = {
        "root": f"Folder with {LISTING}, the images and, where you have them, chexbert_labels/.",
        "images": "Folder that holds train/ and valid/, where it isn't in --root.",
    }

    @cached_property
    def _images(self) -> Path:
        given = self.info.options.get("images")
        folders = [Path(str(given))] if given else [self.root / name for name in FOLDERS]
        for folder in folders:
            if (folder / "train").is_dir() or (folder / "valid").is_dir():
                return folder
        raise DatasetError(
            f"{given or self.root} holds no folder train/ of images; unpack PNG.zip of CheXpert Plus into --root, or give --images."
        )

    def _candidates(self, db: duckdb.DuckDBPyConnection) -> Iterator[Record | LeftOut]:
        path = find(
            self.root,
            (LISTING, f"{LISTING}.gz", "df_chexpert_plus_*.csv"),
            "download it from Stanford AIMI's CheXpert Plus page into --root",
        )
        load_csv(
            db, path, "listing",
            ("path_to_image", "frontal_lateral", "ap_pa", "deid_patient_id", "section_findings", "section_impression", "split"),
        )  # fmt: skip
        _ = self._images
        labelled = self._load_labels(db)
        labels = ", l.* EXCLUDE (path_to_image)" if labelled else ""
        join = " LEFT JOIN labels l ON l.path_to_image = s.path_to_image" if labelled else ""
        for row in stream(db, f"SELECT s.*{labels} FROM listing s{join} ORDER BY s.path_to_image"):  # noqa: S608
            found = _PATH.fullmatch(row["path_to_image"])
            if found is None or not row["deid_patient_id"] or row["split"] not in ("train", "valid", "test"):
                yield LeftOut("readable")
                continue
            if row["frontal_lateral"].strip().lower() != "frontal":
                yield LeftOut("frontal")
                continue
            stem = found[1]
            place = next((stem + end for end in (".png", ".jpg", ".dcm") if self.has(stem + end)), "")
            if not place:
                yield LeftOut("file found")
                continue
            patient = row["deid_patient_id"]
            parts = stem.split("/")
            yield Record(
                image_id="-".join(parts[1:]),
                study_id="-".join(parts[1:3]),
                patient_id=patient,
                split=draw_validation(patient, self.seed) if row["split"] == "train" else "test",
                view=frontal_view(row["ap_pa"]) or "",
                sex=sex_of(row.get("sex")),
                age=age_of(row.get("age")),
                labels=positive_labels((name, row.get(name, "")) for name in CHEXPERT_LABELS),
                indication=one_line(row.get("section_clinical_history") or row.get("section_history")),
                findings=one_line(row["section_findings"]),
                impression=one_line(row["section_impression"]),
                path=place,
            )

    def _load_labels(self, db: duckdb.DuckDBPyConnection) -> bool:
        """Labels of CheXbert over the whole report, one JSON object a line; whether there are any."""
        for name in ("chexbert_labels/report_fixed.json", "report_fixed.json"):
            path = self.root / name
            if path.is_file():
                columns = {"path_to_image": "VARCHAR"} | dict.fromkeys(CHEXPERT_LABELS, "VARCHAR")
                try:
                    db.read_json(str(path), columns=columns, format="newline_delimited").create("labels")
                except duckdb.Error as error:
                    raise DatasetError(f"{name} can't be read; take the file as it was published.") from error
                return True
        return False
