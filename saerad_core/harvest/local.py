"""Harvest on one machine: decoding processes ahead of one encoder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice

from saerad_core.datasets import Record
from saerad_core.encoder import Encoder
from saerad_core.harvest.embed import arrays_of
from saerad_core.harvest.pool import DecodePool
from saerad_core.harvest.settings import HarvestSettings
from saerad_core.harvest.shards import Shards, listing_hash
from saerad_core.harvest.worker import Job
from saerad_core.sae.base import Sae
from saerad_core.sae.image_code import ImageReader

Chunk = tuple[int, list[Record]]
"""A shard's number and its records as they are listed."""


def run_local(
    shards: Shards, chunks: Iterable[Chunk], job: Job, encoder: Encoder, settings: HarvestSettings, sae: Sae | None
) -> Iterator[int]:
    """Write the shards of ``chunks``; yields the X-rays of each as it is done."""
    with DecodePool(job, settings.workers, settings.seconds) as pool:
        yield from run_with(pool, shards, chunks, encoder, settings, sae)


def run_with(
    pool: DecodePool,
    shards: Shards,
    chunks: Iterable[Chunk],
    encoder: Encoder,
    settings: HarvestSettings,
    sae: Sae | None,
) -> Iterator[int]:
    """The same by decoders that may have been started before."""
    reader = None if sae is None else ImageReader(sae.to(encoder.device), settings.tokens)
    # The metadata of what is being decoded; records are read no further ahead than pixels are.
    under_way: list[Chunk] = []

    def listed() -> Iterator[Record]:
        for chunk in chunks:
            under_way.append(chunk)
            yield from chunk[1]

    ahead = max(2 * settings.batch, 2 * settings.workers)
    with ThreadPoolExecutor(1) as writer:
        decoded = pool.map(listed(), ahead)
        written: Future[None] | None = None
        while (first := next(decoded, None)) is not None:
            number, records = under_way.pop(0)
            loaded = [first, *islice(decoded, len(records) - 1)]
            good = [(record, one) for record, one in loaded if not isinstance(one, str)]
            refused = [{"image_id": r.image_id, "why": why} for r, why in loaded if isinstance(why, str)]
            arrays = arrays_of([one for _, one in good], [r.image_id for r, _ in good], encoder, settings, reader)
            if written is not None:
                written.result()
            # One shard is written while the next one is embedded.
            written = writer.submit(shards.write, number, arrays, [r for r, _ in good], refused, listing_hash(records))
            yield len(records)
        if written is not None:
            written.result()
