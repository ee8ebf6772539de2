"""What a server loads before it answers: each of these takes a quarter of a second or more, and the first page needs none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
CODE = """
import sys

import app
import saerad_core.ui.feature_page

slow = {"torch", "transformers", "numba", "sklearn", "scipy", "faiss", "umap", "bm25s", "saerad_core.datasets"}
print(*sorted(slow & set(sys.modules)))
"""


def test_nothing_slow_is_loaded_before_the_first_page(tmp_path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE],
        cwd=PROJECT,
        env=os.environ | {"SAERAD_DATA": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == ""
