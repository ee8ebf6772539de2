"""A build's stages after the harvest on made-up codes of a large set: peak memory and time, and what they make of MIMIC-CXR.

    python -m benchmarks.scale_build --json benchmarks/results/scale_build.json

The shards hold what a codes-only pass of the harvest leaves: codes of made-up features, some of which go with findings that
the made-up reports state. Memory is the peak of what the process holds itself (RssAnon, read every 20 ms); mapped files come
on top and are given back when something else needs the room. Nothing here says anything about how good a build is.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from benchmarks.common import Results, arguments
from saerad_core.datasets.base import Record
from saerad_core.descriptions.realise import realise
from saerad_core.harvest.shards import Shards
from saerad_core.progress import Silent
from saerad_core.sae.config import SaeConfig
from saerad_core.sae.topk import TopKSae
from saerad_core.stages import describe as stage
from saerad_core.stages.activate import activate
from saerad_core.vocabulary import Statement
from saerad_core.workspace import DatasetInfo, EncoderInfo, Workspace

SHARD = 256
FINDINGS = ("cardiomegaly", "consolidation", "pleural_effusion", "pneumothorax", "interstitial_oedema", "atelectasis")
"""What the made-up reports state."""
PLANTED = 20
"""Features that go with each finding."""
MIMIC = 377_110
"""X-rays of MIMIC-CXR."""


def make(folder: Path, images: int, features: int, entries: int, d: int, seed: int = 0) -> tuple[Workspace, Shards]:
    """A workspace whose cache holds sealed shards of ``images`` made-up X-rays with about ``entries`` codes each."""
    workspace = Workspace.create(folder, DatasetInfo(kind="folder", title="made up"), EncoderInfo(id="made up", d=d))
    shards, rng = Shards(workspace.cache_dir), np.random.default_rng(seed)
    workspace.cache_dir.mkdir(exist_ok=True)
    odds = np.arange(1, features + 1) ** -0.6
    cumulative = np.cumsum(odds / odds.sum())
    for number, first in enumerate(range(0, images, SHARD)):
        n = min(SHARD, images - first)
        shown = rng.random((n, len(FINDINGS))) < 0.12
        ids = np.searchsorted(cumulative, rng.random((n, entries))).clip(0, features - 1)
        values = rng.gamma(2.0, 1.0, (n, entries))
        planted = features // 2 + np.arange(len(FINDINGS) * PLANTED).reshape(len(FINDINGS), PLANTED)
        rows, counts, kept, strong = [], np.zeros(n, np.int32), [], []
        for row in range(n):
            extra = planted[shown[row]][rng.random((int(shown[row].sum()), PLANTED)) < 0.5]
            own = np.concatenate([extra, ids[row]])
            unique, place = np.unique(own, return_index=True)
            kept.append(unique.astype(np.int32))
            strong.append(np.concatenate([rng.lognormal(1, 1, len(extra)), values[row]])[place].astype(np.float16))
            counts[row] = len(unique)
            patient = (first + row) // 3
            present = [Statement(FINDINGS[i]) for i in np.flatnonzero(shown[row])]
            absent = [Statement(FINDINGS[i], present=False) for i in np.flatnonzero(~shown[row])]
            name, split = f"x{first + row}", ("train",) * 7 + ("validate", "test", "test")
            rows.append(
                Record(name, f"s{first + row}", f"p{patient}", split[patient % 10], "PA", "F", 60,
                       tuple(one.finding for one in present), "", " ".join(map(realise, present + absent)))
            )  # fmt: skip
        arrays = {
            "pooled": rng.standard_normal((n, 2 * d)).astype(np.float16),
            "tokens": rng.standard_normal((n, 4, d)).astype(np.float16),
            "code_counts": counts,
            "code_features": np.concatenate(kept),
            "code_values": np.concatenate(strong),
            "error": np.ones((n, 2), np.float32),
        }
        shards.write(number, arrays, rows, [], "made up")
    return workspace, shards


@contextmanager
def peak() -> Iterator[Callable[[], float]]:
    """Gives a function that tells the most MB that this process has held itself within the block."""
    most, stop = [0.0], threading.Event()

    def watch() -> None:
        while not stop.is_set():
            most[0] = max(most[0], _held())
            stop.wait(0.02)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield lambda: max(most[0], _held())
    finally:
        stop.set()
        thread.join()


def _held() -> float:
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) / 1000


def run(folder: Path, images: int, features: int, entries: int, d: int, results: Results) -> float:
    """Build, and add the figures; returns the peak in MB above what the process held before."""
    workspace, shards = make(folder / "made-up", images, features, entries, d)
    sae = TopKSae(SaeConfig(d, features, k=15))
    with torch.no_grad():
        sae.W_dec.normal_(generator=torch.Generator().manual_seed(0))
        sae.normalise()
        sae.tie()
    before = _held()
    dense = images * features * 2 / 1e6
    results.add("X-rays", images, "")
    results.add("features", features, "")
    results.add("dense float16 array of the codes, for comparison", dense, "MB")
    seconds: dict[str, float] = {}
    timed = {
        name: getattr(stage, name)
        for name in ("read_reports", "describe", "fit_evidence", "feature_table", "build_store")
    }

    def watched(name: str) -> Callable:
        def call(*args, **kwargs):  # noqa: ANN202
            began = time.perf_counter()
            found = timed[name](*args, **kwargs)
            seconds[name] = time.perf_counter() - began
            return found

        return call

    with peak() as most:
        began = time.perf_counter()
        activated = activate(workspace, shards, sae, "patch", 30, Silent())
        seconds["activate"] = time.perf_counter() - began
        after = most() - before
        results.add("codes kept an X-ray", len(activated.codes.values) / images, "")
        results.add("active features an X-ray", activated.active.nnz / images, "")
        try:
            for name in timed:
                setattr(stage, name, watched(name))
            stage.describe_features(workspace, shards.records(), activated, sae, Silent())
        finally:
            for name, call in timed.items():
                setattr(stage, name, call)
        whole = most() - before
    for name, took in seconds.items():
        results.add(f"seconds of {name}", took, "s")
    results.add("described features", workspace.manifest.counts.described, "")
    results.add("codes/ on disk", sum(f.stat().st_size for f in workspace.codes.iterdir()) / 1e6, "MB")
    results.add("store on disk", workspace.activations_db.stat().st_size / 1e6, "MB")
    results.add("peak memory of activate", after, "MB")
    results.add(
        "peak memory of activate and describe", whole, "MB", "a fifth of the dense array at most", whole < dense / 5
    )
    results.add("the same, as a share of the dense array", whole / dense, "")
    # Nothing but the model's tables grows with features alone, and those are held already: all is taken to grow with X-rays.
    results.add(f"extrapolated to {MIMIC:,} X-rays: peak memory", whole * MIMIC / images / 1000, "GB")
    results.add(
        f"extrapolated to {MIMIC:,} X-rays: activate and describe", sum(seconds.values()) * MIMIC / images / 3600, "h"
    )
    return whole


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--images", type=int, default=60_000)
    parser.add_argument("--features", type=int, default=49_152)
    parser.add_argument(
        "--entries", type=int, default=600, help="codes > 0 drawn for an X-ray; equal ones fall together"
    )
    parser.add_argument("--d", type=int, default=768)
    given = parser.parse_args()
    results = Results()
    with TemporaryDirectory() as folder:
        if given.quick:
            run(Path(folder), 3_000, 8_192, 100, 32, results)
        else:
            run(Path(folder), given.images, given.features, given.entries, given.d, results)
    results.write(given.json)


if __name__ == "__main__":
    main()
