"""Border zones of each X-ray's picture that hold a marker or burned-in text, `markers.parquet`: whether, never what it says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from saerad_core.images.zones import ZONES

FORMAT = "saerad-markers-1"
UNKNOWN = -1
"""Of an X-ray at which nobody could look."""
COLUMNS = tuple(zone.replace(" ", "_") for zone in ZONES)


def save_markers(zones: np.ndarray, path: Path) -> None:
    """Write the file in one step.

    Args:
        zones: int [N], by row of table images: bit i for ZONES[i], or UNKNOWN.
        path: where to.
    """
    unknown = zones == UNKNOWN
    columns: dict[str, pa.Array] = {"image_row": pa.array(np.arange(len(zones), dtype=np.int32))}
    for bit, name in enumerate(COLUMNS):
        columns[name] = pa.array((zones >> bit & 1).astype(bool), mask=unknown)
    part = path.with_suffix(".part")
    pq.write_table(pa.table(columns).replace_schema_metadata({"format": FORMAT}), part, compression="zstd")
    part.replace(path)


def load_markers(path: Path, n: int) -> np.ndarray | None:
    """What ``save_markers`` wrote, int16 [N]; None where there is no such file, or one of another version or of another number of X-rays."""
    try:
        table = pq.read_table(path, memory_map=False)
        if (table.schema.metadata or {}).get(b"format") != FORMAT.encode():
            return None
        rows = table["image_row"].to_numpy()
        flags = [table[name].combine_chunks() for name in COLUMNS]
    except (OSError, KeyError, pa.ArrowException):
        return None
    if not np.array_equal(rows, np.arange(n)):
        return None
    zones = np.zeros(n, dtype=np.int16)
    for bit, flag in enumerate(flags):
        zones |= flag.fill_null(False).to_numpy(zero_copy_only=False).astype(np.int16) << bit
        zones[flag.is_null().to_numpy(zero_copy_only=False)] = UNKNOWN
    return zones
