"""Finished shards on disk: arrays, metadata, and a seal with checksums that is written last."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from saerad_core.datasets import Record

FIELDS = (
    "image_id", "study_id", "patient_id", "split", "view", "sex", "age", "indication", "findings", "impression", "path",
)  # fmt: skip


def as_row(record: Record) -> dict:
    """A record as a line of metadata."""
    row = {name: getattr(record, name) for name in FIELDS}
    row["labels"] = list(record.labels)
    row["facts"] = None if record.facts is None else [statement._asdict() for statement in record.facts]
    return row


def listing_hash(records: list[Record]) -> str:
    """Of a shard's records as they are listed, refused ones among them."""
    digest = hashlib.sha256()
    for record in records:
        digest.update(json.dumps(as_row(record), sort_keys=True).encode() + b"\n")
    return digest.hexdigest()


class Shards:
    """The sealed shards of a folder, in order; nothing is held but their seals."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def arrays_path(self, number: int) -> Path:
        return self.folder / f"shard-{number:06d}.safetensors"

    def seal_path(self, number: int) -> Path:
        return self.folder / f"shard-{number:06d}.json"

    def numbers(self) -> list[int]:
        return sorted(int(path.stem.removeprefix("shard-")) for path in self.folder.glob("shard-*.json"))

    def seal(self, number: int) -> dict | None:
        """What was sealed, or None where the shard isn't there or its seal can't be read."""
        try:
            found = json.loads(self.seal_path(number).read_text(encoding="utf-8"))
            return found if {"listing", "n", "refused", "files"} <= set(found) else None
        except (OSError, ValueError, TypeError):
            return None

    def is_whole(self, number: int) -> bool:
        """Whether every file of a sealed shard has the checksum that was sealed."""
        seal = self.seal(number)
        if seal is None:
            return False
        try:
            return all(_sha256(self.folder / name) == digest for name, digest in seal["files"].items())
        except OSError:
            return False

    def write(
        self, number: int, arrays: dict[str, np.ndarray], records: list[Record], refused: list[dict], listing: str
    ) -> None:
        """Write a shard. It counts from the moment that its seal takes its name.

        Args:
            number: place in the listing.
            arrays: [n, ...] each.
            records: the n that ``arrays`` are of.
            refused: image_id and sentence of each file that was left out.
            listing: listing_hash of all of them.
        """
        path = self.arrays_path(number)
        lines = path.with_suffix(".jsonl")
        self.seal_path(number).unlink(missing_ok=True)
        save_file({name: np.ascontiguousarray(value) for name, value in arrays.items()}, path.with_suffix(".part"))
        path.with_suffix(".part").replace(path)
        part = lines.with_suffix(".lines.part")
        part.write_text("".join(json.dumps(as_row(record)) + "\n" for record in records), encoding="utf-8")
        part.replace(lines)
        files = {file.name: _sha256(file) for file in (path, lines)}
        seal = {"listing": listing, "n": len(records), "refused": refused, "files": files}
        part = self.seal_path(number).with_suffix(".seal.part")
        part.write_text(json.dumps(seal), encoding="utf-8")
        part.replace(self.seal_path(number))

    def __len__(self) -> int:
        """X-rays in all shards."""
        return sum((self.seal(number) or {"n": 0})["n"] for number in self.numbers())

    def has(self, name: str) -> bool:
        """Whether the shards hold arrays of that name."""
        return next(self.each(name), None) is not None

    def each(self, name: str) -> Iterator[np.ndarray]:
        """``name`` of one shard after another."""
        for number in self.numbers():
            array = self.of(number, name)
            if array is not None:
                yield array

    def of(self, number: int, name: str) -> np.ndarray | None:
        """``name`` of one shard; None where it has none, as where its every file was refused."""
        try:
            with safe_open(self.arrays_path(number), framework="numpy") as shard:
                return shard.get_tensor(name) if name in shard.keys() else None  # noqa: SIM118
        except SafetensorError as error:
            raise OSError(f"{self.arrays_path(number)} is damaged") from error

    def array(self, name: str, out: Path | None = None) -> np.ndarray:
        """``name`` of every shard along the first axis: in memory once, or memory-mapped in the file ``out`` (.npy)."""
        total = len(self)
        whole: np.ndarray | None = None
        at = 0
        for block in self.each(name):
            if whole is None:
                shape = (total, *block.shape[1:])
                if out is None:
                    whole = np.empty(shape, block.dtype)
                else:
                    whole = np.lib.format.open_memmap(out, mode="w+", dtype=block.dtype, shape=shape)
            whole[at : at + len(block)] = block
            at += len(block)
        assert whole is not None and at == total, f"shards hold {at} rows of {name}, their seals say {total}"
        return whole

    def rows(self) -> Iterator[dict]:
        """Metadata of one embedded X-ray after another."""
        for number in self.numbers():
            with self.arrays_path(number).with_suffix(".jsonl").open(encoding="utf-8") as file:
                yield from map(json.loads, file)

    def records(self) -> pd.DataFrame:
        """Metadata of every embedded X-ray; the row number is its place in every array."""
        return pd.DataFrame(self.rows())

    def splits(self) -> np.ndarray:
        """Split of every embedded X-ray."""
        return np.array([row["split"] for row in self.rows()])

    def refused(self) -> list[dict]:
        """Files that could not be used, each with the sentence that says why."""
        return [one for number in self.numbers() for one in (self.seal(number) or {"refused": []})["refused"]]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
