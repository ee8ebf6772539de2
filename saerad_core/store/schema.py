"""Tables of activations.duckdb, in the order in which they are written. docs/workspace-format.md says what each holds."""

from __future__ import annotations

import pyarrow as pa

TABLES = """
CREATE TABLE images (
    row INTEGER, image_id VARCHAR, study_id VARCHAR, patient_id VARCHAR, split VARCHAR, view VARCHAR, sex VARCHAR,
    age SMALLINT, labels VARCHAR[], indication VARCHAR, findings VARCHAR, impression VARCHAR, facts JSON, path VARCHAR
);
CREATE TABLE activations_by_feature (feature_id INTEGER, image_row INTEGER, activation FLOAT);
CREATE TABLE activations_by_image (image_row INTEGER, feature_id INTEGER, activation FLOAT);
CREATE TABLE features (
    feature_id INTEGER, n_images INTEGER, n_patients INTEGER, frequency DOUBLE, max FLOAT, mean FLOAT, threshold FLOAT,
    best_label VARCHAR, best_auroc DOUBLE, best_lo DOUBLE, best_hi DOUBLE
);
CREATE TABLE feature_histograms (feature_id INTEGER, bin SMALLINT, lo FLOAT, hi FLOAT, n INTEGER);
CREATE TABLE coactivations (feature_id INTEGER, other_id INTEGER, n INTEGER, npmi DOUBLE);
CREATE TABLE feature_neighbours (feature_id INTEGER, other_id INTEGER, cosine DOUBLE);
CREATE TABLE feature_labels (feature_id INTEGER, label VARCHAR, auroc DOUBLE, n_patients INTEGER);
CREATE TABLE descriptions (
    feature_id INTEGER, text VARCHAR, finding VARCHAR, side VARCHAR, place VARCHAR, severity VARCHAR, certainty VARCHAR,
    z DOUBLE, n_firing INTEGER, n_with INTEGER, n_control INTEGER, n_control_with INTEGER, image_ids VARCHAR[],
    terms VARCHAR[]
);
"""
"""No key and no index: nothing is edited here, and sorted rows are found by their blocks' ranges."""

FILL = {
    "images": "INSERT INTO images BY NAME SELECT * FROM given ORDER BY row",
    "activations_by_feature": "INSERT INTO activations_by_feature BY NAME SELECT * FROM given ORDER BY feature_id, activation DESC, image_row",
    "activations_by_image": "INSERT INTO activations_by_image BY NAME SELECT * FROM given ORDER BY image_row, activation DESC, feature_id",
    "features": "INSERT INTO features BY NAME SELECT * FROM given ORDER BY feature_id",
    "feature_histograms": "INSERT INTO feature_histograms BY NAME SELECT * FROM given ORDER BY feature_id, bin",
    "coactivations": "INSERT INTO coactivations BY NAME SELECT * FROM given ORDER BY feature_id, npmi DESC, other_id",
    "feature_neighbours": "INSERT INTO feature_neighbours BY NAME SELECT * FROM given ORDER BY feature_id, cosine DESC, other_id",
    "feature_labels": "INSERT INTO feature_labels BY NAME SELECT * FROM given ORDER BY feature_id, auroc DESC, label",
    "descriptions": "INSERT INTO descriptions BY NAME SELECT * FROM given ORDER BY feature_id",
}
"""How each table takes its rows, from the registered Arrow table ``given``; the order is part of the format."""

_TEXT, _TEXTS, _WHOLE, _REAL, _SINGLE = pa.string(), pa.list_(pa.string()), pa.int32(), pa.float64(), pa.float32()

COLUMNS: dict[str, dict[str, pa.DataType]] = {
    "images": {
        "row": _WHOLE, "image_id": _TEXT, "study_id": _TEXT, "patient_id": _TEXT, "split": _TEXT, "view": _TEXT, "sex": _TEXT,
        "age": pa.int16(), "labels": _TEXTS, "indication": _TEXT, "findings": _TEXT, "impression": _TEXT, "facts": _TEXT,
        "path": _TEXT,
    },
    "activations_by_feature": {"feature_id": _WHOLE, "image_row": _WHOLE, "activation": _SINGLE},
    "activations_by_image": {"image_row": _WHOLE, "feature_id": _WHOLE, "activation": _SINGLE},
    "features": {
        "feature_id": _WHOLE, "n_images": _WHOLE, "n_patients": _WHOLE, "frequency": _REAL, "max": _SINGLE, "mean": _SINGLE,
        "threshold": _SINGLE, "best_label": _TEXT, "best_auroc": _REAL, "best_lo": _REAL, "best_hi": _REAL,
    },
    "feature_histograms": {"feature_id": _WHOLE, "bin": pa.int16(), "lo": _SINGLE, "hi": _SINGLE, "n": _WHOLE},
    "coactivations": {"feature_id": _WHOLE, "other_id": _WHOLE, "n": _WHOLE, "npmi": _REAL},
    "feature_neighbours": {"feature_id": _WHOLE, "other_id": _WHOLE, "cosine": _REAL},
    "feature_labels": {"feature_id": _WHOLE, "label": _TEXT, "auroc": _REAL, "n_patients": _WHOLE},
    "descriptions": {
        "feature_id": _WHOLE, "text": _TEXT, "finding": _TEXT, "side": _TEXT, "place": _TEXT, "severity": _TEXT,
        "certainty": _TEXT, "z": _REAL, "n_firing": _WHOLE, "n_with": _WHOLE, "n_control": _WHOLE, "n_control_with": _WHOLE,
        "image_ids": _TEXTS, "terms": _TEXTS,
    },
}  # fmt: skip
"""Column -> Arrow type of the rows that FILL takes."""
