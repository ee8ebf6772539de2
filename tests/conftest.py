"""What tests of several parts share."""

from __future__ import annotations

from pathlib import Path

import pytest

from saerad_core.workspace import Workspace

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def tiny_workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A finished workspace, the same for all tests: look, don't write. For edits make one of your own."""
    from tests.tiny import make_tiny_workspace  # torch and transformers: seconds that most tests needn't wait

    return make_tiny_workspace(tmp_path_factory.mktemp("tiny") / "tiny")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real X-rays and models beside the project."""
    if not SHARED.is_dir():
        pytest.skip("needs ../shared, the folder of real X-rays and models, which is not part of the project")
    return SHARED
