"""A small folder of drawn X-rays, an encoder and a pass over them; run as a program, so that it can be killed."""

from __future__ import annotations

import os
import signal
import sys
import time
from multiprocessing.connection import Connection
from pathlib import Path

import torch

from saerad_core.datasets import Dataset, open_dataset
from saerad_core.encoder import Encoder
from saerad_core.harvest import worker
from saerad_core.harvest.run import harvest
from saerad_core.harvest.settings import HarvestSettings
from saerad_core.harvest.shards import Shards
from saerad_core.harvest.worker import Job
from saerad_core.progress import Progress, Silent
from saerad_core.workspace import DatasetInfo, EncoderInfo, Workspace
from tests.test_encoder import write_encoder
from tests.tiny import write_films

IMAGES = 40


def prepare(root: Path) -> None:
    write_encoder(root / "encoder")
    write_films(root / "films", IMAGES)


def parts(root: Path, out: Path) -> tuple[Workspace, Dataset, Encoder]:
    options = {"images": str(root / "films"), "metadata": str(root / "films" / "metadata.csv")}
    dataset = open_dataset(DatasetInfo(kind="folder", options=options))
    encoder = Encoder.load(root / "encoder", device="cpu")
    info = EncoderInfo(id="e", fingerprint=encoder.fingerprint)
    return Workspace.create(out, dataset.info, info), dataset, encoder


def settings(**changed) -> HarvestSettings:
    return HarvestSettings(
        **{"tokens": "patch", "shard": 4, "batch": 3, "workers": 1, "keep_pictures": False} | changed
    )


def run(root: Path, out: Path, engine: str = "local", progress: Progress | None = None, **changed) -> Shards:
    torch.set_num_threads(1)
    workspace, dataset, encoder = parts(root, out)
    return harvest(workspace, dataset, encoder, settings(**changed), None, progress or Silent(), engine=engine)


def serve_that_breaks(connection: Connection, job: Job) -> None:
    """worker.serve, but one film kills its decoder and one hangs it."""
    real = worker.load

    def load(dataset, record, *rest):
        if record.image_id == "film005":
            os.kill(os.getpid(), signal.SIGSEGV)
        if record.image_id == "film009":
            time.sleep(600)
        return real(dataset, record, *rest)

    worker.load = load
    worker.serve(connection, job)


if __name__ == "__main__":
    run(Path(sys.argv[1]), Path(sys.argv[2]))
