"""What the adapters of published datasets share: a listing on disk, a funnel, and files found by checked paths."""

from __future__ import annotations

import csv
import gzip
import logging
import shutil
import tempfile
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import duckdb
import numpy as np
import pyarrow as pa

from saerad_core.datasets.base import Record
from saerad_core.datasets.splits import SPLITS
from saerad_core.errors import DatasetError
from saerad_core.images.pictures import fit
from saerad_core.images.radiograph import decode
from saerad_core.workspace import DatasetInfo

log = logging.getLogger(__name__)

BATCH = 1_000
"""Records in memory at once."""
SAID = 3
"""Messages about one kind of fault; the rest is counted."""
SAY_EVERY = 10.0
"""Seconds between two lines about a listing that is being read."""
STEPS = {"readable": "row can't be read", "frontal": "", "file found": "no such file", "with report": "no report"}
"""Steps at which an X-ray may be left out, in order, and how the log names it; "" is no fault."""
_COLUMNS = (
    "image_id", "study_id", "patient_id", "split", "view", "sex", "age", "labels", "indication", "findings", "impression", "path",
)  # fmt: skip
_SCHEMA = pa.schema(
    [
        pa.field(name, {"age": pa.int16(), "labels": pa.list_(pa.string())}.get(name, pa.string()))
        for name in ("row", *_COLUMNS)
    ]
).set(0, pa.field("row", pa.int64()))


class LeftOut(NamedTuple):
    """An X-ray that isn't taken."""

    step: str
    """The step of STEPS that it doesn't pass."""
    why: str = ""
    """In words, without anything of the file's; "" takes the step's own."""


class _Listed(NamedTuple):
    """A listing that has been read."""

    folder: tempfile.TemporaryDirectory
    db: duckdb.DuckDBPyConnection
    funnel: dict[str, int]
    n: int


