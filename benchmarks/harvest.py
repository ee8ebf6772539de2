"""X-rays a second of the whole harvest over the bare forward pass on the same tensors, in alternating rounds of one run.

    python -m benchmarks.harvest --json benchmarks/results/harvest.json

The harvest decodes real X-rays (JPEG), preprocesses, encodes and writes sealed shards; thumbnails and pictures are no part
of it. Needs ../shared. With a GPU a random model of RAD-DINO's shape is measured there too.
"""

from __future__ import annotations

import csv
import os
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from benchmarks.common import Results, arguments
from saerad_core.datasets import open_dataset
from saerad_core.encoder import Encoder
from saerad_core.harvest.local import run_with
from saerad_core.harvest.pool import DecodePool
from saerad_core.harvest.settings import HarvestSettings, default_batch, default_workers
from saerad_core.harvest.shards import Shards
from saerad_core.harvest.worker import Job
from saerad_core.workspace import DatasetInfo
from tests.test_encoder import rad_dino_shape

SHARED = Path(__file__).resolve().parents[2] / "shared"
CPU_GOAL = ">= 0.9 on CPU with dinov2-small (224 and 518 px)"
GPU_GOAL = ">= 0.9 on a GPU with RAD-DINO's shape where there is one"


AGREE = 1.25
"""Largest over least ratio of the rounds up to which they say anything: other programs that come and go move them more."""
CREDIBLE = 1.05
"""A harvest holds the forward pass and can't be faster than it; a higher ratio is the machine's noise."""


@dataclass
class Rates:
    """Medians over the rounds."""

    ratio: float
    """Of the harvest's rate over the bare one of the same round."""
    least: float
    """Ratio of a round."""
    greatest: float
    """Ratio of a round."""
    harvest: float
    """X-rays/s."""
    bare: float
    """X-rays/s."""
    decode: float
    """Seconds of processor time to decode an X-ray and make its square."""
    work: float
    """Processor time of the bare pass over that of the harvest, decoders among it: the ratio that cores which nothing
    else wants would allow where all of them are busy throughout."""


def measure(encoder: Encoder, count: int, rounds: int, folder: Path) -> Rates:
    """Both in turn over the same ``count`` X-rays, in batches and shards of the same size."""
    source = SHARED / "cxr" / "nih"
    listing = folder / f"listing{count}.csv"
    with (source / "metadata.csv").open() as file, listing.open("w", newline="") as out:
        rows = list(csv.DictReader(file))
        writer = csv.DictWriter(out, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows[:count])
    info = DatasetInfo(kind="folder", options={"images": str(source), "metadata": str(listing)})
    dataset = open_dataset(info)
    records = list(dataset.records())
    assert len(records) == count
    batch = default_batch(encoder.device)
    settings = HarvestSettings(
        tokens="cls", shard=batch, batch=batch, workers=default_workers(encoder.device), keep_thumbs=False
    )
    began = time.process_time()
    squares = np.stack([encoder.preprocessing.square(dataset.pixels(record)) for record in records])
    decode = (time.process_time() - began) / count
    tensors = [encoder.normalise(squares[at : at + batch]) for at in range(0, count, batch)]
    chunks = [(i, records[at : at + batch]) for i, at in enumerate(range(0, count, batch))]
    found: dict[str, list[float]] = {"harvest": [], "bare": []}
    spent: dict[str, list[float]] = {"harvest": [], "bare": []}

    def bare() -> None:
        for tensor in tensors:
            encoder.embed(tensor).cls.cpu()

    with DecodePool(Job(info, encoder.preprocessing, None, markers=True), settings.workers) as pool:

        def harvest() -> None:
            out = folder / f"shards-{encoder.image_size}-{len(found['harvest'])}-{time.monotonic_ns()}"
            out.mkdir()
            done = sum(run_with(pool, Shards(out), chunks, encoder, settings, None))
            assert done == count and len(Shards(out)) == count

        # Decoders that start and a first forward pass are no part of a rate that holds for hours.
        harvest()
        assert len(pool.pids) == settings.workers
        both = {"harvest": harvest, "bare": bare}
        for number in range(rounds):
            # Each goes first in every other round.
            for name in list(both)[:: 1 if number % 2 else -1]:
                began, worked = time.perf_counter(), _processor_seconds(pool.pids)
                both[name]()
                found[name].append(count / (time.perf_counter() - began))
                spent[name].append(_processor_seconds(pool.pids) - worked)
    ratios = [one / other for one, other in zip(found["harvest"], found["bare"], strict=True)]
    print("ratios of the rounds:", ", ".join(f"{one:.3f}" for one in ratios), flush=True)
    median = {name: float(np.median(values)) for name, values in found.items()}
    work = float(np.median(spent["bare"]) / np.median(spent["harvest"]))
    return Rates(float(np.median(ratios)), min(ratios), max(ratios), median["harvest"], median["bare"], decode, work)


def _processor_seconds(pids: list[int]) -> float:
    """Of this process and of ``pids``, user and system."""
    total = time.process_time()
    for pid in pids:
        # The name may hold spaces; what follows its bracket does not. Fields 14 and 15 of proc(5).
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return total


def report(results: Results, rates: Rates, name: str, goal: str) -> None:
    """The rows of one encoder."""
    what = "from the first batch asked of decoders that have started to the last sealed shard"
    quiet = rates.ratio <= CREDIBLE and rates.greatest <= AGREE * rates.least
    # Rounds that don't agree are no verdict, whichever side of the goal their median is on.
    met = rates.ratio >= 0.9 if quiet else None
    results.add(f"harvest ({what}) over bare forward, {name}", rates.ratio, "ratio", goal, met)
    results.add(f"least ratio of a round, {name}", rates.least, "ratio")
    results.add(f"greatest ratio of a round, {name}", rates.greatest, "ratio")
    results.add(f"harvest, {name}", rates.harvest, "X-rays/s")
    results.add(f"bare forward, {name}", rates.bare, "X-rays/s")
    results.add(f"processor time of bare forward over that of the harvest, {name}", rates.work, "ratio")
    results.add(f"decode and resize, {name}", rates.decode * 1000, "ms of processor time")


def main() -> None:
    args = arguments(__doc__).parse_args()
    results = Results()
    rounds = 1 if args.quick else 3
    results.add("processes that want a core, at the start", os.getloadavg()[0], "1 min mean")
    results.add("threads of the encoder", torch.get_num_threads(), "threads")
    with TemporaryDirectory() as name:
        folder = Path(name)
        for size, count in ((224, 32 if args.quick else 256), (518, 16 if args.quick else 32)):
            encoder = Encoder.load(SHARED / "models" / "dinov2-small", device="cpu", image_size=size)
            what = f"{size} px, {encoder.precision}, {count} JPEG files"
            report(results, measure(encoder, count, rounds, folder), what, CPU_GOAL)
            results.write(args.json)
        if torch.cuda.is_available():
            (folder / "rad").mkdir()
            encoder = Encoder.load(rad_dino_shape(folder / "rad"), device="cuda")
            report(results, measure(encoder, 512, rounds, folder), "RAD-DINO's shape, GPU", GPU_GOAL)
    results.add("processes that want a core, at the end", os.getloadavg()[0], "1 min mean")
    results.write(args.json)


if __name__ == "__main__":
    main()
