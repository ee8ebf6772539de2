"""Decode every X-ray, keep its thumbnail, and embed it; shard by shard, so that a killed run goes on."""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd
import torch

from saerad_core.datasets import Dataset, Record, open_dataset
from saerad_core.encoder import Encoder, pooled
from saerad_core.errors import ImageRefused
from saerad_core.images.pictures import picture, thumbnail
from saerad_core.progress import Progress
from saerad_core.sae.base import Sae
from saerad_core.sae.image_code import image_code
from saerad_core.workspace import DatasetInfo, Workspace

T = TypeVar("T")

SHARD = 32
"""X-rays a shard: what an interrupted build repeats, a few seconds of work."""
SAMPLED_PATCHES = 16
"""Patch tokens of each X-ray kept for measuring the SAE."""


@dataclass
class EncodeSettings:
    """How X-rays become embeddings."""

    tokens: str = "cls"
    """cls or patch: which tokens the SAE sees."""
    workers: int = 2
    """Processes that decode (or draw) while the encoder works."""
    keep_pictures: bool = True
    """Write the 512 px pictures now; a simulated X-ray is drawn again when it is looked at."""


def batched(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """``items`` in lists of ``size``, the last one shorter."""
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


class Shards:
    """The finished shards of a build, in order."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def paths(self) -> list[Path]:
        return sorted(self.folder.glob("shard-*.npz"))

    def path(self, number: int) -> Path:
        return self.folder / f"shard-{number:06d}.npz"

    def array(self, name: str) -> np.ndarray:
        """``name`` of every shard, concatenated along the first axis."""
        return np.concatenate(list(self.each(name)))

    def each(self, name: str) -> Iterator[np.ndarray]:
        """``name`` of one shard after another."""
        for path in self.paths():
            with np.load(path) as shard:
                # A shard whose every file was refused holds no arrays.
                if name in shard:
                    yield shard[name]

    def records(self) -> pd.DataFrame:
        """Metadata of every embedded X-ray; the row number is its place in every array."""
        rows = [
            json.loads(line)
            for path in self.paths()
            for line in path.with_suffix(".jsonl").read_text(encoding="utf-8").splitlines()
        ]
        return pd.DataFrame(rows)

    def refused(self) -> list[dict]:
        """Files that could not be used, each with the sentence that says why."""
        found = []
        for path in self.paths():
            skipped = path.with_suffix(".refused.json")
            if skipped.exists():
                found += json.loads(skipped.read_text(encoding="utf-8"))
        return found


_dataset: Dataset | None = None
_workspace: Workspace | None = None
_keep_pictures = True


def _begin(info: DatasetInfo, root: Path, keep_pictures: bool) -> None:
    global _dataset, _workspace, _keep_pictures
    torch.set_num_threads(1)
    _dataset, _workspace, _keep_pictures = open_dataset(info), Workspace.open(root), keep_pictures


def _load(record: Record) -> tuple[Record, np.ndarray | str]:
    """Pixels of a record, or the sentence that refuses it; thumbnail and picture are written here."""
    assert _dataset is not None and _workspace is not None
    try:
        pixels = _dataset.pixels(record)
    except ImageRefused as refusal:
        return record, str(refusal)
    _write(_workspace.thumb(record.image_id), thumbnail(pixels))
    if _keep_pictures:
        _write(_workspace.picture(record.image_id), picture(pixels))
    return record, pixels


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(exist_ok=True)
    part = path.with_suffix(".part")
    part.write_bytes(data)
    part.replace(path)


def _as_row(record: Record) -> dict:
    row = {
        name: getattr(record, name)
        for name in (
            "image_id", "study_id", "patient_id", "split", "view", "sex", "age", "indication", "findings", "impression", "path",
        )
    }  # fmt: skip
    row["labels"] = list(record.labels)
    row["facts"] = None if record.facts is None else [statement._asdict() for statement in record.facts]
    return row


def encode(
    workspace: Workspace,
    dataset: Dataset,
    encoder: Encoder,
    settings: EncodeSettings,
    sae: Sae | None,
    progress: Progress,
) -> Shards:
    """Embed every record of ``dataset`` into shards under the workspace's cache.

    A shard holds pooled [n, d'] (what FAISS searches), tokens [n, t, d] (CLS, or sampled patches: what the SAE is
    measured on), and either codes [n, m] where ``sae`` is given, or patches [n, P, d] where the SAE has yet to be
    trained on patch tokens. All are float16.

    Args:
        workspace: where to.
        dataset: what; records come in a fixed order.
        encoder: with what.
        settings: see EncodeSettings.
        sae: a dictionary trained ahead, or None.
        progress: told of every X-ray.
    """
    shards = Shards(workspace.cache_dir)
    shards.folder.mkdir(parents=True, exist_ok=True)
    stamp = shards.folder / "made-with.json"
    made_with = json.dumps(
        [encoder.fingerprint, settings.tokens, workspace.manifest.dataset.model_dump(), SHARD, sae is None]
    )
    if stamp.exists() and stamp.read_text(encoding="utf-8") != made_with:
        for path in shards.folder.glob("shard-*"):
            path.unlink()
    stamp.write_text(made_with, encoding="utf-8")

    done = len(shards.paths())
    progress.advance(min(done * SHARD, len(dataset)))
    todo = islice(dataset.records(), done * SHARD, None)
    context = multiprocessing.get_context("spawn")
    arguments = (workspace.manifest.dataset, workspace.root, settings.keep_pictures)
    with context.Pool(settings.workers, _begin, arguments) as pool:
        # A bounded window: imap alone would read the whole dataset's metadata and pixels ahead of the encoder.
        pending = _windowed(pool, todo, ahead=SHARD)
        for number, loaded in enumerate(batched(pending, SHARD), start=done):
            _encode_shard(shards.path(number), loaded, encoder, settings, sae)
            progress.advance(len(loaded))
    return shards


def _windowed(pool, records: Iterator[Record], ahead: int) -> Iterator[tuple[Record, np.ndarray | str]]:  # noqa: ANN001
    waiting = [pool.apply_async(_load, (record,)) for record in islice(records, ahead)]
    while waiting:
        yield waiting.pop(0).get()
        waiting += [pool.apply_async(_load, (record,)) for record in islice(records, 1)]


def _encode_shard(
    path: Path, loaded: list, encoder: Encoder, settings: EncodeSettings, sae: Sae | None
) -> None:  # fmt: skip
    good = [(record, pixels) for record, pixels in loaded if not isinstance(pixels, str)]
    refused = [{"image_id": r.image_id, "why": why} for r, why in loaded if isinstance(why, str)]
    arrays: dict[str, np.ndarray] = {}
    parts = [_embed([pixels for _, pixels in some], encoder, settings, sae) for some in batched(good, 16)]
    for name in parts[0] if parts else ():
        arrays[name] = np.concatenate([part[name] for part in parts])
    path.with_suffix(".jsonl").write_text(
        "".join(json.dumps(_as_row(record)) + "\n" for record, _ in good), encoding="utf-8"
    )
    if refused:
        path.with_suffix(".refused.json").write_text(json.dumps(refused), encoding="utf-8")
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]
    part.replace(path)


@torch.no_grad()
def _embed(
    pixels: list[np.ndarray], encoder: Encoder, settings: EncodeSettings, sae: Sae | None
) -> dict[str, np.ndarray]:
    embedded = encoder.embed(encoder.preprocess(pixels), patches=True)
    assert embedded.patches is not None
    if settings.tokens == "patch":
        # The same patches of every X-ray, spread over the grid, so that a rerun measures the same tokens.
        spread = np.random.default_rng(0).permutation(embedded.patches.shape[1])[:SAMPLED_PATCHES]
        tokens = embedded.patches[:, torch.from_numpy(np.sort(spread))]
    else:
        tokens = embedded.cls[:, None]
    arrays = {"pooled": pooled(embedded), "tokens": tokens}
    if sae is not None:
        arrays["codes"] = image_code(sae, embedded, settings.tokens)
    elif settings.tokens == "patch":
        arrays["patches"] = embedded.patches
    return {name: np.asarray(value.cpu(), dtype=np.float16) for name, value in arrays.items()}
