"""Scores and flags of descriptions, `scores.parquet`: a line for each feature that has either."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

FORMAT = "saerad-scores-1"
SPLITS = ("validate", "test")
"""Splits whose patients no description was made from. What is decided by scores is decided on the first."""
FIGURES = (
    "auroc", "lo", "hi", "precision", "precision_lo", "precision_hi", "recall", "recall_lo", "recall_hi",
)  # fmt: skip
COUNTS = ("firing", "silent", "stating")
"""Patients with an X-ray that fires, with one that doesn't, with a report that states the description."""
FLAGS = ("patient", "view", "device", "duplicate")
"""One patient's quirk; follows the view; follows a device; duplicate of a neighbour."""
SCHEMA = pa.schema(
    [("feature_id", pa.int32()), ("text", pa.string())]
    + [(f"{split}_{name}", pa.float32()) for split in SPLITS for name in FIGURES]
    + [(f"{split}_{name}", pa.int32()) for split in SPLITS for name in COUNTS]
    + [("flags", pa.list_(pa.string())), ("twin", pa.int32())]
)
"""``twin``: the better supported feature that a duplicate repeats, else -1. Figures are null where they can't be said."""


def save_scores(lines: list[dict[str, Any]], sae: str, path: Path) -> None:
    """Write the file in one step; ``sae`` names the dictionary, as events do."""
    columns = [pa.array([line.get(field.name) for line in lines], field.type) for field in SCHEMA]
    found = pa.table(columns, schema=SCHEMA).sort_by("feature_id")
    part = path.with_suffix(".part")
    pq.write_table(found.replace_schema_metadata({"format": FORMAT, "sae": sae}), part, compression="zstd")
    part.replace(path)


def load_scores(path: Path, sae: str) -> pd.DataFrame | None:
    """What ``save_scores`` wrote, by feature_id; None where there is none, or one of another dictionary or version."""
    try:
        table = pq.read_table(path, memory_map=False)
    except (OSError, pa.ArrowException):
        return None
    about = table.schema.metadata or {}
    if about.get(b"format") != FORMAT.encode() or about.get(b"sae") != sae.encode():
        return None
    return table.to_pandas()


def figures(record: Mapping[str, Any], split: str) -> dict[str, float | None]:
    """Figures and counts of one split, None where they can't be said."""
    return {name: _known(record.get(f"{split}_{name}")) for name in (*FIGURES, *COUNTS)}


def _known(value: Any) -> float | None:  # noqa: ANN401 - numpy's and pandas' numbers
    return None if value is None or pd.isna(value) else float(value)
