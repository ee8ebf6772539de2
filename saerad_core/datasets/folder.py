"""A folder of PNG, JPEG or DICOM files and a CSV that lists them."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from saerad_core.datasets.base import Record
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
NO_LABEL = {"", "no finding", "no findings", "normal", "none", "nan"}


class FolderDataset:
    """Options: images (folder), metadata (CSV), seed (of splits that the CSV doesn't give)."""

    def __init__(self, info: DatasetInfo) -> None:
        self.info = info
        for option in ("images", "metadata"):
            if not info.options.get(option):
                raise DatasetError(f"A folder dataset needs the option {option!r}; build the workspace again.")
        self._images = Path(str(info.options["images"]))
        self._seed = int(info.options.get("seed", 0))
        if not self._images.is_dir():
            raise DatasetError(f"There is no folder {self._images}; give --images a folder of X-rays.")
        self.funnel: dict[str, int] = {}
        table = _read(Path(str(info.options["metadata"])))
        self._records = self._list(table)
        self._by_id = {record.image_id: record for record in self._records}

    def __len__(self) -> int:
        return len(self._records)

    def records(self) -> Iterator[Record]:
        """In the order of the CSV."""
        return iter(self._records)

    def pixels(self, record: Record) -> np.ndarray:
        """Decoded file, at its own size."""
        return decode(self._images / record.path).pixels

    def picture(self, image_id: str, size: int = 512) -> np.ndarray:
        """The file, its longer side reduced to ``size``."""
        if image_id not in self._by_id:
            raise DatasetError(f"There is no X-ray {image_id[:40]!r} in this dataset.")
        pixels = self.pixels(self._by_id[image_id])
        return fit(pixels, size) if max(pixels.shape) > size else pixels

    def _list(self, table: pd.DataFrame) -> list[Record]:
        self.funnel["listed"] = len(table)
        table = table.drop_duplicates("file")
        root = self._images.resolve()
        table = table.assign(path=[self._find(root, name) for name in table["file"]])
        # One file under two names is one X-ray.
        doubled = table["path"].duplicated() & (table["path"] != "")
        table = table.loc[~doubled]
        self.funnel["listed once"] = len(table)
        table = table.loc[table["path"] != ""]
        self.funnel["file found"] = len(table)
        if table.empty:
            raise DatasetError(
                f"None of the CSV's files is in {self._images}; the file column is relative to --images."
            )
        table = table.loc[table["patient_id"] != ""]
        self.funnel["patient known"] = len(table)
        self.funnel["patients"] = len(set(table["patient_id"]))
        if table.empty:
            raise DatasetError("The CSV gives no patient_id; splits and counts are by patient.")
        splits = self._splits(table)
        stems = [image_id_of(path) for path in table["path"]]
        # a.png beside a.dcm: both need a name of their own.
        twice = {stem for stem, n in Counter(stems).items() if n > 1}
        ids = [
            f"{stem}-{_short(path)}" if stem in twice else stem for stem, path in zip(stems, table["path"], strict=True)
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
            view=_view(row["view"]),
            sex=row["sex"].upper()[:1] if row["sex"].upper()[:1] in ("F", "M") else "",
            age=_age(row["age"]),
            labels=tuple(label.strip() for label in row["labels"].split("|") if label.strip().lower() not in NO_LABEL),
            indication=row["indication"],
            findings=row["findings"],
            impression=row["impression"],
            path=row["path"],
        )


def image_id_of(path: str) -> str:
    """A name that is safe in URLs and file names: the file's own, with a hash where that isn't safe or has a folder."""
    stem = Path(path).stem
    safe = re.sub(r"[^A-Za-z0-9_-]+", "-", stem).strip("-")[:48]
    folder = Path(path).parent.as_posix()
    if safe == stem and folder in (".", "images"):
        suffix = "" if Path(path).suffix.lower() in (".png", ".jpg", ".jpeg", ".dcm", "") else "-" + _short(path)
        return safe + suffix
    return f"{safe}-{_short(path)}" if safe else _short(path)


def _short(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=5).hexdigest()


def _read(path: Path) -> pd.DataFrame:
    try:
        with path.open(encoding="utf-8-sig") as file:
            header = file.readline()
        delimiter = max(",;\t", key=header.count)
        table = pd.read_csv(path, dtype=str, keep_default_na=False, sep=delimiter, encoding="utf-8-sig")
    except OSError as error:
        raise DatasetError(f"{path} can't be read; give --metadata a CSV file.") from error
    except (ValueError, pd.errors.ParserError) as error:
        raise DatasetError(
            f"{path} is not a CSV file that can be read; save it as UTF-8 with a header line."
        ) from error
    names = [re.sub(r"[\s-]+", "_", str(name).strip().lower()) for name in table.columns]
    present = set(names)
    table.columns = [ALIASES.get(n, n) if ALIASES.get(n, n) not in present else n for n in names]
    for name in ("file", "patient_id"):
        if name not in table:
            raise DatasetError(f"{path.name} has no column {name!r}; it needs at least file and patient_id.")
    if table.empty:
        raise DatasetError(f"{path.name} lists no X-rays.")
    table = table.loc[:, ~table.columns.duplicated()].reindex(columns=list(COLUMNS), fill_value="")
    return table.apply(lambda column: column.fillna("").astype(str).str.strip())


def _view(text: str) -> str:
    text = text.upper()
    return text if text in ("PA", "AP", "LATERAL", "LL") else ""


def _age(text: str) -> int | None:
    digits = re.fullmatch(r"0*(\d{1,3})(?:\.\d+)?\s*(Y|M|W|D|)[A-Z+]*", text.upper())
    if digits is None or int(digits.group(1)) > 130:
        return None
    if digits.group(2) in ("M", "W", "D"):
        # DICOM's age strings (PS3.5 6.2): months, weeks and days.
        return int(digits.group(1)) // {"M": 12, "W": 52, "D": 365}[digits.group(2)]
    # Ages over 89 identify (HIPAA's safe harbour): 90 stands for all of them.
    return min(int(digits.group(1)), 90)
