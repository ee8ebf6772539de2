"""The map of features: UMAP of the decoder's directions (McInnes et al. 2018)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from saerad_core.sae.base import Sae

NEIGHBOURS = 15
MIN_DIST = 0.15
"""Low enough for clusters to show, high enough for a lasso to fit between them."""


def lay_out(directions: np.ndarray, seed: int = 0) -> np.ndarray:
    """Float32 [m, d] directions -> float32 [m, 2] places, near where directions have a high cosine; same seed, same map."""
    if len(directions) < 5:
        return np.column_stack([np.arange(len(directions)), np.zeros(len(directions))]).astype(np.float32)
    import umap

    near = min(NEIGHBOURS, len(directions) - 1)
    # From PCA: the spectral start takes an eigen-solver that fails on few or disconnected points.
    mapper = umap.UMAP(n_neighbors=near, min_dist=MIN_DIST, metric="cosine", random_state=seed, init="pca", n_jobs=1)
    return np.asarray(mapper.fit_transform(directions.astype(np.float32)), dtype=np.float32)


def build_atlas(sae: Sae, path: Path) -> None:
    """Write feature_id, x, y of every feature to ``path`` (Parquet)."""
    places = lay_out(sae.W_dec.detach().cpu().numpy())
    frame = pd.DataFrame({"feature_id": np.arange(len(places), dtype=np.int32), "x": places[:, 0], "y": places[:, 1]})
    part = path.with_suffix(".part")
    frame.to_parquet(part, index=False)
    part.replace(path)


def read_atlas(path: Path) -> pd.DataFrame | None:
    """feature_id, x, y; None while the map is still being drawn."""
    return pd.read_parquet(path) if path.exists() else None
