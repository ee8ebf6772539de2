"""X-rays a second of the whole harvest over the bare forward pass on the same tensors, in turn, in one run.

    python -m benchmarks.harvest --json benchmarks/results/harvest.json

The harvest decodes real X-rays (JPEG), preprocesses, encodes and writes sealed shards; thumbnails and pictures are no part
of it. Needs ../shared. With a GPU a random model of RAD-DINO's shape is measured there too.
"""

from __future__ import annotations

import csv
import json
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from benchmarks.common import Results, arguments
from saerad_core.datasets import open_dataset
from saerad_core.encoder import Encoder
from saerad_core.harvest.local import run_local
from saerad_core.harvest.settings import HarvestSettings, default_batch, default_workers
from saerad_core.harvest.shards import Shards
from saerad_core.harvest.worker import Job
from saerad_core.workspace import DatasetInfo

SHARED = Path(__file__).resolve().parents[2] / "shared"
CPU_GOAL = ">= 0.9 on CPU with dinov2-small (224 and 518 px)"
GPU_GOAL = ">= 0.9 on a GPU with RAD-DINO's shape where there is one"


def rad_dino_shape(folder: Path) -> Path:
    """A random model of RAD-DINO's shape on disk."""
    from safetensors.torch import save_file
    from transformers import Dinov2Config, Dinov2Model

    config = Dinov2Config(hidden_size=768, num_hidden_layers=12, num_attention_heads=12, image_size=518, patch_size=14)
    state = {name: value.contiguous() for name, value in Dinov2Model(config).state_dict().items()}
    save_file(state, folder / "model.safetensors", {"format": "pt"})
    (folder / "config.json").write_text(config.to_json_string())
    how = {"size": {"shortest_edge": 518}, "crop_size": {"height": 518, "width": 518}, "resample": 3}
    how |= {"image_mean": [0.5307] * 3, "image_std": [0.2583] * 3}
    (folder / "preprocessor_config.json").write_text(json.dumps(how))
    return folder


def measure(encoder: Encoder, count: int, rounds: int, folder: Path) -> tuple[float, float, float]:
    """(median ratio, X-rays/s of the harvest, X-rays/s bare) over ``rounds`` of both in turn."""
    source = SHARED / "cxr" / "nih"
    listing = folder / f"listing{count}.csv"
    with (source / "metadata.csv").open() as file, listing.open("w", newline="") as out:
        rows = list(csv.DictReader(file))
        writer = csv.DictWriter(out, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows[:count])
    root = source / "images" if not (source / rows[0]["file"]).exists() else source
    info = DatasetInfo(kind="folder", options={"images": str(root), "metadata": str(listing)})
    dataset = open_dataset(info)
    records = list(dataset.records())
    batch = default_batch(encoder.device)
    settings = HarvestSettings(
        tokens="cls", shard=2 * batch, batch=batch, workers=default_workers(encoder.device), keep_thumbs=False
    )
    job = Job(info, encoder.preprocessing, None)
    squares = np.stack([encoder.preprocessing.square(dataset.pixels(record)) for record in records[:batch]])
    tensor = encoder.normalise(squares)
    encoder.embed(tensor).cls.cpu()
    ratios, fast, bare = [], [], []
    for number in range(rounds):
        began = time.perf_counter()
        for _ in range(max(1, count // batch)):
            encoder.embed(tensor).cls.cpu()
        bare.append(max(1, count // batch) * batch / (time.perf_counter() - began))
        chunks = [(i, records[at : at + settings.shard]) for i, at in enumerate(range(0, count, settings.shard))]
        out = folder / f"shards-{count}-{number}-{encoder.image_size}"
        out.mkdir()
        stream = run_local(Shards(out), chunks, job, encoder, settings, None)
        # Decoders that start are no part of a rate that holds for hours: the clock runs from the first shard on.
        first = next(stream)
        began = time.perf_counter()
        rest = sum(stream)
        fast.append(rest / (time.perf_counter() - began))
        assert first + rest == count and len(Shards(out)) == count
        ratios.append(fast[-1] / bare[-1])
    return float(np.median(ratios)), float(np.median(fast)), float(np.median(bare))


def main() -> None:
    args = arguments(__doc__).parse_args()
    results = Results()
    rounds = 1 if args.quick else 3
    with TemporaryDirectory() as name:
        folder = Path(name)
        for size, count in ((224, 64 if args.quick else 320), (518, 64 if args.quick else 128)):
            encoder = Encoder.load(SHARED / "models" / "dinov2-small", device="cpu", image_size=size)
            ratio, fast, bare = measure(encoder, count, rounds, folder)
            results.add(
                f"harvest over bare forward, {size} px, {encoder.precision}", ratio, "ratio", CPU_GOAL, ratio >= 0.9
            )
            results.add(f"harvest, {size} px", fast, "X-rays/s")
            results.add(f"bare forward, {size} px", bare, "X-rays/s")
        if torch.cuda.is_available():
            (folder / "rad").mkdir()
            encoder = Encoder.load(rad_dino_shape(folder / "rad"), device="cuda")
            ratio, fast, bare = measure(encoder, 512, rounds, folder)
            results.add("harvest over bare forward, RAD-DINO's shape, GPU", ratio, "ratio", GPU_GOAL, ratio >= 0.9)
            results.add("harvest, GPU", fast, "X-rays/s")
            results.add("bare forward, GPU", bare, "X-rays/s")
    results.write(args.json)


if __name__ == "__main__":
    main()
