"""The process that decodes a dataset's files for the encoder: pixels, thumbnail, picture, the encoder's square. No torch."""

from __future__ import annotations

import os
import resource
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from saerad_core.datasets import Dataset, Record, open_dataset
from saerad_core.errors import ImageRefused
from saerad_core.images.pictures import picture, thumbnail
from saerad_core.preprocessing import Preprocessing
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


def serve(connection: Connection, job: Job) -> None:
    """Answer records with squares until the other side hangs up."""
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


def load(dataset: Dataset, record: Record, job: Job, workspace: Workspace | None) -> np.ndarray | str:
    """uint8 [S, S] for the encoder, or the sentence that refuses the file."""
    try:
        pixels = dataset.pixels(record)
        square = job.preprocessing.square(pixels)
        if workspace is not None and job.keep_thumbs:
            _write(workspace.thumb(record.image_id), thumbnail(pixels))
        if workspace is not None and job.keep_pictures:
            _write(workspace.picture(record.image_id), picture(pixels))
    except ImageRefused as refusal:
        return str(refusal)
    except MemoryError:
        return "The file needs more memory than an X-ray may take; export it uncompressed."
    return square


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(exist_ok=True)
    # Two processes may write the same one after a worker was replaced.
    part = path.with_suffix(f".{os.getpid()}.part")
    part.write_bytes(data)
    part.replace(path)
