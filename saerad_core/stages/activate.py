"""Codes of every X-ray, the rule for which features count as active, and how good the SAE is on unseen patients."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
import torch
from safetensors.numpy import load_file, save_file

from saerad_core.encoder import Embedded
from saerad_core.harvest.embed import FIRING
from saerad_core.harvest.shards import Shards
from saerad_core.progress import Progress
from saerad_core.sae.active import active_rows, fit_thresholds
from saerad_core.sae.base import Sae
from saerad_core.sae.codes import CodesWriter, SparseCodes, open_codes
from saerad_core.sae.columns import Columns, by_feature
from saerad_core.sae.image_code import ImageReader
from saerad_core.sae.metrics import cosine, explained_variance, pca_explained_variance
from saerad_core.sae.sparse.encode import TokenEncoder
from saerad_core.sae.strongest_patches import Entries, gathered
from saerad_core.sae.strongest_patches import write as write_strongest
from saerad_core.workspace import Workspace

MOST_TOKENS = 60_000
"""Tokens of a split that the SAE's figures and PCA are computed on; more change the third decimal."""

OLD_ROWS = 256
"""X-rays of an earlier version's dense codes read at a time."""


class Activated(NamedTuple):
    """What the stage hands on; rows are X-rays in the order of Shards.records()."""

    codes: SparseCodes
    """[N, m], before the rule."""
    active: Any
    """csr_matrix float32 [N, m], only active features non-zero."""
    thresholds: np.ndarray
    """float32 [m]."""


def activate(
    workspace: Workspace, shards: Shards, sae: Sae, tokens: str, target: float, progress: Progress
) -> Activated:
    """Write codes/, thresholds and embeddings.npy, and fill the manifest's SAE figures."""
    records = shards.records()
    splits = records["split"].to_numpy()
    train = splits == "train"
    error = _write_codes(workspace, shards, sae, tokens, progress)
    codes = open_codes(workspace.codes)
    with by_feature_on_disk(workspace, codes, train) as columns:
        fitted = fit_thresholds(columns, tokens=tokens, pool=sae.config.pool, target=target)
        alive = np.diff(columns.starts) > 0
    matrix = active_rows(codes, fitted.thresholds)

    _save_error(workspace, error)
    for name, path in (("pooled", workspace.embeddings), ("tokens", workspace.tokens)):
        part = path.with_suffix(".part.npy")
        shards.array(name, out=part)
        part.replace(path)
    save_file({"thresholds": fitted.thresholds}, workspace.root / "thresholds.safetensors")

    manifest = workspace.manifest
    manifest.sae.rule = fitted.rule
    manifest.counts.images = len(splits)
    manifest.counts.train_images = int(train.sum())
    manifest.counts.patients = len(set(records["patient_id"]))
    manifest.counts.features = codes.shape[1]
    manifest.counts.alive = int(alive.sum())
    manifest.counts.active_per_image = float(np.diff(matrix.indptr).mean())
    manifest.metrics.dead_share = float(1 - alive.mean())
    _measure(workspace, sae, splits)
    return Activated(codes, matrix, fitted.thresholds)


def load_thresholds(workspace: Workspace) -> np.ndarray:
    """float32 [m]: the active rule of a finished workspace."""
    return load_file(workspace.root / "thresholds.safetensors")["thresholds"]


def load_activated(workspace: Workspace) -> Activated:
    """What an earlier run of the stage made.

    Raises:
        WorkspaceError: the codes are missing, or an earlier version's.
    """
    codes, thresholds = open_codes(workspace.codes), load_thresholds(workspace)
    return Activated(codes, active_rows(codes, thresholds), thresholds)


def upgrade_codes(workspace: Workspace) -> None:
    """Turn what an earlier version wrote, codes.npy float16 [N, m], into codes/: the same codes, X-rays at a time."""
    old = workspace.root / "codes.npy"
    if old.exists() and not workspace.codes.exists():
        dense = np.load(old, mmap_mode="r")
        with CodesWriter(workspace.codes, dense.shape[1]) as writer:
            for first in range(0, len(dense), OLD_ROWS):
                writer.append(SparseCodes.of(dense[first : first + OLD_ROWS]))
    old.unlink(missing_ok=True)


