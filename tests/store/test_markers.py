"""markers.parquet: what is written comes back, and what is none is passed over."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from saerad_core.store.markers import COLUMNS, UNKNOWN, load_markers, save_markers


@settings(max_examples=30, deadline=None)
@given(zones=st.lists(st.integers(UNKNOWN, 255), max_size=50))
def test_zones_come_back(zones: list[int], tmp_path_factory):
    path = tmp_path_factory.mktemp("markers") / "markers.parquet"
    save_markers(np.array(zones, dtype=np.int16), path)
    found = load_markers(path, len(zones))
    assert found is not None and found.tolist() == zones
    assert load_markers(path, len(zones) + 1) is None
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_columns_are_readable_by_name(tmp_path: Path):
    save_markers(np.array([0b101, UNKNOWN], dtype=np.int16), tmp_path / "m.parquet")
    rows = pq.read_table(tmp_path / "m.parquet").to_pylist()
    assert [name for name in COLUMNS if rows[0][name]] == ["top_left", "top_right"]
    assert all(rows[1][name] is None for name in COLUMNS)


def test_a_missing_or_damaged_file_is_none(tmp_path: Path):
    path = tmp_path / "markers.parquet"
    assert load_markers(path, 3) is None
    path.write_bytes(b"PAR1 and then nothing")
    assert load_markers(path, 3) is None
    pq.write_table(pq.read_table(written(tmp_path)).replace_schema_metadata({"format": "saerad-markers-9"}), path)
    assert load_markers(path, 3) is None


def written(folder: Path) -> Path:
    save_markers(np.zeros(3, dtype=np.int16), folder / "whole.parquet")
    return folder / "whole.parquet"
