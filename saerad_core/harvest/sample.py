"""Which patients' X-rays train the SAE where all of their patches would not fit on a disk."""

from __future__ import annotations

import hashlib

from saerad_core.datasets import Dataset

MOST_PATCH_BYTES = 20 * 10**9
"""Bytes that all patches may take; above it a sample of patients is harvested first and everything after training."""
SAMPLE_XRAYS = 32_768
"""X-rays of that sample, about: with 128 patches each, 4.2 million tokens, 6.4 GB at 768 dimensions."""


def patch_bytes(images: int, patches: int, d: int) -> int:
    """Bytes of every patch of every X-ray as float16."""
    return images * patches * d * 2


def sample_patients(
    dataset: Dataset, seed: int, wanted: int = SAMPLE_XRAYS, splits: tuple[str, ...] = ("train", "validate")
) -> set[str]:
    """Patients of some splits, drawn by a hash of their names, with about ``wanted`` X-rays."""
    counts: dict[str, int] = {}
    for record in dataset.records():
        if record.split in splits:
            counts[record.patient_id] = counts.get(record.patient_id, 0) + 1
    chosen, n = set(), 0
    for patient in sorted(counts, key=lambda name: hashlib.blake2b(f"{seed}:{name}".encode()).digest()):
        if n >= wanted:
            break
        chosen.add(patient)
        n += counts[patient]
    return chosen
