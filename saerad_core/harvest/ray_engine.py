"""Harvest on a Ray cluster: decoders and encoders as Ray Data actors over the same shards.

Every node sees the workspace, the images and the encoder under the same paths (a shared file system), since actors read
files and write sealed shards themselves; only listings and squares travel. An item of the pipeline is one whole shard, so
that batches, and with them the bits of the result, are those of the local engine on the same kind of device. What a dead
actor was at is done again by another one; a shard that was half written has no seal and is written again.
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from saerad_core.encoder import Encoder
from saerad_core.errors import WorkspaceError
from saerad_core.harvest.embed import arrays_of, batched
from saerad_core.harvest.local import Chunk
from saerad_core.harvest.pool import DecodePool
from saerad_core.harvest.settings import HarvestSettings
from saerad_core.harvest.shards import Shards, listing_hash
from saerad_core.harvest.worker import Job, Loaded
from saerad_core.sae.base import Sae
from saerad_core.sae.files import load
from saerad_core.sae.image_code import ImageReader

WAVE = 64
"""Shards handed to the cluster at a time: bounds the listing that the driver holds, and what a new driver repeats."""


@dataclass(frozen=True)
class _Encode:
    """What an encoding actor needs to know once."""

    encoder: str
    device: str
    image_size: int
    precision: str
    settings: HarvestSettings
    sae: Path | None
    folder: Path
    threads: int


class Decoder:
    """Listed records of a shard -> what the encoder sees of them, by a pool of processes on the actor's node."""

    def __init__(self, job: Job, workers: int, seconds: float) -> None:
        self._pool = DecodePool(job, workers, seconds)
        self._ahead = 2 * workers

    def __call__(self, row: dict) -> dict:
        records = pickle.loads(row["records"])  # noqa: S301 - the driver's own, sent through Ray, which pickles anyway
        loaded = [one for _, one in self._pool.map(records, self._ahead)]
        good = [one for one in loaded if not isinstance(one, str)]
        refused = [one if isinstance(one, str) else "" for one in loaded]
        return row | {"loaded": pickle.dumps(good), "refused": pickle.dumps(refused)}


class ShardEncoder:
    """What was loaded of a shard -> the sealed shard on disk."""

    def __init__(self, how: _Encode) -> None:
        # As many threads as the local engine has: sums are split over threads, and the split rounds.
        torch.set_num_threads(how.threads)
        self._how = how
        self._encoder = Encoder.load(how.encoder, how.device, how.image_size, precision=how.precision)
        sae = load(how.sae).to(self._encoder.device) if how.sae is not None else None
        self._reader = None if sae is None else ImageReader(sae, how.settings.tokens)

    def __call__(self, row: dict) -> dict:
        records = pickle.loads(row["records"])  # noqa: S301
        loaded: list[Loaded] = pickle.loads(row["loaded"])  # noqa: S301
        whys: list[str] = pickle.loads(row["refused"])  # noqa: S301
        good = [record for record, why in zip(records, whys, strict=True) if not why]
        refused = [{"image_id": r.image_id, "why": why} for r, why in zip(records, whys, strict=True) if why]
        arrays = arrays_of(loaded, [r.image_id for r in good], self._encoder, self._how.settings, self._reader)
        Shards(self._how.folder).write(row["number"], arrays, good, refused, listing_hash(records))
        return {"number": row["number"], "n": len(records)}


def run_ray(
    shards: Shards,
    chunks: Iterable[Chunk],
    job: Job,
    encoder: Encoder,
    settings: HarvestSettings,
    sae: Sae | None,
    sae_dir: Path,
) -> Iterator[int]:
    """Write the shards of ``chunks`` on the cluster that RAY_ADDRESS names, or on one made of this machine.

    Yields the X-rays of each shard as it is done, in any order.

    Raises:
        WorkspaceError: Ray isn't installed.
    """
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.setdefault("RAY_DATA_DISABLE_PROGRESS_BARS", "1")
    try:
        import ray
    except ImportError as error:
        raise WorkspaceError(
            "Ray is not installed; pip install -r requirements-ray.txt, or take --engine local."
        ) from error
    started = not ray.is_initialized()
    if started:
        where = {} if os.environ.get("RAY_ADDRESS") else {"_node_ip_address": "127.0.0.1", "include_dashboard": False}
        ray.init(ignore_reinit_error=True, log_to_driver=False, configure_logging=False, **where)
    try:
        yield from _stream(ray, shards, chunks, job, encoder, settings, sae, sae_dir)
    finally:
        if started:
            ray.shutdown()


def _stream(ray, shards, chunks, job, encoder, settings, sae, sae_dir) -> Iterator[int]:  # noqa: ANN001
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    gpus = int(ray.cluster_resources().get("GPU", 0)) if encoder.device.startswith("cuda") else 0
    nodes = sum(node["Alive"] for node in ray.nodes())
    how = _Encode(
        str(Path(encoder.folder).resolve()),
        encoder.device.partition(":")[0],
        encoder.image_size,
        encoder.precision,
        settings,
        sae_dir.resolve() if sae is not None else None,
        shards.folder.resolve(),
        torch.get_num_threads(),
    )
    for wave in batched(chunks, WAVE):
        items = [{"number": number, "records": pickle.dumps(records)} for number, records in wave]
        done = (
            ray.data.from_items(items, override_num_blocks=len(items))
            .map(
                Decoder,
                fn_constructor_args=(job, settings.workers, settings.seconds),
                compute=ray.data.ActorPoolStrategy(min_size=1, max_size=nodes),
                num_cpus=min(1, settings.workers),
            )
            .map(
                ShardEncoder,
                fn_constructor_args=(how,),
                compute=ray.data.ActorPoolStrategy(min_size=1, max_size=max(gpus, 1) if gpus else nodes),
                num_cpus=0 if gpus else 1,
                num_gpus=1 if gpus else None,
            )
        )
        for row in done.iter_rows():
            yield row["n"]
