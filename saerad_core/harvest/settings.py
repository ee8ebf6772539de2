"""How X-rays become embeddings, and what is kept of them."""

from __future__ import annotations

import os
from dataclasses import dataclass

KEEP_CODES, KEEP_ALL, KEEP_SAMPLE = "codes", "all", "sample"


@dataclass
class HarvestSettings:
    """One pass over a dataset."""

    tokens: str = "cls"
    """cls or patch: which tokens the SAE sees."""
    keep: str = KEEP_ALL
    """What is kept beside the pooled vector and the measured tokens: ``codes`` (an SAE is there), ``all`` tokens that it
    will read, or ``sample``: of patches only ``sampled`` a picture, to train an SAE on."""
    measured: int = 16
    """Patch tokens of each X-ray kept for measuring the SAE."""
    sampled: int = 128
    """Patch tokens of each X-ray kept for training it, under ``sample``."""
    shard: int = 32
    """X-rays a shard: what an interrupted run repeats."""
    batch: int = 16
    """X-rays a forward pass. Fixed within a workspace: another batch rounds differently."""
    workers: int = 2
    """Processes that decode."""
    keep_pictures: bool = True
    """Write the 512 px pictures now; otherwise they are made when first looked at."""
    keep_thumbs: bool = True
    seconds: float = 60.0
    """Until a file that hangs its decoder is given up."""
    memory: int = 8 * 2**30
    """Bytes of address space of a decoder; a file that needs more is refused."""
    markers: bool = True
    """Keep which border zones of each picture hold a marker or burned-in text."""
    seed: int = 0
    """Draws the patches that are kept."""
    strongest: bool = False
    """Under ``codes``, keep where each feature fires on its strongest X-rays of the shard."""


MOST_STRONGEST = 10_000
"""X-rays up to which a pass that keeps codes also keeps where features fire: of larger sets it would take more disk than all else."""


def default_shard(images: int) -> int:
    """X-rays a shard: few files for a large set, little to repeat for a small one."""
    return 32 if images < 10_000 else 256


def default_batch(device: str) -> int:
    """X-rays a forward pass: more than 16 gain nothing on a CPU."""
    return 64 if device.startswith("cuda") else 16


def default_workers(device: str) -> int:
    """Decoders: every core; beside a GPU one is left to the process that feeds it."""
    cores = len(os.sched_getaffinity(0))
    return max(1, cores - 1) if device.startswith("cuda") else cores
