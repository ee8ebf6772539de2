"""Train the workspace's own SAE on the embeddings of its training patients."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import torch

from saerad_core.errors import WorkspaceError
from saerad_core.harvest.shards import Shards
from saerad_core.progress import Progress
from saerad_core.sae.base import Sae
from saerad_core.sae.config import SaeConfig
from saerad_core.sae.files import save
from saerad_core.sae.metrics import explained_variance, pca_explained_variance
from saerad_core.sae.sparse.encode import TokenEncoder, strongest
from saerad_core.sae.train import Trained, train
from saerad_core.sae.train import sweep as sweep_rates
from saerad_core.store.activations import ActivationStore
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


def train_sae(
    workspace: Workspace,
    shards: Shards,
    config: SaeConfig,
    progress: Progress,
    *,
    sweep: bool = False,
    device: str = "cpu",
) -> Sae:
    """Train on the training split, stop early on the validation split, write sae/, sae/training.json and sae/runs/.

    A killed training goes on where it last looked at the validation patients.

    Args:
        workspace: where to.
        shards: of the encode stage.
        config: see SaeConfig.
        progress: told of every step.
        sweep: try a few learning rates first.
        device: where to train.

    Raises:
        WorkspaceError: too few training X-rays.
        TrainingError: training ran away.
    """
    splits = shards.splits()
    name = "patches" if config.tokens == "patch" else "tokens"
    _enough(splits)
    with TemporaryDirectory(dir=workspace.cache_dir) as folder:
        training = tokens_of_split(shards, splits, "train", name, Path(folder))
        validation = tokens_of_split(shards, splits, "validate", name, Path(folder))
        trained = train_run(training, validation, config, progress, workspace, "build", sweep=sweep, device=device)
    write_trained(trained, workspace.sae_dir)
    return trained.sae


class Candidate(NamedTuple):
    """A dictionary trained beside the workspace's own, and its figures on the test patients."""

    folder: Path
    sae: Sae
    figures: dict[str, float]


def train_candidate(
    workspace: Workspace, config: SaeConfig, progress: Progress, *, sweep: bool = True, device: str = "cpu"
) -> Candidate:
    """Train another dictionary on the tokens that a finished workspace keeps (tokens.npy), into candidates/.

    The workspace's own SAE, codes and descriptions stay as they are.

    Raises:
        WorkspaceError: the workspace keeps no tokens, or too few X-rays.
        TrainingError: training ran away.
    """
    if not workspace.tokens.exists():
        raise WorkspaceError(f"{workspace.root} keeps no tokens to train on; build it again with this version.")
    tokens = np.load(workspace.tokens, mmap_mode="r")
    splits = ActivationStore(workspace.activations_db).images().sort_values("row")["split"].to_numpy().astype(str)
    _enough(splits)

    def of(split: str) -> np.ndarray:
        return np.asarray(tokens[splits == split]).reshape(-1, tokens.shape[2])

    label = label_of(config)
    training = of("train")
    trained = train_run(training, of("validate"), config, progress, workspace, label, sweep=sweep, device=device)
    folder = workspace.candidates_dir / label
    write_trained(trained, folder)
    unseen = torch.from_numpy((of("test") if (splits == "test").any() else of("validate")).astype(np.float32))
    known = torch.from_numpy(training.astype(np.float32))
    encoder = TokenEncoder(trained.sae)
    codes = encoder.find(unseen)
    explained = explained_variance(unseen, encoder.rebuild(codes), known.mean(0))
    fires = strongest(encoder.find(known), 1, config.d_sae).frequencies(np.ones(len(known), bool)) > 0
    components = round(config.target_l0 or config.k)
    figures = {
        "explained_variance": explained,
        "pca_explained_variance": pca_explained_variance(known, unseen, components),
        "l0": float(codes.active.mean()),
        "dead_share": float(1 - fires.mean()),
        "lr": trained.sae.config.lr,
        "best_step": trained.best_step,
    }
    return Candidate(folder, trained.sae, figures)


def _enough(splits: np.ndarray) -> None:
    n, others = int((splits == "train").sum()), int((splits == "validate").sum())
    if n < FEWEST or not others:
        raise WorkspaceError(
            f"Only {n} X-rays are in the training split (and {others} in validation); "
            f"give at least {FEWEST} and 1, of different patients."
        )


def label_of(config: SaeConfig) -> str:
    """Name of a candidate's folder and run."""
    mean = "-mean" if config.pool == "mean" else ""
    return f"{config.architecture}-{config.d_sae}-{config.tokens}{mean}-k{config.target_l0 or config.k:g}-{config.seed}"


def train_run(
    training: np.ndarray,
    validation: np.ndarray,
    config: SaeConfig,
    progress: Progress,
    workspace: Workspace,
    label: str,
    *,
    sweep: bool,
    device: str = "cpu",
) -> Trained:
    """Train with the course in sae/runs/``label``.jsonl; a killed training goes on where it last looked at the validation patients."""
    runs = workspace.runs_dir
    if sweep:
        config = sweep_rates(training, validation, config, progress, log=runs / f"{label}-sweep", device=device)
    # Other settings, another checkpoint: one that is left over from a killed build with other settings is passed over.
    key = hashlib.sha256(json.dumps(asdict(config)).encode()).hexdigest()[:12]
    workspace.cache_dir.mkdir(exist_ok=True)
    resume = workspace.cache_dir / f"sae-{key}.safetensors"
    path = runs / f"{label}.jsonl"
    if not resume.exists():
        path.unlink(missing_ok=True)
    return train(training, validation, config, progress, log=path, resume=resume, device=device)


def write_trained(trained: Trained, folder: Path) -> None:
    """The dictionary and the record of its training."""
    save(trained.sae, folder)
    record = {"config": asdict(trained.sae.config), "best_step": trained.best_step, "log": trained.log}
    (folder / "training.json").write_text(json.dumps(record, default=float), encoding="utf-8")
