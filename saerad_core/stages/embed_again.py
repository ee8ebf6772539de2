"""The X-rays of a finished workspace embedded once more: a finished build keeps only a few of their tokens."""

from __future__ import annotations

from pathlib import Path

from saerad_core.datasets import open_dataset
from saerad_core.datasets.splits import SPLITS
from saerad_core.encoder import Encoder
from saerad_core.errors import EncoderError
from saerad_core.harvest.run import harvest
from saerad_core.harvest.sample import patch_bytes, sample_patients
from saerad_core.harvest.settings import KEEP_ALL, HarvestSettings, default_batch, default_shard, default_workers
from saerad_core.harvest.shards import Shards
from saerad_core.progress import Progress
from saerad_core.workspace import Workspace

MOST_BYTES = 4 * 10**9
"""Patches that a sweep works on; of larger sets it takes patients drawn by a hash, as many as fit."""
NAME = "Embedding the X-rays again"


def open_encoder(workspace: Workspace, device: str = "auto") -> Encoder:
    """The workspace's own encoder.

    Raises:
        EncoderError: it isn't here, or is another one.
    """
    info = workspace.manifest.encoder
    encoder = Encoder.load(info.id, device, info.image_size, precision=info.precision)
    if encoder.fingerprint != info.fingerprint:
        raise EncoderError(
            f"The encoder {info.id} is not the one that this workspace was built with; restore it or build again."
        )
    return encoder


def embed_all(workspace: Workspace, folder: Path, progress: Progress, seed: int = 0) -> Shards:
    """CLS and all patches of the workspace's X-rays as shards in ``folder``: arrays pooled, cls [n, 1, d] and patches [n, P, d].

    A killed pass goes on. Of a set whose patches would take over MOST_BYTES only some patients are taken.

    Raises:
        SaeRadError: dataset or encoder can't be opened or is another one.
    """
    dataset, encoder = open_dataset(workspace.manifest.dataset), open_encoder(workspace)
    n = len(dataset)
    settings = HarvestSettings(
        tokens="patch",
        keep=KEEP_ALL,
        measured=1,
        shard=default_shard(n),
        batch=default_batch(encoder.device),
        workers=default_workers(encoder.device),
        keep_pictures=False,
        keep_thumbs=False,
        markers=False,
        seed=seed,
    )
    each = patch_bytes(1, encoder.patch_grid**2, encoder.d)
    only = sample_patients(dataset, seed, MOST_BYTES // each, SPLITS) if n * each > MOST_BYTES else None
    progress.stage(NAME, n if only is None else sum(record.patient_id in only for record in dataset.records()))
    return harvest(workspace, dataset, encoder, settings, None, progress, folder=folder, only=only)
