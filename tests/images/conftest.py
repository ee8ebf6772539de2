"""Real films, where they are at hand."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def original() -> Path:
    """An untouched 1024 px NIH film."""
    folder = Path(__file__).resolve().parents[3] / "shared" / "cxr" / "nih" / "originals"
    found = sorted(folder.glob("*.png"))
    if not found:
        pytest.skip("needs ../shared/cxr/nih/originals, which is not part of the project")
    return found[0]
