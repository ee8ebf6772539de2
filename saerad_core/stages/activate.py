"""Codes of every X-ray, the rule for which features count as active, and how good the SAE is on unseen patients."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from safetensors.numpy import load_file, save_file
from scipy import sparse

from saerad_core.encoder import Embedded
from saerad_core.harvest.shards import Shards
from saerad_core.progress import Progress
from saerad_core.sae.active import active, fit_thresholds
from saerad_core.sae.base import Sae
from saerad_core.sae.image_code import read_image
from saerad_core.sae.metrics import cosine, explained_variance, pca_explained_variance
from saerad_core.workspace import Workspace

MOST_TOKENS = 60_000
"""Tokens of a split that the SAE's figures and PCA are computed on; more change the third decimal."""


class Activated(NamedTuple):
    """What the stage hands on; rows are X-rays in the order of Shards.records()."""

    codes: np.ndarray
    """float16 [N, m], before the rule."""
    active: sparse.csr_matrix
    """float32 [N, m], only active features non-zero."""
    thresholds: np.ndarray
    """float32 [m]."""


def activate(
    workspace: Workspace, shards: Shards, sae: Sae, tokens: str, target: float, progress: Progress
) -> Activated:
    """Write codes.npy, thresholds and embeddings.npy, and fill the manifest's SAE figures."""
    records = shards.records()
    splits = records["split"].to_numpy()
    train = splits == "train"
    codes, error = _codes(shards, sae, tokens, progress)
    fitted = fit_thresholds(codes[train].astype(np.float32), tokens=tokens, target=target)
    rows = [active(code.astype(np.float32), fitted.thresholds) for code in codes]
    matrix = _csr(rows, codes.shape[1])

    _save(workspace.codes, codes)
    _save_error(workspace, error)
    part = workspace.embeddings.with_suffix(".part.npy")
    shards.array("pooled", out=part)
    part.replace(workspace.embeddings)
    _save(workspace.tokens, shards.array("tokens"))
    save_file({"thresholds": fitted.thresholds}, workspace.root / "thresholds.safetensors")

    manifest = workspace.manifest
    manifest.sae.rule = fitted.rule
    manifest.counts.images = len(splits)
    manifest.counts.train_images = int(train.sum())
    manifest.counts.patients = len(set(records["patient_id"]))
    manifest.counts.features = codes.shape[1]
    alive = (codes[train] > 0).any(axis=0)
    manifest.counts.alive = int(alive.sum())
    manifest.counts.active_per_image = float(np.diff(matrix.indptr).mean())
    manifest.metrics.dead_share = float(1 - alive.mean())
    _measure(workspace, shards, sae, splits)
    return Activated(codes, matrix, fitted.thresholds)


def load_thresholds(workspace: Workspace) -> np.ndarray:
    """float32 [m]: the active rule of a finished workspace."""
    return load_file(workspace.root / "thresholds.safetensors")["thresholds"]


def load_activated(workspace: Workspace) -> Activated:
    """What an earlier run of the stage made."""
    codes = np.load(workspace.codes)
    thresholds = load_thresholds(workspace)
    rows = [active(code.astype(np.float32), thresholds) for code in codes]
    return Activated(codes, _csr(rows, codes.shape[1]), thresholds)


def _codes(shards: Shards, sae: Sae, tokens: str, progress: Progress) -> tuple[np.ndarray, np.ndarray]:
    """Codes float16 [N, m] and error float32 [N, 2]."""
    if shards.has("codes"):
        return shards.array("codes"), shards.array("error")
    codes, errors = np.empty((len(shards), sae.config.d_sae), np.float16), []
    at = 0
    name = "patches" if tokens == "patch" else "tokens"
    for block in shards.each(name):
        values = torch.from_numpy(block).float()
        embedded = Embedded(cls=values[:, 0], patches=values if tokens == "patch" else None)
        read = read_image(sae, embedded, tokens)
        codes[at : at + len(block)] = read.code.numpy()
        errors.append(read.error)
        at += len(block)
        progress.advance(len(block))
    return codes, np.concatenate(errors)


def _csr(rows: list, width: int) -> sparse.csr_matrix:
    counts = np.array([len(features) for features, _ in rows])
    indptr = np.concatenate([[0], np.cumsum(counts)])
    indices = np.concatenate([features for features, _ in rows]).astype(np.int32)
    data = np.concatenate([values for _, values in rows]).astype(np.float32)
    matrix = sparse.csr_matrix((data, indices, indptr), shape=(len(rows), width))
    matrix.sort_indices()
    return matrix


def _save(path, array: np.ndarray) -> None:  # noqa: ANN001
    part = path.with_suffix(".part.npy")
    np.save(part, np.asarray(array, dtype=np.float16))
    part.replace(path)


def _save_error(workspace: Workspace, error: np.ndarray) -> None:
    part = workspace.error_file.with_suffix(".part.npy")
    np.save(part, error.astype(np.float32))
    part.replace(workspace.error_file)


def _measure(workspace: Workspace, shards: Shards, sae: Sae, splits: np.ndarray) -> None:
    tokens = shards.array("tokens").astype(np.float32)
    unseen = "test" if (splits == "test").any() else "validate"
    rng = np.random.default_rng(0)

    def of(split: str) -> torch.Tensor:
        flat = tokens[splits == split].reshape(-1, tokens.shape[2])
        return torch.from_numpy(flat[rng.permutation(len(flat))[:MOST_TOKENS]])

    train, test = of("train"), of(unseen)
    with torch.no_grad():
        codes = sae.encode(test)
        rebuilt = sae.decode(codes)
    metrics = workspace.manifest.metrics
    metrics.l0 = float((codes.values > 0).sum(1).float().mean())
    metrics.explained_variance = float(explained_variance(test, rebuilt, train.mean(0)))
    metrics.cosine = cosine(test, rebuilt)
    metrics.pca_explained_variance = float(pca_explained_variance(train, test, sae.config.k))