class PublishedDataset:
    """Base of adapters. The listing is read when it is first asked for, into a temporary file; opening costs nothing.

    An adapter gives ``_candidates``; records are streamed from the temporary file, in the adapter's order.
    """

    OPTIONS: ClassVar[dict[str, str]] = {"root": "Folder of the dataset."}
    """Options that the adapter takes, and in words what each is."""
    REQUIRED: ClassVar[tuple[str, ...]] = ("root",)
    WITHOUT_REPORT: ClassVar[bool] = False
    """Whether X-rays without a word of a report are taken."""

    def __init__(self, info: DatasetInfo) -> None:
        self.info = info
        for option in self.REQUIRED:
            if not info.options.get(option):
                raise DatasetError(f"A {info.kind} dataset needs the option {option!r}; build the workspace again.")

    def _candidates(self, db: duckdb.DuckDBPyConnection) -> Iterator[Record | LeftOut]:
        """Every X-ray listed, taken or left out."""
        raise NotImplementedError

    @cached_property
    def _images(self) -> Path:
        """Folder that Record.path is relative to."""
        raise NotImplementedError

    @property
    def root(self) -> Path:
        return Path(str(self.info.options["root"]))

    @property
    def seed(self) -> int:
        return int(self.info.options.get("seed", 0))

    @property
    def funnel(self) -> dict[str, int]:
        """X-rays left after each step, then patients, X-rays by split, and faults."""
        return self._listed.funnel

    def __len__(self) -> int:
        return self._listed.n

    def records(self) -> Iterator[Record]:
        """In the listing's order, streamed."""
        cursor = self._listed.db.cursor()
        cursor.execute(
            "SELECT image_id, study_id, patient_id, split, view, sex, age, labels, indication, findings, impression, path "
            "FROM records ORDER BY row"
        )
        while rows := cursor.fetchmany(BATCH):
            for row in rows:
                values: dict[str, Any] = dict(zip(_COLUMNS, row, strict=True))
                values["labels"] = tuple(values["labels"])
                yield Record(**values)

    def source(self, record: Record) -> Path:
        """The file to decode."""
        return self._images / record.path

    def pixels(self, record: Record) -> np.ndarray:
        """Decoded file, at its own size."""
        return decode(self.source(record)).pixels

    def picture(self, image_id: str, size: int = 512) -> np.ndarray:
        """The file, its longer side reduced to ``size``."""
        found = self._listed.db.cursor().execute("SELECT path FROM records WHERE image_id = ?", [image_id]).fetchone()
        if found is None:
            raise DatasetError(f"There is no X-ray {image_id[:40]!r} in this dataset.")
        pixels = decode(self._images / found[0]).pixels
        return fit(pixels, size) if max(pixels.shape) > size else pixels

    def has(self, path: str) -> bool:
        """Whether there is such a file among the images."""
        try:
            return (self._images / path).is_file()
        except (OSError, ValueError):
            # Too long, or with a zero byte: no file has such a name.
            return False

    @cached_property
    def _listed(self) -> _Listed:
        folder = tempfile.TemporaryDirectory(prefix="saerad-listing-")
        db = duckdb.connect(
            str(Path(folder.name) / "listing.duckdb"),
            config={"memory_limit": "512MB", "threads": "2", "temp_directory": str(Path(folder.name) / "spill")},
        )
        db.register("nothing", _SCHEMA.empty_table())
        db.execute("CREATE TABLE records AS SELECT * FROM nothing")
        faults: Counter[str] = Counter()
        lost: Counter[str] = Counter()
        listed = 0

        def taken() -> Iterator[Record]:
            nonlocal listed
            began = said = time.monotonic()
            for candidate in self._candidates(db):
                listed += 1
                if (now := time.monotonic()) - said >= SAY_EVERY:
                    said = now
                    log.info("%s: %s X-rays of the listing read in %.0f s.", self.info.kind, f"{listed:,}", now - began)
                if isinstance(candidate, Record):
                    if self.WITHOUT_REPORT or candidate.findings or candidate.impression:
                        yield candidate
                        continue
                    candidate = LeftOut("with report", "no findings or impression")
                lost[candidate.step] += 1
                why = candidate.why or STEPS[candidate.step]
                if why:
                    faults[why] += 1
                    if faults[why] <= SAID:
                        # By number: a file's name may be a person's.
                        log.warning("%s: X-ray %d of the listing is left out: %s.", self.info.kind, listed, why)

        stream, row = taken(), 0
        while some := list(islice(stream, BATCH)):
            columns = {name: [getattr(record, name) for record in some] for name in _COLUMNS}
            columns["row"] = list(range(row, row + len(some)))
            columns["labels"] = [list(labels) for labels in columns["labels"]]
            db.register("batch", pa.table(columns, schema=_SCHEMA))
            db.execute("INSERT INTO records SELECT * FROM batch")
            row += len(some)
        rejected = _rejected(db)
        funnel = {"listed": listed + rejected}
        left = listed + rejected
        lost["readable"] += rejected
        for step in STEPS:
            left -= lost[step]
            if step in ("frontal", "file found") or lost[step]:
                funnel[step] = left
        self._check(db, funnel, row)
        funnel |= _counts(db)
        for why, n in sorted(faults.items()):
            funnel[f"left out: {why}"] = n
        if rejected:
            funnel["left out: row can't be read"] = funnel.get("left out: row can't be read", 0) + rejected
        log.debug("%s: %s", self.info.kind, ", ".join(f"{step} {n:,}" for step, n in funnel.items()))
        return _Listed(folder, db, funnel, row)

    def _check(self, db: duckdb.DuckDBPyConnection, funnel: dict[str, int], n: int) -> None:
        if not n:
            steps = ", ".join(f"{step} {count:,}" for step, count in funnel.items())
            raise DatasetError(
                f"No X-ray of {self.root} can be used ({steps}); check that the images lie where docs/datasets.md says."
            )
        twice = db.execute("SELECT count(*) - count(DISTINCT image_id) FROM records").fetchone()
        if twice and twice[0]:
            raise DatasetError(f"{twice[0]} X-rays are listed twice; give a listing that names each once.")
        torn = db.execute(
            "SELECT count(*) FROM (SELECT patient_id FROM records GROUP BY patient_id HAVING count(DISTINCT split) > 1)"
        ).fetchone()
        if torn and torn[0]:
            raise DatasetError(f"{torn[0]} patients are in more than one split; give each patient one split.")


