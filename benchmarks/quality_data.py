"""Tokens whose true directions are known, for benchmarks.sae_quality; made once and kept in a folder that processes share."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.special import ndtri

D, TRUE = 128, 512
CHOOSE, REPORT = 10_000, 20_000
CHUNK = 10_000


class Data(NamedTuple):
    """Tokens float32 [N, d] of three splits, and what they are made of."""

    train: np.ndarray
    """Memory-mapped."""
    choose: np.ndarray
    report: np.ndarray
    directions: np.ndarray
    """float32 [T, d], unit length."""
    frequency: np.ndarray
    """[T], share of tokens on which each is active."""


def known(
    n: int,
    *,
    d: int = D,
    true: int = TRUE,
    exponent: float = 0.7,
    active: float = 10.0,
    shared: float = 0.2,
    spread: float = 0.3,
    noise: float = 0.02,
) -> Data:
    """Sums of 512 random directions in 128 dimensions.

    Frequencies fall as rank ** -exponent and add up to ``active``. A quarter of the directions are children: they are
    active only where their parent is, as often in total as their rank says. Eight common causes correlate all of them.
    Magnitudes are log-normal; noise is white.

    Args:
        n: training tokens; the other splits are added.
        shared: weight of each cause in a direction's Gaussian (a copula), standard deviation.
        spread: standard deviation of a magnitude's logarithm.
        noise: standard deviation in each dimension.
    """
    rng = np.random.default_rng(7)
    directions = rng.normal(size=(true, d)).astype(np.float32)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    wanted = np.arange(1, true + 1) ** -exponent
    wanted = np.minimum(wanted * active / wanted.sum(), 0.5)
    wanted[wanted < 0.5] *= (active - wanted[wanted >= 0.5].sum()) / wanted[wanted < 0.5].sum()
    parents = np.arange(true)
    children = rng.permutation(np.arange(true // 4, true))[: true // 4]
    parents[children] = rng.integers(0, true // 4, len(children))
    chance = wanted.copy()
    chance[children] /= wanted[parents[children]]
    causes = rng.normal(size=(8, true)).astype(np.float32) * shared
    cut = (-ndtri(chance) * np.sqrt(1 + np.square(causes).sum(0))).astype(np.float32)
    total = n + CHOOSE + REPORT
    tokens, fires = np.empty((total, d), np.float32), np.zeros(true)
    for first in range(0, total, CHUNK):
        count = min(CHUNK, total - first)
        latent = rng.standard_normal((count, 8), np.float32) @ causes + rng.standard_normal((count, true), np.float32)
        on = latent > cut
        on &= on[:, parents]
        fires += on.sum(0)
        size = np.zeros((count, true), np.float32)
        size[on] = np.exp(spread * rng.standard_normal(int(on.sum()), np.float32))
        tokens[first : first + count] = size @ directions + noise * rng.standard_normal((count, d), np.float32)
    return _split(tokens, directions, fires / total)


def synth(n: int) -> Data:
    """SynthSAEBench's generator (Chanin & Garriga-Alonso 2026), from sae-lens, at a size for one processor core.

    Its 16k configuration with 1,024 directions (not 16,384) in 128 dimensions (not 768) and 8 trees (not 128), the same share
    of the directions; everything else as published.
    """
    import torch
    from sae_lens import synthetic

    config = synthetic.SyntheticModelConfig(
        num_features=1_024,
        hidden_dim=128,
        firing_probability=synthetic.ZipfianFiringProbabilityConfig(exponent=0.5, max_prob=0.4, min_prob=5e-4),
        hierarchy=synthetic.HierarchyConfig(
            total_root_nodes=8,
            branching_factor=4,
            max_depth=3,
            mutually_exclusive_portion=1.0,
            mutually_exclusive_min_depth=0,
            compensate_probabilities=True,
            scale_children_by_parent=True,
        ),
        orthogonalization=synthetic.OrthogonalizationConfig(num_steps=100, lr=3e-4),
        correlation=synthetic.LowRankCorrelationConfig(rank=25, correlation_scale=0.1),
        mean_firing_magnitudes=synthetic.LinearMagnitudeConfig(start=5.0, end=4.0),
        std_firing_magnitudes=synthetic.FoldedNormalMagnitudeConfig(mean=0.5, std=0.5),
        bias=0.5,
        seed=42,
    )
    model = synthetic.SyntheticModel(config)
    torch.manual_seed(7)
    total, fires, parts = n + CHOOSE + REPORT, np.zeros(len(model.feature_dict.feature_vectors)), []
    for first in range(0, total, CHUNK):
        tokens, features = model.sample_with_features(min(CHUNK, total - first))
        parts.append(tokens.numpy())
        fires = fires + (features > 0).sum(0).numpy()
    directions = model.feature_dict.feature_vectors.detach().numpy()
    directions = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    return _split(np.concatenate(parts), directions.astype(np.float32), fires / total)


def kept(folder: Path, name: str, make: Callable[[], Data]) -> Data:
    """The data called ``name`` in the folder, made where it isn't there yet."""
    place = folder / name
    if not (place / "train.npy").exists():
        place.mkdir(parents=True, exist_ok=True)
        data = make()
        # Training tokens last and at once: they say that the rest is there.
        for part in reversed(Data._fields):
            half = place / f"{part}.{os.getpid()}.part.npy"
            np.save(half, getattr(data, part))
            half.replace(place / f"{part}.npy")
    return Data(*(np.load(place / f"{part}.npy", mmap_mode="r" if part == "train" else None) for part in Data._fields))


def _split(tokens: np.ndarray, directions: np.ndarray, frequency: np.ndarray) -> Data:
    first = len(tokens) - CHOOSE - REPORT
    return Data(tokens[:first], tokens[first : first + CHOOSE], tokens[first + CHOOSE :], directions, frequency)
