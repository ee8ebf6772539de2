"""A folder of PNG, JPEG or DICOM files and a CSV, TSV or Parquet file that lists them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd

from saerad_core.datasets.base import Record
from saerad_core.datasets.fields import NO_LABEL, age_of, frontal_view, image_id_of, is_told, sex_of, short_hash
from saerad_core.datasets.splits import SPLITS, draw_split
from saerad_core.errors import DatasetError
from saerad_core.images.pictures import fit
from saerad_core.images.radiograph import decode
from saerad_core.workspace import DatasetInfo

COLUMNS = (
    "file",
    "patient_id",
    "study_id",
    "view",
    "sex",
    "age",
    "labels",
    "indication",
    "findings",
    "impression",
    "split",
)
ALIASES = {
    "file_name": "file", "filename": "file", "path": "file", "image": "file",
    "patient": "patient_id", "subject_id": "patient_id",
    "study": "study_id",
    "projection": "view", "view_position": "view", "viewposition": "view",
    "gender": "sex", "patient_sex": "sex", "patient_age": "age",
    "label": "labels", "finding_labels": "labels",
}  # fmt: skip
"""Names that other listings use for the same column."""
SPLIT_NAMES = {
    "train": "train", "training": "train",
    "validate": "validate", "validation": "validate", "valid": "validate", "val": "validate", "dev": "validate",
    "test": "test", "testing": "test",
}  # fmt: skip


class FolderDataset:
    """X-rays of one's own; splits that the listing doesn't give are drawn by patient. The listing is held in memory."""

    OPTIONS: ClassVar[dict[str, str]] = {
        "images": "Folder of X-rays.",
        "metadata": "CSV, TSV or Parquet that lists them.",
    }
    REQUIRED: ClassVar[tuple[str, ...]] = ("images", "metadata")

    def __init__(self, info: DatasetInfo) -> None:
        self.info = info
        for option in ("images", "metadata"):
            if not info.options.get(option):
                raise DatasetError(f"A folder dataset needs the option {option!r}; build the workspace again.")
        self._images = Path(str(info.options["images"]))
        self._seed = int(info.options.get("seed", 0))
        if not self._images.is_dir():
            raise DatasetError(f"There is no folder {self._images}; give --images a folder of X-rays.")
        # Decoding workers open the dataset too, and need nothing of the listing.
        self._steps: dict[str, int] = {}

    @property
    def funnel(self) -> dict[str, int]:
        """X-rays left after each step, then patients and X-rays by split."""
        _ = self._records
        return self._steps

    @cached_property
    def _records(self) -> list[Record]:
        return self._list(_read(Path(str(self.info.options["metadata"]))))

    @cached_property
    def _by_id(self) -> dict[str, Record]:
        return {record.image_id: record for record in self._records}

    def __len__(self) -> int:
        return len(self._records)

    def records(self) -> Iterator[Record]:
        """In the order of the CSV."""
        return iter(self._records)

    def source(self, record: Record) -> Path:
        """The file to decode."""
        return self._images / record.path

    def pixels(self, record: Record) -> np.ndarray:
        """Decoded file, at its own size."""
        return decode(self.source(record)).pixels

    def picture(self, image_id: str, size: int = 512) -> np.ndarray:
        """The file, its longer side reduced to ``size``."""
        if image_id not in self._by_id:
            raise DatasetError(f"There is no X-ray {image_id[:40]!r} in this dataset.")
        pixels = self.pixels(self._by_id[image_id])
        return fit(pixels, size) if max(pixels.shape) > size else pixels

    def _list(self, table: pd.DataFrame) -> list[Record]:
        self._steps["listed"] = len(table)
        table = table.drop_duplicates("file")
        root = self._images.resolve()
        table = table.assign(path=[self._find(root, name) for name in table["file"]])
        # One file under two names is one X-ray.
        doubled = table["path"].duplicated() & (table["path"] != "")
        table = table.loc[~doubled]
        self._steps["listed once"] = len(table)
        table = table.loc[table["path"] != ""]
        self._steps["file found"] = len(table)
        if table.empty:
            raise DatasetError(
                f"None of the CSV's files is in {self._images}; the file column is relative to --images."
            )
        table = table.loc[table["patient_id"] != ""]
        self._steps["patient known"] = len(table)
        if table.empty:
            raise DatasetError("The CSV gives no patient_id; splits and counts are by patient.")
        # A view that isn't told is taken for a frontal one: hospital listings often leave it out.
        table = table.loc[[not is_told(view) or frontal_view(view) is not None for view in table["view"]]]
        self._steps["frontal"] = len(table)
        if table.empty:
            raise DatasetError(
                "None of the CSV's views is frontal (PA or AP); leave the column empty where the view isn't known."
            )
        self._steps["with findings"] = sum(text != "" for text in table["findings"])
        self._steps["patients"] = len(set(table["patient_id"]))
        splits = self._splits(table)
        self._steps |= {split: splits.count(split) for split in SPLITS}
        stems = [image_id_of(path) for path in table["path"]]
        # a.png beside a.dcm: both need a name of their own.
        twice = {stem for stem, n in Counter(stems).items() if n > 1}
        ids = [
            f"{stem}-{short_hash(path)}" if stem in twice else stem
            for stem, path in zip(stems, table["path"], strict=True)
        ]
        rows = table.to_dict("records")
        return [self._record(row, name, split) for row, name, split in zip(rows, ids, splits, strict=True)]

    def _find(self, root: Path, name: str) -> str:
        """Path relative to ``root``; "" where there is no such file within it."""
        try:
            path = (root / name).resolve()
            if path.is_relative_to(root) and path.is_file():
                return path.relative_to(root).as_posix()
        except (OSError, ValueError):
            # Too long, or with a zero byte: no file has such a name.
            return ""
        return ""

    def _splits(self, table: pd.DataFrame) -> list[str]:
        given = [SPLIT_NAMES.get(name.lower(), name) for name in table["split"]]
        unknown = sorted({name for name in given if name and name not in SPLITS})
        if unknown:
            raise DatasetError(f"The CSV has a split named {unknown[0]!r}; use train, validate and test.")
        of_patient: dict[str, set[str]] = {}
        for patient, name in zip(table["patient_id"], given, strict=True):
            of_patient.setdefault(patient, set()).add(name or draw_split(patient, self._seed))
        torn = sum(len(names) > 1 for names in of_patient.values())
        if torn:
            raise DatasetError(f"{torn} patients are in more than one split; give each patient one split.")
        return [next(iter(of_patient[patient])) for patient in table["patient_id"]]

    def _record(self, row: dict, image_id: str, split: str) -> Record:
        return Record(
            image_id=image_id,
            study_id=row["study_id"] or image_id,
            patient_id=row["patient_id"],
            split=split,
            view=frontal_view(row["view"]) or "",
            sex=sex_of(row["sex"]),
            age=age_of(row["age"]),
            labels=tuple(label.strip() for label in row["labels"].split("|") if label.strip().lower() not in NO_LABEL),
            indication=row["indication"],
            findings=row["findings"],
            impression=row["impression"],
            path=row["path"],
        )


def _read(path: Path) -> pd.DataFrame:
    try:
        if path.suffix.lower() == ".parquet":
            return _named(pd.read_parquet(path).map(_text), path)
        with path.open(encoding="utf-8-sig") as file:
            header = file.readline()
        delimiter = max(",;\t", key=header.count)
        table = pd.read_csv(path, dtype=str, keep_default_na=False, sep=delimiter, encoding="utf-8-sig")
    except OSError as error:
        raise DatasetError(f"{path} can't be read; give --metadata a CSV, TSV or Parquet file.") from error
    except (ValueError, pd.errors.ParserError) as error:
        raise DatasetError(
            f"{path} is not a CSV file that can be read; save it as UTF-8 with a header line."
        ) from error
    return _named(table, path)


def _text(value: object) -> str:
    if value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and np.isnan(value)):
        return ""
    if isinstance(value, list | tuple | np.ndarray):
        return "|".join(str(one) for one in value)
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _named(table: pd.DataFrame, path: Path) -> pd.DataFrame:
    names = [re.sub(r"[\s-]+", "_", str(name).strip().lower()) for name in table.columns]
    present = set(names)
    table.columns = [ALIASES.get(n, n) if ALIASES.get(n, n) not in present else n for n in names]
    for name in ("file", "patient_id"):
        if name not in table:
            raise DatasetError(f"{path.name} has no column {name!r}; it needs at least file and patient_id.")
    if table.empty:
        raise DatasetError(f"{path.name} lists no X-rays.")
    table = table.loc[:, ~table.columns.duplicated()].reindex(columns=list(COLUMNS), fill_value="")
    return pd.DataFrame({name: table[name].fillna("").astype(str).str.strip() for name in COLUMNS})
