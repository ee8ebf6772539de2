"""Writing activations.duckdb: all tables at once, into a file that takes its name when it is whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
from scipy import sparse

from saerad_core.store.rollup import coactivations, histograms, similar_directions
from saerad_core.store.schema import COLUMNS, FILL, TABLES


def build_store(
    path: Path,
    *,
    images: pd.DataFrame,
    codes: np.ndarray,
    active: sparse.csr_matrix,
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
        codes: float16 [N, m] before the active rule; histograms are of them, so that they show what lies under the threshold.
        active: float32 [N, m], the activation where a feature is active and 0 elsewhere.
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
    entries = active.tocoo()
    activations = pd.DataFrame({"feature_id": entries.col, "image_row": entries.row, "activation": entries.data})
    fires = np.diff(of_train.tocsc().indptr) > 0
    tables = {
        "images": _images(images),
        "activations_by_feature": activations,
        "activations_by_image": activations,
        "features": features,
        "feature_histograms": histograms(codes[train]),
        "coactivations": coactivations(of_train, patients[train]),
        "feature_neighbours": similar_directions(decoder, fires),
        "feature_labels": labels,
        "descriptions": descriptions,
    }
    part = path.with_suffix(".part")
    for leftover in (part, part.with_name(part.name + ".wal")):
        leftover.unlink(missing_ok=True)
    with duckdb.connect(str(part)) as connection:
        connection.execute(TABLES)
        for name, frame in tables.items():
            connection.register("given", _arrow(name, frame))
            connection.execute(FILL[name])
            connection.unregister("given")
        connection.execute("CHECKPOINT")
    part.replace(path)


def _images(images: pd.DataFrame) -> pd.DataFrame:
    facts = [json.dumps(list(one)) if isinstance(one, (list, tuple)) else None for one in images["facts"]]
    return images.assign(row=np.arange(len(images)), facts=facts)


def _arrow(table: str, frame: pd.DataFrame) -> pa.Table:
    """The table's columns with its types; missing texts are "", other missing values NULL."""
    columns = {}
    for name, kind in COLUMNS[table].items():
        values: Any = frame[name]
        if kind == pa.string() and name != "facts":
            values = [value if isinstance(value, str) else "" for value in values]
        elif pa.types.is_list(kind):
            values = [[str(item) for item in value] if value is not None else [] for value in values]
        elif kind == pa.string():
            values = list(values)
        else:
            values = values.to_numpy()
        columns[name] = pa.array(values, from_pandas=True)
        columns[name] = columns[name].cast(kind)
    return pa.table(columns)
