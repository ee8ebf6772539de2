"""Writing activations.duckdb: all tables at once, into a file that takes its name when it is whole."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa

from saerad_core.sae.codes import SparseCodes
from saerad_core.store.rollup import coactivations, histograms, similar_directions
from saerad_core.store.schema import COLUMNS, FILL, TABLES


def build_store(
    path: Path,
    *,
    images: pd.DataFrame,
    codes: SparseCodes,
    active: Any,  # noqa: ANN401 - scipy ships no types
    features: pd.DataFrame,
    labels: pd.DataFrame,
    descriptions: pd.DataFrame,
    decoder: np.ndarray,
) -> None:
    """Write the store of one workspace; an older one is replaced in one step.

    Roll-ups are over the training split (images.split == "train"), where the figures of ``features`` come from too.

    Args:
        path: where to.
        images: N rows of metadata in the order of the arrays, with the columns of table images but row; facts is a list
            of statements as dictionaries, or None.
        codes: [N, m] before the active rule; histograms are of them, so that they show what lies under the threshold.
        active: csr_matrix float32 [N, m], the activation where a feature is active and 0 elsewhere.
        features: m rows of table features.
        labels: rows of table feature_labels.
        descriptions: rows of table descriptions.
        decoder: float32 [m, d], the features' directions.
    """
    assert active.shape == (len(images), len(features)) and len(decoder) == len(features), "rows don't fit the arrays"
    assert codes.shape == active.shape
    train = (images["split"] == "train").to_numpy()
    patients = images["patient_id"].to_numpy()
    of_train = active[train]
    fires = np.bincount(of_train.indices, minlength=active.shape[1]) > 0
    tables: dict[str, Callable[[], pd.DataFrame | pa.Table]] = {
        "images": lambda: _images(images),
        "activations_by_feature": lambda: _activations(active),
        "activations_by_image": lambda: _activations(active),
        "features": lambda: features,
        "feature_histograms": lambda: histograms(codes, train),
        "coactivations": lambda: coactivations(of_train, patients[train]),
        "feature_neighbours": lambda: similar_directions(decoder, fires),
        "feature_labels": lambda: labels,
        "descriptions": lambda: descriptions,
    }
    part = path.with_suffix(".part")
    for leftover in (part, part.with_name(part.name + ".wal")):
        leftover.unlink(missing_ok=True)
    with duckdb.connect(str(part)) as connection:
        connection.execute(TABLES)
        for name, make in tables.items():
            # One table at a time is held.
            connection.register("given", _arrow(name, make()))
            connection.execute(FILL[name])
            connection.unregister("given")
        connection.execute("CHECKPOINT")
    part.replace(path)


def _images(images: pd.DataFrame) -> pd.DataFrame:
    facts = [json.dumps(list(one)) if isinstance(one, (list, tuple)) else None for one in images["facts"]]
    return images.assign(row=np.arange(len(images)), facts=facts)


def _activations(active: Any) -> pd.DataFrame:  # noqa: ANN401
    rows = np.repeat(np.arange(active.shape[0], dtype=np.int32), np.diff(active.indptr))
    return pd.DataFrame({"feature_id": active.indices, "image_row": rows, "activation": active.data}, copy=False)


def _arrow(table: str, frame: pd.DataFrame) -> pa.Table:
    """The table's columns with its types; missing texts are "", other missing values NULL."""
    columns = {}
    for name, kind in COLUMNS[table].items():
        values: Any = frame[name]
        if pa.types.is_list(kind):
            values = [[str(item) for item in value] if value is not None else [] for value in values]
            columns[name] = pa.array(values, type=kind)
        elif kind == pa.string():
            found = pa.array(values, type=kind, from_pandas=True)
            columns[name] = found if name == "facts" else found.fill_null("")
        else:
            columns[name] = pa.array(values.to_numpy(), from_pandas=True).cast(kind)
    return pa.table(columns)
