"""Where the program and its data lie on this machine."""

from __future__ import annotations

import os
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


def data_folder() -> Path:
    """Where workspaces live: SAERAD_DATA, or data/ of the project."""
    return Path(os.environ.get("SAERAD_DATA") or PROJECT / "data").resolve()
