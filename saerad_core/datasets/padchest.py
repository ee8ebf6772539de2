"""PadChest: 160,861 X-rays of 67,625 patients of the Hospital San Juan, Alicante, with reports in Spanish.

Bustos et al., Medical Image Analysis 66:101797, 2020.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import duckdb

from saerad_core.datasets.base import Record
from saerad_core.datasets.fields import age_of, frontal_view, one_line, safe_id, sex_of
from saerad_core.datasets.published import LeftOut, PublishedDataset, find, load_csv, stream
from saerad_core.datasets.splits import draw_split

LISTING = "PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv"
NOT_LABELS = {"", "normal", "exclude", "unchanged", "suboptimal study"}
"""What the labels say that is no finding."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,120}\.png")


class PadChest(PublishedDataset):
    """Splits are drawn by patient; AP_horizontal (lying) is taken as AP. Labels are those published, in English.

    The report is the published text, Spanish word stems in lower case, under findings.
    """

    @cached_property
    def _images(self) -> Path:
        return self.root

    def _candidates(self, db: duckdb.DuckDBPyConnection) -> Iterator[Record | LeftOut]:
        path = find(
            self.root,
            (f"{LISTING}.gz", LISTING, "PADCHEST_*.csv.gz", "PADCHEST_*.csv"),
            "download it from BIMCV's PadChest page into --root",
        )
        load_csv(db, path, "listing", ("ImageID", "ImageDir", "StudyID", "PatientID", "Projection", "Report", "Labels"))
        query = 'SELECT * FROM listing ORDER BY "PatientID", "StudyID", "ImageID"'
        for row in stream(db, query):
            name, folder = row["ImageID"], row["ImageDir"].removesuffix(".0")
            if not _NAME.fullmatch(name) or not re.fullmatch(r"\d{1,3}", folder) or not row["PatientID"]:
                yield LeftOut("readable")
                continue
            view = frontal_view(row["Projection"])
            if view is None:
                yield LeftOut("frontal")
                continue
            # The archives 0.zip to 54.zip unpack into a folder of their number, or all into one.
            place = next(
                (
                    one
                    for one in (f"{folder}/{name}", f"images/{folder}/{name}", name, f"images/{name}")
                    if self.has(one)
                ),
                "",
            )
            if not place:
                yield LeftOut("file found")
                continue
            yield Record(
                image_id=safe_id(Path(name).stem),
                study_id=row["StudyID"],
                patient_id=row["PatientID"],
                split=draw_split(row["PatientID"], self.seed),
                view=view,
                sex=sex_of(row.get("PatientSex_DICOM")),
                age=_age(row.get("StudyDate_DICOM", ""), row.get("PatientBirth", "")),
                labels=_labels(row["Labels"]),
                findings="" if row["Report"].strip().lower() == "nan" else one_line(row["Report"]),
                path=place,
            )


def _age(studied: str, born: str) -> int | None:
    """Years from the study's date (YYYYMMDD) and the year of birth."""
    if not re.match(r"\d{4}", studied) or not re.match(r"\d{4}", born):
        return None
    years = int(studied[:4]) - int(born[:4])
    return age_of(str(years)) if years >= 0 else None


def _labels(text: str) -> tuple[str, ...]:
    """From the text of a Python list."""
    try:
        found = ast.literal_eval(text.strip()) if len(text) < 10_000 else []
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return ()
    if not isinstance(found, list):
        return ()
    labels = (str(label).strip() for label in found)
    return tuple(dict.fromkeys(label for label in labels if label.lower() not in NOT_LABELS))
