"""The X-rays' codes of a finished workspace, read in one place."""

from __future__ import annotations

from typing import Any, NamedTuple

from saerad_core.stages.activate import load_activated
from saerad_core.workspace import Workspace


class XrayCodes(NamedTuple):
    """Codes of all X-rays by images.row."""

    before: Any
    """csr float32 [N, m], before the active rule."""
    active: Any
    """csr float32 [N, m], only active features."""


def read_codes(workspace: Workspace) -> XrayCodes:
    """Codes before and after the active rule."""
    found = load_activated(workspace)
    return XrayCodes(found.codes.rows(slice(None)), found.active)
