"""What several tests of pages start from."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st

from saerad_core.workspace import Workspace


@pytest.fixture
def workspace(tiny_workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """A workspace of a test's own, the only one in the data folder."""
    shutil.copytree(tiny_workspace.root, tmp_path / "tiny")
    monkeypatch.setenv("SAERAD_DATA", str(tmp_path))
    yield Workspace.open(tmp_path / "tiny")
    st.cache_resource.clear()
