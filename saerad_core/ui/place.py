"""Where the program and its data lie on this machine."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


def data_folder() -> Path:
    """Where workspaces live: SAERAD_DATA, or data/ of the project."""
    return _resolved(os.environ.get("SAERAD_DATA") or str(PROJECT / "data"))


@lru_cache(maxsize=16)
def _resolved(path: str) -> Path:
    """Every thumbnail asks for it; it takes a look at each folder on the way."""
    return Path(path).resolve()
