"""Splits by patient."""

from __future__ import annotations

import hashlib

SPLITS = ("train", "validate", "test")
SHARES = (0.7, 0.1, 0.2)


def draw_split(patient_id: str, seed: int = 0) -> str:
    """The split of a patient, by a hash: the same whatever other patients there are."""
    place = _place(patient_id, seed)
    if place < SHARES[0]:
        return "train"
    return "validate" if place < SHARES[0] + SHARES[1] else "test"


def draw_validation(patient_id: str, seed: int = 0) -> str:
    """train or validate, for datasets whose test split is given: one patient in eight validates."""
    return "validate" if _place(patient_id, seed) < SHARES[1] / (SHARES[0] + SHARES[1]) else "train"


def _place(patient_id: str, seed: int) -> float:
    digest = hashlib.blake2b(f"{seed}/{patient_id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) / 2**64
