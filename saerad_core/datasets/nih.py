"""NIH ChestX-ray14: 112,120 frontal X-rays of 30,805 patients, with labels and without reports.

Wang et al., CVPR 2017.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import duckdb

from saerad_core.datasets.base import Record
from saerad_core.datasets.fields import NO_LABEL, age_of, frontal_view, safe_id, sex_of
from saerad_core.datasets.published import LeftOut, PublishedDataset, find, load_csv, stream
from saerad_core.datasets.splits import draw_validation

_WHENCE = "download it from the NIH Clinical Center's ChestX-ray14 folder into --root"
_NAME = re.compile(r"\d{8}_\d{3}\.png")


class NihChestXray14(PublishedDataset):
    """The official test list is kept; of the other patients one in eight validates."""

    WITHOUT_REPORT = True

    @cached_property
    def _images(self) -> Path:
        return self.root

    @cached_property
    def _folders(self) -> list[str]:
        """Folders that may hold the images: images_001/images ..., or images."""
        found = [path.relative_to(self.root).as_posix() for path in sorted(self.root.glob("images_[0-9]*/images"))]
        found += [
            path.relative_to(self.root).as_posix()
            for path in sorted(self.root.glob("images_[0-9]*"))
            if not (path / "images").is_dir()
        ]
        return [*found, *(["images"] if (self.root / "images").is_dir() else [])]

    def _candidates(self, db: duckdb.DuckDBPyConnection) -> Iterator[Record | LeftOut]:
        entries = find(self.root, ("Data_Entry_2017*.csv", "Data_Entry_2017*.csv.gz"), _WHENCE)
        load_csv(db, entries, "entries", ("Image Index", "Finding Labels", "Patient ID", "View Position"))
        for name in ("train_val_list", "test_list"):
            path = find(self.root, (f"{name}.txt",), _WHENCE)
            db.read_csv(str(path), header=False, all_varchar=True, delimiter="\t", names=["name"]).create(name)
        find(self.root, ("images_[0-9]*", "images"), "unpack images_001.tar.gz to images_012.tar.gz into --root")
        query = (
            "SELECT e.*, t.name AS test, v.name AS trained FROM entries e LEFT JOIN (SELECT DISTINCT trim(name) AS name FROM test_list) t "
            'ON t.name = "Image Index" LEFT JOIN (SELECT DISTINCT trim(name) AS name FROM train_val_list) v ON v.name = "Image Index" '
            'ORDER BY "Image Index"'
        )
        folder = ""
        for row in stream(db, query):
            name, patient = row["Image Index"], row["Patient ID"]
            if not _NAME.fullmatch(name) or not patient:
                yield LeftOut("readable")
                continue
            if not row["test"] and not row["trained"]:
                yield LeftOut("readable", "in neither official list")
                continue
            view = frontal_view(row["View Position"])
            if view is None:
                yield LeftOut("frontal")
                continue
            # Neighbours lie in the same folder.
            folders = [folder, *self._folders] if folder else self._folders
            folder = next((one for one in folders if self.has(f"{one}/{name}")), folder)
            if not folder or not self.has(f"{folder}/{name}"):
                yield LeftOut("file found")
                continue
            labels = (label.strip() for label in row["Finding Labels"].split("|"))
            yield Record(
                image_id=safe_id(Path(name).stem),
                study_id=safe_id(Path(name).stem),
                patient_id=patient,
                split="test" if row["test"] else draw_validation(patient, self.seed),
                view=view,
                sex=sex_of(row.get("Patient Gender") or row.get("Patient Sex")),
                age=age_of(row.get("Patient Age")),
                labels=tuple(label for label in labels if label.lower() not in NO_LABEL),
                path=f"{folder}/{name}",
            )
