"""The process that decodes a dataset's files for the encoder: pixels, thumbnail, picture, the encoder's square. No torch."""

from __future__ import annotations

import os
import resource
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

import numpy as np

from saerad_core.datasets import Dataset, Record, open_dataset
from saerad_core.errors import ImageRefused
from saerad_core.images.marks import marked_zones
from saerad_core.images.pictures import picture, thumbnail
from saerad_core.preprocessing import Preprocessing, as_bytes
from saerad_core.workspace import DatasetInfo, Workspace


@dataclass(frozen=True)
class Job:
    """What a decoder needs to know once."""

    dataset: DatasetInfo
    preprocessing: Preprocessing
    root: Path | None
    """Workspace that thumbnails and pictures go to; None for none."""
    keep_thumbs: bool = True
    keep_pictures: bool = False
    memory: int = 8 * 2**30
    markers: bool = False
    """Look for markers and burned-in text."""


class Loaded(NamedTuple):
    """What a decoder gives of an X-ray."""

    square: np.ndarray
    """uint8 [S, S] for the encoder."""
    zones: int | None
    """Bits of images.zones.ZONES; None where nobody asked for them."""

    def tobytes(self) -> bytes:
        """The square, and a byte of zones behind it."""
        return self.square.tobytes() + (b"" if self.zones is None else bytes([self.zones]))

    @classmethod
    def read(cls, data: bytes, side: int) -> Loaded | None:
        """The way back; None where ``data`` is something else."""
        if len(data) not in (side * side, side * side + 1):
            return None
        square = np.frombuffer(data, dtype=np.uint8, count=side * side).reshape(side, side)
        return cls(square, data[-1] if len(data) > square.size else None)


def serve(connection: Connection, job: Job) -> None:
    """Answer records with what was loaded until the other side hangs up."""
    # The encoder needs the cores first; decoders take what it leaves while it waits for them.
    os.nice(10)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    dataset = open_dataset(job.dataset)
    resource.setrlimit(resource.RLIMIT_AS, (job.memory, resource.RLIM_INFINITY))
    workspace = Workspace.open(job.root) if job.root is not None else None
    while True:
        try:
            record = connection.recv()
        except EOFError:
            return
        answer = load(dataset, record, job, workspace)
        connection.send_bytes(answer.encode() if isinstance(answer, str) else answer.tobytes())


def load(dataset: Dataset, record: Record, job: Job, workspace: Workspace | None) -> Loaded | str:
    """What the encoder sees, or the sentence that refuses the file."""
    try:
        pixels = dataset.pixels(record)
        grey = as_bytes(pixels)
        found = Loaded(job.preprocessing.square(grey), marked_zones(grey) if job.markers else None)
        if workspace is not None and job.keep_thumbs:
            _write(workspace.thumb(record.image_id), thumbnail(pixels))
        if workspace is not None and job.keep_pictures:
            _write(workspace.picture(record.image_id), picture(pixels))
    except ImageRefused as refusal:
        return str(refusal)
    except MemoryError:
        return "The file needs more memory than an X-ray may take; export it uncompressed."
    return found


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(exist_ok=True)
    # Two processes may write the same one after a worker was replaced.
    part = path.with_suffix(f".{os.getpid()}.part")
    part.write_bytes(data)
    part.replace(path)
