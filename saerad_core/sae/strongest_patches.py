"""Where the X-rays that show a feature most strongly show it: sparse patch activations, kept so that no encoder has to run again.

An entry is one patch of one X-ray on which a feature fires. While X-rays stream by, only the entries of each feature's TOP X-rays are kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from saerad_core.errors import WorkspaceError
from saerad_core.sae.sparse.topk import Found

TOP = 16
"""X-rays kept for each feature."""
FULL = 4_000_000
"""Entries held before those of weaker X-rays are let go; 14 bytes each."""


class Entries(NamedTuple):
    """Patches on which features fire, in any order."""

    features: np.ndarray
    """int32 [n]."""
    rows: np.ndarray
    """int32 [n]: X-rays."""
    places: np.ndarray
    """uint16 [n]: patches, row by row from the top left."""
    values: np.ndarray
    """float16 [n], > 0."""


def entries_of(found: Found, per_image: int, first: int = 0) -> Entries:
    """Of the codes of X-rays' patches, ``per_image`` rows an X-ray; the first X-ray has the number ``first``."""
    held = (np.arange(found.indices.shape[1]) < found.active[:, None]) & (np.asarray(found.values) > 0)
    patches, slots = np.nonzero(held)
    return Entries(
        found.indices[patches, slots].astype(np.int32),
        (patches // per_image + first).astype(np.int32),
        (patches % per_image).astype(np.uint16),
        found.values[patches, slots].astype(np.float16),
    )


def strongest(entries: Entries, top: int = TOP) -> Entries:
    """Entries of the ``top`` X-rays of each feature with the strongest patch (of equal ones the first), sorted by feature, X-ray and patch."""
    order = np.lexsort((entries.places, entries.rows, entries.features))
    entries = Entries(*(part[order] for part in entries))
    if not len(order):
        return entries
    starts = np.flatnonzero(np.r_[True, (np.diff(entries.features) != 0) | (np.diff(entries.rows) != 0)])
    peaks = np.maximum.reduceat(entries.values.astype(np.float32), starts)
    owners, rows = entries.features[starts], entries.rows[starts]
    ranked = np.lexsort((rows, -peaks, owners))
    begins = np.flatnonzero(np.r_[True, np.diff(owners[ranked]) != 0])
    rank = np.arange(len(ranked)) - np.repeat(begins, np.diff(np.r_[begins, len(ranked)]))
    kept = np.zeros(len(starts), bool)
    kept[ranked[rank < top]] = True
    mask = np.repeat(kept, np.diff(np.r_[starts, len(order)]))
    return Entries(*(part[mask] for part in entries))


def gathered(parts: Iterable[Entries], top: int = TOP) -> Entries:
    """``strongest`` of all parts, without ever holding many more entries than FULL."""
    held: list[Entries] = []
    for part in parts:
        held.append(part)
        if sum(len(one.rows) for one in held) > FULL:
            held = [strongest(_joined(held), top)]
    return strongest(_joined(held), top)


def _joined(parts: list[Entries]) -> Entries:
    if not parts:
        return Entries(*(np.zeros(0, kind) for kind in (np.int32, np.int32, np.uint16, np.float16)))
    return Entries(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def write(path: Path, entries: Entries, m: int, patches: int) -> None:
    """Write what ``strongest`` gave: ``starts`` int64 [m + 1] into rows, places and values.

    Args:
        path: of the safetensors file, written in one step.
        entries: sorted.
        m: features of the dictionary.
        patches: of an X-ray.
    """
    starts = np.searchsorted(entries.features, np.arange(m + 1)).astype(np.int64)
    arrays = {"starts": starts, "rows": entries.rows, "places": entries.places, "values": entries.values}
    part = path.with_suffix(".part")
    save_file(
        {name: np.ascontiguousarray(value) for name, value in arrays.items()}, part, metadata={"patches": str(patches)}
    )
    part.replace(path)


class StrongestPatches:
    """Reads such a file, a feature at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def all(self) -> tuple[np.ndarray, Entries]:
        """Every entry, and where each feature's begin, int64 [m + 1].

        Raises:
            WorkspaceError: the file is damaged.
        """
        try:
            with safe_open(self._path, framework="numpy") as file:
                starts, rows, places, values = (file.get_tensor(one) for one in ("starts", "rows", "places", "values"))
        except (OSError, SafetensorError) as error:
            raise WorkspaceError(
                f"{self._path.name} of this workspace can't be read; build the workspace again."
            ) from error
        features = np.repeat(np.arange(len(starts) - 1, dtype=np.int32), np.diff(starts))
        return starts, Entries(features, rows, places, values)

    def of(self, feature_id: int, row: int) -> np.ndarray | None:
        """Activations of a feature on every patch of an X-ray, float32 [P]; None where the X-ray isn't among the feature's strongest.

        Raises:
            WorkspaceError: the file is damaged.
        """
        try:
            with safe_open(self._path, framework="numpy") as file:
                begin, end = (int(one) for one in file.get_slice("starts")[feature_id : feature_id + 2])
                if begin == end:
                    return None
                rows, places, values = (file.get_slice(name)[begin:end] for name in ("rows", "places", "values"))
                patches = int(file.metadata()["patches"])
        except (OSError, SafetensorError) as error:
            raise WorkspaceError(
                f"{self._path.name} of this workspace can't be read; build the workspace again."
            ) from error
        here = rows == row
        if not here.any():
            return None
        heat = np.zeros(patches, np.float32)
        heat[places[here]] = values[here]
        return heat
