"""A build's stages after the harvest never hold the codes of all X-rays as a dense array."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
IMAGES, FEATURES = 20_000, 49_152


def test_thresholds_descriptions_and_store_of_a_wide_dictionary_stay_far_under_the_dense_codes(tmp_path: Path) -> None:
    """In a process of its own, whose memory nothing else has filled: made-up codes of about 60 features an X-ray."""
    command = [sys.executable, "-m", "benchmarks.scale_build", "--json", str(tmp_path / "found.json")]
    size = ["--images", str(IMAGES), "--features", str(FEATURES), "--entries", "60", "--d", "8"]
    subprocess.run([*command, *size], cwd=ROOT, check=True, timeout=280, capture_output=True)
    rows = {row["name"]: row["value"] for row in json.loads((tmp_path / "found.json").read_text())["rows"]}
    dense = IMAGES * FEATURES * 2 / 1e6
    assert rows["dense float16 array of the codes, for comparison"] == round(dense, 4)
    assert rows["active features an X-ray"] > 10 and rows["described features"] > 0
    assert rows["peak memory of activate and describe"] < dense / 2
