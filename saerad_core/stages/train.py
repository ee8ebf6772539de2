"""Train the workspace's own SAE on the embeddings of its training patients."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from saerad_core.errors import WorkspaceError
from saerad_core.progress import Progress
from saerad_core.sae.base import Sae
from saerad_core.sae.config import SaeConfig
from saerad_core.sae.files import save
from saerad_core.sae.train import train
from saerad_core.stages.encode import Shards
from saerad_core.workspace import Workspace

FEWEST = 20
"""X-rays that the training split needs before an SAE on it can mean anything."""


def tokens_of_split(shards: Shards, splits: np.ndarray, split: str, name: str, folder: Path) -> np.ndarray:
    """Tokens of one split as a memory-mapped [n, d] float16 array in ``folder``; patches don't fit in memory."""
    wanted = splits == split
    chunks, row, count = [], 0, 0
    for block in shards.each(name):
        keep = wanted[row : row + len(block)]
        row += len(block)
        chunks.append(keep)
        count += int(keep.sum()) * block.shape[1]
    width = next(shards.each(name)).shape[2]
    out = np.lib.format.open_memmap(folder / f"{split}.npy", mode="w+", dtype=np.float16, shape=(count, width))
    at = 0
    for block, keep in zip(shards.each(name), chunks, strict=True):
        flat = block[keep].reshape(-1, width)
        out[at : at + len(flat)] = flat
        at += len(flat)
    return out


def train_sae(workspace: Workspace, shards: Shards, config: SaeConfig, progress: Progress) -> Sae:
    """Train on the training split, stop early on the validation split, write sae/ and sae/training.json.

    Raises:
        WorkspaceError: too few training X-rays.
    """
    splits = shards.records()["split"].to_numpy()
    n = int((splits == "train").sum())
    if n < FEWEST or not (splits == "validate").any():
        raise WorkspaceError(
            f"Only {n} X-rays are in the training split (and {int((splits == 'validate').sum())} in validation); "
            f"give at least {FEWEST} and 1, of different patients."
        )
    name = "patches" if config.tokens == "patch" else "tokens"
    with TemporaryDirectory(dir=workspace.cache_dir) as folder:
        training = tokens_of_split(shards, splits, "train", name, Path(folder))
        validation = tokens_of_split(shards, splits, "validate", name, Path(folder))
        trained = train(training, validation, config, progress)
    save(trained.sae, workspace.sae_dir)
    record = {"config": asdict(config), "best_step": trained.best_step, "log": trained.log}
    (workspace.sae_dir / "training.json").write_text(json.dumps(record, default=float), encoding="utf-8")
    return trained.sae
