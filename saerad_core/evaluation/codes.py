"""The X-rays' codes of a finished workspace, read in one place."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from saerad_core.stages.activate import load_thresholds
from saerad_core.workspace import Workspace

ROWS = 2_048
"""X-rays made sparse at a time."""


class XrayCodes(NamedTuple):
    """Codes of all X-rays by images.row."""

    before: Any
    """csr float32 [N, m], before the active rule."""
    active: Any
    """csr float32 [N, m], only active features."""


def read_codes(workspace: Workspace) -> XrayCodes:
    """Codes before and after the active rule."""
    stored = np.load(workspace.codes, mmap_mode="r")
    thresholds = load_thresholds(workspace)
    before, active = [], []
    for start in range(0, len(stored), ROWS):
        block = np.asarray(stored[start : start + ROWS], dtype=np.float32)
        before.append(sparse.csr_matrix(np.maximum(block, 0)))
        active.append(sparse.csr_matrix(np.where(block > thresholds, block, 0)))
    return XrayCodes(sparse.vstack(before, format="csr"), sparse.vstack(active, format="csr"))