@contextmanager
def by_feature_on_disk(workspace: Workspace, codes: SparseCodes, which: np.ndarray) -> Iterator[Columns]:
    """Codes of some X-rays (bool [N]) by feature, memory-mapped in files that are gone afterwards."""
    workspace.cache_dir.mkdir(exist_ok=True)
    with TemporaryDirectory(dir=workspace.cache_dir) as folder:
        yield by_feature(codes, which, Path(folder))


def _write_codes(workspace: Workspace, shards: Shards, sae: Sae, tokens: str, progress: Progress) -> np.ndarray:
    """Write the codes of all X-rays, and where features fire on their strongest; returns their error, float32 [N, 2]."""
    errors, firing, first = [], [], 0
    side = workspace.manifest.encoder.patch_grid
    with CodesWriter(workspace.codes, sae.config.d_sae) as writer:
        if shards.has("code_counts"):
            names = ("code_counts", "code_features", "code_values")
            for counts, features, values in zip(*map(shards.each, names), strict=True):
                writer.append(SparseCodes(np.r_[0, np.cumsum(counts)], features, values, sae.config.d_sae))
            if tokens == "patch" and shards.has(FIRING[0]):
                entries = gathered(_firing(shards))
                write_strongest(workspace.strongest_patches, entries, sae.config.d_sae, side**2)
            return shards.array("error")
        reader = ImageReader(sae, tokens)
        for block in shards.each("patches" if tokens == "patch" else "tokens"):
            values = torch.from_numpy(block).float()
            embedded = Embedded(cls=values[:, 0], patches=values if tokens == "patch" else None)
            read = reader.read(embedded, keep_patches=tokens == "patch")
            writer.append(read.code)
            if read.patches is not None:
                firing = [gathered([*firing, read.patches._replace(rows=read.patches.rows + np.int32(first))])]
                first += len(block)
            errors.append(read.error)
            progress.advance(len(block))
    if firing:
        write_strongest(workspace.strongest_patches, firing[0], sae.config.d_sae, side**2)
    return np.concatenate(errors)


def _firing(shards: Shards) -> Iterator[Entries]:
    """Where features fire, X-rays counted through all shards."""
    first = 0
    for *parts, counts in zip(*map(shards.each, (*FIRING, "code_counts")), strict=True):
        entries = Entries(*parts)
        yield entries._replace(rows=entries.rows + np.int32(first))
        first += len(counts)


def _save_error(workspace: Workspace, error: np.ndarray) -> None:
    part = workspace.error_file.with_suffix(".part.npy")
    np.save(part, error.astype(np.float32))
    part.replace(workspace.error_file)


def _measure(workspace: Workspace, sae: Sae, splits: np.ndarray) -> None:
    tokens = np.load(workspace.tokens, mmap_mode="r")
    unseen = "test" if (splits == "test").any() else "validate"
    rng = np.random.default_rng(0)

    def of(split: str) -> torch.Tensor:
        rows, each = np.flatnonzero(splits == split), tokens.shape[1]
        drawn = np.sort(rng.permutation(len(rows) * each)[:MOST_TOKENS])
        return torch.from_numpy(tokens[rows[drawn // each], drawn % each].astype(np.float32))

    train, test = of("train"), of(unseen)
    encoder = TokenEncoder(sae)
    found = encoder.find(test)
    rebuilt = encoder.rebuild(found).cpu()
    metrics = workspace.manifest.metrics
    metrics.l0 = float(found.active.mean())
    metrics.explained_variance = float(explained_variance(test, rebuilt, train.mean(0)))
    metrics.cosine = cosine(test, rebuilt)
    metrics.pca_explained_variance = float(pca_explained_variance(train, test, sae.config.k))
