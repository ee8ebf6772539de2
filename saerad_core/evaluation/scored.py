"""The X-rays that figures may be taken on."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from saerad_core.errors import WorkspaceError
from saerad_core.store.activations import ActivationStore
from saerad_core.workspace import Workspace


class ScoredImages(NamedTuple):
    """X-rays of a workspace, and which of them are scored."""

    images: pd.DataFrame
    """All N."""
    splits: np.ndarray
    """[N] of train, validate, test."""
    rows: np.ndarray
    """Places of the split's."""


def scored_images(workspace: Workspace, split: str) -> ScoredImages:
    """The workspace's X-rays and the rows of ``split``.

    Raises:
        WorkspaceError: the split is empty, or is the one that everything was fitted on.
    """
    if split not in ("test", "validate"):
        raise WorkspaceError(
            f"Figures of the split {split!r} mean nothing, since features were fitted on it; take test."
        )
    images = ActivationStore(workspace.activations_db).images()
    splits = images["split"].to_numpy().astype(str)
    rows = np.flatnonzero(splits == split)
    if not len(rows):
        raise WorkspaceError(f"No X-ray of this workspace is in the {split} split, so there is nothing to score on.")
    return ScoredImages(images, splits, rows)