def _rejected(db: duckdb.DuckDBPyConnection) -> int:
    """Lines of CSV files that don't fit their header."""
    try:
        found = db.execute("SELECT count(DISTINCT (file_id, line)) FROM reject_errors").fetchone()
    except duckdb.CatalogException:
        return 0
    return found[0] if found else 0


def _counts(db: duckdb.DuckDBPyConnection) -> dict[str, int]:
    found = db.execute("SELECT count(*) FILTER (findings != ''), count(DISTINCT patient_id) FROM records").fetchone()
    assert found is not None
    by_split = dict(db.execute("SELECT split, count(*) FROM records GROUP BY split").fetchall())
    return {"with findings": found[0], "patients": found[1]} | {split: by_split.get(split, 0) for split in SPLITS}


def load_csv(db: duckdb.DuckDBPyConnection, path: Path, table: str, needed: tuple[str, ...]) -> None:
    """Read a CSV (or .csv.gz) into the temporary listing as text.

    Raises:
        DatasetError: it can't be read or lacks a column; the message names it.
    """
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rt", encoding="utf-8-sig", newline="") as file:
            header = next(csv.reader(file), [])
        missing = [name for name in needed if name not in header]
        if missing:
            raise DatasetError(f"{path.name} has no column {missing[0]!r}; take the file as it was published.")
        names = [name if name and name not in header[:at] else f"column {at}" for at, name in enumerate(header)]
        columns = dict.fromkeys(names, "VARCHAR")
        try:
            _create(db, path, table, columns)
        except duckdb.InvalidInputException:
            # DuckDB refuses a whole file for lines that end in two ways; a spreadsheet that appended a row leaves such.
            with tempfile.TemporaryDirectory(prefix="saerad-listing-") as folder:
                plain = Path(folder) / "plain.csv"
                with (
                    opener(path, "rt", encoding="utf-8-sig") as mixed,
                    plain.open("w", encoding="utf-8", newline="\n") as file,
                ):
                    shutil.copyfileobj(mixed, file, 1 << 20)
                _create(db, plain, table, columns)
    except (duckdb.Error, OSError, EOFError, UnicodeDecodeError, csv.Error, zlib.error) as error:
        raise DatasetError(f"{path.name} is not a CSV file that can be read; download it again.") from error


def _create(db: duckdb.DuckDBPyConnection, path: Path, table: str, columns: dict[str, str]) -> None:
    # The header is read by ourselves: DuckDB's own detection gives up over torn lines.
    db.read_csv(
        str(path), header=True, columns=columns, auto_detect=False, delimiter=",", quotechar='"',
        escapechar='"', parallel=False, ignore_errors=True, store_rejects=True,
    ).create(table)  # fmt: skip


def stream(db: duckdb.DuckDBPyConnection, query: str) -> Iterator[dict[str, str]]:
    """Rows of a query as dicts of text, "" for NULL, a batch in memory at a time."""
    cursor = db.cursor().execute(query)
    names = [column[0] for column in cursor.description or ()]
    while rows := cursor.fetchmany(BATCH):
        for row in rows:
            yield {name: value if value is not None else "" for name, value in zip(names, row, strict=True)}


def find(root: Path, names: tuple[str, ...], whence: str) -> Path:
    """The first of ``names`` (patterns) under ``root``.

    Raises:
        DatasetError: there is none; the message names what is missing, whence it comes, and a folder beside that has it.
    """
    if not root.is_dir():
        raise DatasetError(f"There is no folder {root}; give --root the folder of the dataset.")
    for name in names:
        for path in sorted(root.glob(name)):
            return path
    near = [root.parent, *(path for path in islice(root.iterdir(), 200) if path.is_dir())]
    for folder in near:
        if any(True for name in names for _ in folder.glob(name)):
            level = "above" if folder == root.parent else "below"
            raise DatasetError(
                f"{root} is not the dataset's folder, {folder} one level {level} it is; give that as --root."
            )
    raise DatasetError(f"{root} holds no {names[0]}; {whence}.")
