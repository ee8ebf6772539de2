"""One pass over a dataset into sealed shards, by either engine. A killed pass goes on; what doesn't fit is refused."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from saerad_core.datasets import Dataset, Record
from saerad_core.encoder import Encoder
from saerad_core.errors import WorkspaceError
from saerad_core.harvest.embed import batched
from saerad_core.harvest.local import Chunk, run_local
from saerad_core.harvest.settings import HarvestSettings
from saerad_core.harvest.shards import Shards, listing_hash
from saerad_core.harvest.worker import Job
from saerad_core.progress import Progress
from saerad_core.sae.base import Sae
from saerad_core.workspace import Workspace

logger = logging.getLogger(__name__)

ENGINES = ("local", "ray")
"""local: this machine. ray: a Ray cluster whose nodes see the same folders."""
FORMAT = 2
"""Of the shards: 1 held dense codes."""
NO_MATTER = ("workers", "keep_pictures", "keep_thumbs", "seconds", "memory", "markers")
"""Settings that change nothing of what is embedded."""


def harvest(
    workspace: Workspace,
    dataset: Dataset,
    encoder: Encoder,
    settings: HarvestSettings,
    sae: Sae | None,
    progress: Progress,
    *,
    folder: Path | None = None,
    engine: str = "local",
    only: set[str] | None = None,
) -> Shards:
    """Embed every record of ``dataset`` into shards.

    Args:
        workspace: where thumbnails go, and the shards but for ``folder``.
        dataset: what; records come in a fixed order.
        encoder: with what.
        settings: see HarvestSettings.
        sae: needed where codes are kept.
        progress: told of every X-ray.
        folder: of the shards; None for the workspace's cache.
        engine: one of ENGINES.
        only: patients whose X-rays are taken; None for all.

    Raises:
        WorkspaceError: the folder holds shards of another model, preprocessing, listing or kind.
    """
    if engine not in ENGINES:
        raise WorkspaceError(f"There is no engine {engine!r}; take one of {', '.join(ENGINES)}.")
    shards = Shards(folder or workspace.cache_dir)
    shards.folder.mkdir(parents=True, exist_ok=True)
    _stamp(shards.folder / "made-with.json", workspace, dataset, encoder, settings, sae, only)
    for leftover in shards.folder.glob("*.part"):
        leftover.unlink()
    records = (record for record in dataset.records() if only is None or record.patient_id in only)
    todo = _open(shards, records, settings.shard, progress)
    job = Job(
        workspace.manifest.dataset,
        encoder.preprocessing,
        workspace.root.resolve(),
        settings.keep_thumbs,
        settings.keep_pictures,
        settings.memory,
        settings.markers,
    )
    if engine == "ray":
        from saerad_core.harvest.ray_engine import run_ray

        done = run_ray(shards, todo, job, encoder, settings, sae, workspace.sae_dir)
    else:
        done = run_local(shards, todo, job, encoder, settings, sae)
    for n in done:
        progress.advance(n)
    refused = shards.refused()
    for one in refused[:5]:
        logger.warning("%s is left out: %s", one["image_id"], one["why"])
    return shards


def _open(shards: Shards, records: Iterator[Record], size: int, progress: Progress) -> Iterator[Chunk]:
    """The chunks that have yet to be done; those of sealed and undamaged shards are passed over."""
    number = -1
    for number, chunk in enumerate(batched(records, size)):
        seal = shards.seal(number)
        if seal is not None:
            if seal["listing"] != listing_hash(chunk):
                raise WorkspaceError(
                    f"{shards.folder} holds an unfinished build of another listing; delete that folder to begin again, "
                    "or restore the dataset's listing."
                )
            if shards.is_whole(number):
                progress.advance(len(chunk))
                continue
            logger.warning("Shard %d is damaged; it is made again.", number)
        yield number, chunk
    for extra in shards.numbers():
        if extra > number:
            raise WorkspaceError(f"{shards.folder} holds more shards than this listing has; delete that folder.")


def _stamp(
    path: Path,
    workspace: Workspace,
    dataset: Dataset,
    encoder: Encoder,
    settings: HarvestSettings,
    sae: Sae | None,
    only: set[str] | None,
) -> None:
    """Write down what the shards are made with, or refuse to go on with something else."""
    now = {
        "model": encoder.fingerprint,
        "preprocessing": asdict(encoder.preprocessing),
        "precision": encoder.precision,
        # Processors of another kind round differently.
        "device": encoder.device.partition(":")[0],
        "dataset": workspace.manifest.dataset.model_dump(),
        "listing": len(dataset),
        "patients": None if only is None else hashlib.sha256("\n".join(sorted(only)).encode()).hexdigest(),
        "settings": {name: value for name, value in asdict(settings).items() if name not in NO_MATTER},
        "format": FORMAT,
        "sae": None if sae is None else _sae_hash(sae),
    }
    now = json.loads(json.dumps(now))
    if path.exists():
        try:
            before = json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            before = {}
        other = [name for name in now if before.get(name) != now[name]]
        if other:
            raise WorkspaceError(
                f"{path.parent} holds an unfinished build with another {' and '.join(other)}; delete that folder to "
                "begin again, or go on with what it was begun with."
            )
        return
    part = path.with_suffix(".stamp.part")
    part.write_text(json.dumps(now), encoding="utf-8")
    part.replace(path)


def _sae_hash(sae: Sae) -> str:
    digest = hashlib.sha256()
    for name, value in sorted(sae.state_dict().items()):
        digest.update(name.encode() + value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
