"""A population of simulated radiographs on disk: drawn once, in parallel, resumable, read as one memory map."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from saerad_core.demo.population import patient_studies
from saerad_core.demo.render import render
from saerad_core.demo.study import Study
from saerad_core.progress import Progress, Silent

SIZE = 256
"""Pixels along a side; what the demo's encoder sees."""
CHUNK = 64
"""Patients a shard; the unit of work that an interrupted run repeats."""


class Renders(NamedTuple):
    """Images and what they show, in the same order."""

    pixels: np.ndarray
    """uint8 [N, 256, 256]."""
    studies: list[Study]


def studies_of(seed: int, first: int, last: int) -> Iterator[Study]:
    """The studies of patients ``first`` to ``last`` - 1 of population ``seed``."""
    for index in range(first, last):
        yield from patient_studies(seed, index)


def _draw(job: tuple[Path, int, int, int]) -> int:
    path, seed, first, last = job
    stack = [
        np.round(render(study, size=SIZE).pixels * 255).astype(np.uint8) for study in studies_of(seed, first, last)
    ]
    part = path.with_suffix(".part.npy")
    np.save(part, np.stack(stack))
    part.replace(path)
    return len(stack)


def draw(folder: Path, seed: int, patients: int, *, workers: int = 2, progress: Progress | None = None) -> Renders:
    """Draw (or find already drawn) the studies of ``patients`` patients.

    Args:
        folder: where the shards are kept, one a chunk of patients.
        seed: of the population.
        patients: how many, from the first.
        workers: processes that draw.
        progress: told of each shard.
    """
    progress = progress or Silent()
    folder.mkdir(parents=True, exist_ok=True)
    spans = [(first, min(first + CHUNK, patients)) for first in range(0, patients, CHUNK)]
    paths = [folder / f"{seed}-{first:06d}-{last:06d}.npy" for first, last in spans]
    jobs = [(path, seed, *span) for path, span in zip(paths, spans, strict=True) if not path.exists()]
    progress.stage("Drawing simulated X-rays", len(jobs) * CHUNK)
    if jobs:
        with multiprocessing.get_context("spawn").Pool(workers) as pool:
            for _ in pool.imap_unordered(_draw, jobs):
                progress.advance(CHUNK)
    return Renders(np.concatenate([np.load(path) for path in paths]), list(studies_of(seed, 0, patients)))
