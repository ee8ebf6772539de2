"""What a build will do and about how long it will take, from a short timed trial of its own files and encoder."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from saerad_core.datasets import Dataset
from saerad_core.encoder import Encoder
from saerad_core.errors import ImageRefused
from saerad_core.harvest.settings import KEEP_ALL, HarvestSettings

TRIED = 4
"""X-rays of the trial."""
PICTURE_BYTES, THUMB_BYTES = 120_000, 10_000
"""Of one file, about (measured on NIH X-rays)."""
CODE_BYTES = 6
"""Of a code: feature and value."""


@dataclass
class Estimate:
    """Seconds and bytes."""

    decode: float
    """Seconds of one core for an X-ray."""
    forward: float
    """Seconds of the encoder for an X-ray."""
    encode_seconds: float
    """All passes over the dataset."""
    disk: int
    """Bytes at most, shards and workspace together."""

    @classmethod
    def probe(
        cls, dataset: Dataset, encoder: Encoder, settings: HarvestSettings, width: int, sampled_xrays: int, k: int = 15
    ) -> Estimate:
        """Decode and embed a few X-rays.

        Args:
            dataset: what will be read.
            encoder: with what.
            settings: of the pass over all of it.
            width: features of the SAE.
            sampled_xrays: of a pass before it that trains the SAE; 0 for none.
            k: active features a token.
        """
        squares, began = [], time.perf_counter()
        tried = 0
        for record in islice(dataset.records(), TRIED):
            tried += 1
            try:
                squares.append(encoder.preprocessing.square(dataset.pixels(record)))
            except ImageRefused:
                continue
        decode = (time.perf_counter() - began) / max(tried, 1)
        squares = squares or [np.zeros((encoder.image_size, encoder.image_size), np.uint8)]
        batch = np.stack((squares * TRIED)[:TRIED])
        encoder.embed(encoder.normalise(batch)).cls.cpu()
        began = time.perf_counter()
        encoder.embed(encoder.normalise(batch)).cls.cpu()
        forward = (time.perf_counter() - began) / TRIED
        # On a CPU both share the cores; beside a GPU the slower of the two sets the pace.
        cores = settings.workers
        one = max(forward, decode / cores) if encoder.device.startswith("cuda") else forward + decode / cores
        n, patches = len(dataset), encoder.patch_grid**2
        kept = n * encoder.d * 2 * (2 + (settings.measured if settings.tokens == "patch" else 1))
        if settings.keep == KEEP_ALL and settings.tokens == "patch":
            kept += n * patches * encoder.d * 2
        # Every patch's features different ones: far more than there are.
        most = min(width, k * (patches if settings.tokens == "patch" else 1))
        codes = n * most * CODE_BYTES * (1 if settings.keep == KEEP_ALL else 2)
        files = n * (THUMB_BYTES + (PICTURE_BYTES if settings.keep_pictures else 0))
        sample = min(sampled_xrays, n)
        disk = kept + n * encoder.d * 4 + codes + files + sample * settings.sampled * encoder.d * 2 * 2
        return cls(decode, forward, (n + sample) * one, disk)


def describe_build(
    dataset: Dataset, encoder: Encoder, settings: HarvestSettings, engine: str, out: Path, estimate: Estimate
) -> str:
    """The plan in lines for a person."""
    where = out if out.exists() else out.parent
    free = shutil.disk_usage(where if where.exists() else Path.cwd()).free
    lines = [
        f"Dataset   {dataset.info.title or dataset.info.kind} ({dataset.info.kind}), {len(dataset):,} X-rays listed",
        f"Encoder   {encoder.id}, {encoder.d} dimensions, {encoder.image_size} px, {encoder.precision} on {encoder.device}",
        f"Tokens    {settings.tokens}, {encoder.patch_grid**2} patches an X-ray",
        f"Engine    {engine}, {settings.workers} decoders, batches of {settings.batch}, {settings.shard} X-rays a shard",
        f"Disk      at most {_bytes(estimate.disk)} under {out}, of {_bytes(free)} free",
        f"Time      about {_time(estimate.encode_seconds)} to embed (tried: {1 / max(estimate.forward, 1e-9):.1f} X-rays/s "
        f"in the encoder, {estimate.decode * 1000:.0f} ms of a core to decode one); training and descriptions come on top",
    ]
    if estimate.disk > free:
        lines.append("! The disk may not hold it: free some space, or take a narrower --width.")
    return "\n".join(lines)


def _bytes(n: float) -> str:
    return f"{n / 1e9:.1f} GB" if n >= 1e9 else f"{n / 1e6:.0f} MB"


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
