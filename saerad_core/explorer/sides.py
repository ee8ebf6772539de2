"""In which half of the patient a feature's heatmaps lie."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open

CLEAR = 0.8
"""Share of the activation in one half from which it counts as the feature's side."""


def heat_side(path: Path, feature_id: int) -> str:
    """right, left (the patient's) or "" where neither half is clear or nothing is kept.

    Over the X-rays that show the feature most strongly; each counts the same, whatever its activation. The column in the middle
    belongs to neither half.

    Args:
        path: of the file of strongest patches (saerad_core.sae.strongest_patches).
        feature_id: which feature.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            grid = round(int((file.metadata() or {})["patches"]) ** 0.5)
            first, last = (int(one) for one in file.get_slice("starts")[feature_id : feature_id + 2])
            rows, places = (file.get_slice(name)[first:last].astype(np.int64) for name in ("rows", "places"))
            values = file.get_slice("values")[first:last].astype(np.float64)
    except (OSError, SafetensorError, KeyError, ValueError):
        return ""
    if not len(rows):
        return ""
    # The patient's right is the left half of the picture.
    column = places % grid - (grid - 1) / 2
    shares = []
    for row in np.unique(rows):
        own = rows == row
        right, left = values[own & (column < 0)].sum(), values[own & (column > 0)].sum()
        if right + left > 0:
            shares.append(right / (right + left))
    mean = float(np.mean(shares)) if shares else 0.5
    return "right" if mean >= CLEAR else "left" if mean <= 1 - CLEAR else ""
