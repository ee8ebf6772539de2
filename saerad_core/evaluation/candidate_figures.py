"""What a dictionary is worth on tokens that it may or may not have been trained on: rebuilding, firing and probes.

docs/metrics.md defines the words. The same figures for a workspace's candidates and for the benchmarks' folds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import torch
from scipy import sparse

from saerad_core.evaluation.bootstrap import interval, resample, weighted_auroc
from saerad_core.evaluation.sparse_probes import KS, dense_scores, enough_patients, sparse_scores
from saerad_core.sae.base import Sae
from saerad_core.sae.metrics import cosine, explained_variance, l0, pca_curve
from saerad_core.sae.pooling import POOLS, pool_codes

MOST_TOKENS = 60_000
"""Tokens of a split that rebuilding and PCA are measured on; more change the third decimal."""
SAMPLES = 300
"""Bootstrap samples of patients; many candidates are compared, so fewer than a report takes."""
CHUNK = 4_096
"""Tokens encoded at a time."""


@dataclass
class Material:
    """X-rays that candidates are measured on; every array has a row an X-ray, N of them."""

    each: Callable[[str], Iterator[np.ndarray]]
    """cls or patch -> float [n, t, d] of consecutive X-rays."""
    splits: np.ndarray
    """[N] of train, validate, test."""
    patients: np.ndarray
    embeddings: np.ndarray
    """float32 [N, e]: what the dense probe reads."""
    names: list[str]
    """L labels."""
    shown: np.ndarray
    """bool [N, L]."""
    scored: tuple[str, ...] = ("validate", "test")
    """Splits that figures are of."""
    _samples: dict[tuple[str, str], torch.Tensor] = field(default_factory=dict)
    _pca: dict[tuple[str, str], np.ndarray] = field(default_factory=dict)

    def sample(self, tokens: str, split: str) -> torch.Tensor:
        """float32 [n, d]: up to MOST_TOKENS tokens of a split, the same ones every time."""
        if (tokens, split) not in self._samples:
            self._samples[tokens, split] = self._sampled(tokens, split)
        return self._samples[tokens, split]

    def _sampled(self, tokens: str, split: str) -> torch.Tensor:
        rng, kept, at = np.random.default_rng(0), [], 0
        share = -(-MOST_TOKENS // max(1, int((self.splits == split).sum())))
        for block in self.each(tokens):
            here = block[self.splits[at : at + len(block)] == split]
            at += len(block)
            if share < here.shape[1]:
                picks = np.argsort(rng.random(here.shape[:2]), axis=1)[:, :share]
                here = np.take_along_axis(here, picks[:, :, None], axis=1)
            kept.append(here.reshape(-1, here.shape[2]))
        return torch.from_numpy(np.concatenate(kept).astype(np.float32))

    def pca(self, tokens: str, split: str) -> np.ndarray:
        """float64 [d]: explained variance on ``split`` of 1, 2, ... d principal components of the training tokens."""
        if (tokens, split) not in self._pca:
            self._pca[tokens, split] = pca_curve(self.sample(tokens, "train"), self.sample(tokens, split))
        return self._pca[tokens, split]

    @cached_property
    def labels(self) -> list[int]:
        """Labels that enough patients of training and of every scored split have and lack."""
        rows = [np.flatnonzero(self.splits == split) for split in ("train", *self.scored)]
        return [
            i for i in range(len(self.names)) if all(enough_patients(self.shown[:, i], self.patients, r) for r in rows)
        ]

    @cached_property
    def dense(self) -> dict[str, np.ndarray]:
        """Scored split -> mean AUROC of the dense probe over ``labels``, [1 + SAMPLES]."""
        return {
            split: self.mean_auroc(split, dense_scores(self.embeddings, self.shown[:, self.labels], self.splits, split))
            for split in self.scored
        }

    def mean_auroc(self, split: str, told: np.ndarray) -> np.ndarray:
        """Mean AUROC over ``labels`` of scores [n, L'] of a split's X-rays: the X-rays' own, then each bootstrap sample's."""
        here = self.splits == split
        weights = resample(self.patients[here], SAMPLES)
        shown = self.shown[here][:, self.labels]
        with np.errstate(invalid="ignore"):
            return np.nanmean([weighted_auroc(told[:, i], shown[:, i], weights) for i in range(shown.shape[1])], axis=0)


class Read(NamedTuple):
    """What one pass of a dictionary over all X-rays gives."""

    codes: dict[str, Any]
    """max and mean (of CLS only max) -> csr float32 [N, m], before the active rule."""
    alive: np.ndarray
    """bool [m]: fires on a training X-ray."""


@torch.no_grad()
def read_all(sae: Sae, material: Material, tokens: str) -> Read:
    """Codes of every X-ray, rounded to float16 as the workspace keeps them."""
    pools = POOLS if tokens == "patch" else POOLS[:1]
    parts: dict[str, list] = {pool: [] for pool in pools}
    for block in material.each(tokens):
        images = max(1, CHUNK // block.shape[1])
        for start in range(0, len(block), images):
            some = torch.from_numpy(block[start : start + images].astype(np.float32))
            codes = sae.encode(some.flatten(0, 1))
            for pool in pools:
                dense = pool_codes(codes, len(some), sae.config.d_sae, pool).numpy().astype(np.float16)
                parts[pool].append(sparse.csr_matrix(dense.astype(np.float32)))
    found: dict[str, Any] = {pool: sparse.vstack(some, format="csr") for pool, some in parts.items()}
    train = np.flatnonzero(material.splits == "train")
    return Read(found, np.asarray((found["max"][train] > 0).sum(axis=0)).ravel() > 0)


@torch.no_grad()
def measure(sae: Sae, material: Material, tokens: str, *, whole: bool = False) -> dict[str, Any]:
    """Every figure of one dictionary, as what a JSON file can hold.

    Args:
        sae: which.
        material: on what.
        tokens: cls or patch.
        whole: also a probe of all codes, ``codes`` among the ways of telling; slow for wide dictionaries.

    Returns:
        ``dead_share`` (over training X-rays) and, for each scored split, ``l0``, ``explained_variance``, ``pca_explained_variance`` (of as
        many components as L0, rounded), ``cosine``, ``dense`` and, for each way to pool, ``auroc``: way of telling -> figure with
        interval and ``samples`` of the mean AUROC, which make differences of candidates paired.
    """
    read = read_all(sae, material, tokens)
    centre = material.sample(tokens, "train").mean(0)
    figures: dict[str, Any] = {"dead_share": float(1 - read.alive.mean())}
    for split in material.scored:
        x = material.sample(tokens, split)
        rebuilt, active = [], []
        for part in x.split(CHUNK):
            codes = sae.encode(part)
            rebuilt.append(sae.decode(codes))
            active.append(l0(codes.values) * len(part))
        found: dict[str, Any] = {
            "l0": sum(active) / max(len(x), 1),
            "explained_variance": explained_variance(x, torch.cat(rebuilt), centre),
            "cosine": cosine(x, torch.cat(rebuilt)),
        }
        components = min(max(1, round(found["l0"])), x.shape[1])
        found["pca_explained_variance"] = float(material.pca(tokens, split)[components - 1])
        figures[split] = found
        if not material.labels:
            continue
        found["dense"] = summary(material.dense[split])
        found["auroc"] = {}
        for pool, codes in read.codes.items():
            shown = material.shown[:, material.labels]
            told = sparse_scores(codes, shown, material.splits, split, KS)
            if whole:
                told["codes"] = dense_scores(codes.toarray(), shown, material.splits, split)
            found["auroc"][pool] = {way: summary(material.mean_auroc(split, some)) for way, some in told.items()}
    return figures


def summary(samples: np.ndarray) -> dict[str, Any]:
    """A figure, its 95% interval over patients, and the samples themselves (to five digits)."""
    low, high = interval(samples[1:])
    return {"value": float(samples[0]), "lo": low, "hi": high, "samples": [round(float(one), 5) for one in samples]}
