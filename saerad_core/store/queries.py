"""SQL that reads activations.duckdb, attached as ``store``. Values are always bound, never written into the text."""

from __future__ import annotations

FEATURES = "SELECT * FROM store.features ORDER BY feature_id"
DESCRIPTIONS = "SELECT * FROM store.descriptions ORDER BY feature_id"

FEATURE = """
SELECT f.*, d.* EXCLUDE (feature_id)
FROM store.features f LEFT JOIN store.descriptions d USING (feature_id)
WHERE f.feature_id = $feature
"""

HISTOGRAM = "SELECT lo, hi, n FROM store.feature_histograms WHERE feature_id = $feature ORDER BY bin"
NEIGHBOURS = (
    "SELECT other_id, cosine FROM store.feature_neighbours WHERE feature_id = $feature ORDER BY cosine DESC, other_id"
)
COACTIVE = "SELECT other_id, n, npmi FROM store.coactivations WHERE feature_id = $feature ORDER BY npmi DESC, other_id"
LABELS = (
    "SELECT label, auroc, n_patients FROM store.feature_labels WHERE feature_id = $feature ORDER BY auroc DESC, label"
)
HISTOGRAMS = "SELECT feature_id, lo, hi, n FROM store.feature_histograms ORDER BY feature_id, bin"
ALL_NEIGHBOURS = (
    "SELECT feature_id, other_id, cosine FROM store.feature_neighbours ORDER BY feature_id, cosine DESC, other_id"
)
ALL_COACTIVE = "SELECT feature_id, other_id, n, npmi FROM store.coactivations ORDER BY feature_id, npmi DESC, other_id"
ALL_LABELS = (
    "SELECT feature_id, label, auroc, n_patients FROM store.feature_labels ORDER BY feature_id, auroc DESC, label"
)
BEST_LABELS = (
    "SELECT feature_id, arg_max(label, auroc) AS label, max(auroc) AS auroc, arg_max(n_patients, auroc) AS n_patients "
    "FROM store.feature_labels WHERE list_contains($labels, label) GROUP BY feature_id ORDER BY feature_id"
)

LIKENESS = """
SELECT coalesce(n.feature_id, c.feature_id) AS feature_id, coalesce(n.other_id, c.other_id) AS other_id, n.cosine, c.npmi
FROM store.feature_neighbours n FULL JOIN store.coactivations c ON n.feature_id = c.feature_id AND n.other_id = c.other_id
WHERE n.cosine >= $cosine OR c.npmi >= $npmi
ORDER BY ALL
"""
ACTIVE = "SELECT image_row, feature_id, activation FROM store.activations_by_image"

WIDTH = "SELECT count(*) FROM store.features"
FIRING_COUNTS = (
    "SELECT feature_id, count(*) AS n FROM store.activations_by_feature GROUP BY feature_id ORDER BY feature_id"
)
FIRING = "SELECT image_row, activation FROM store.activations_by_feature WHERE rowid BETWEEN $first AND $last"
"""In the order of the table, a feature's strongest first: rows lie in the order in which they were written, nothing is ever deleted,
and DuckDB keeps the order of rows that nothing sorts. By rowid it goes straight to them, however many features there are."""
FIRST_FIRING_OF = """
SELECT feature_id, image_row, activation FROM store.activations_by_feature
WHERE feature_id IN (SELECT unnest($features::INTEGER[]))
QUALIFY row_number() OVER (PARTITION BY feature_id ORDER BY activation DESC, image_row) <= $n
ORDER BY feature_id, activation DESC, image_row
"""

IMAGES = """
SELECT * FROM store.images
WHERE ($split = '' OR split = $split)
  AND len(list_filter($words::VARCHAR[], lambda word: NOT contains(lower(concat_ws(' ',
        image_id, array_to_string(labels, ' '), indication, findings, impression)), word))) = 0
ORDER BY row LIMIT $limit OFFSET $offset
"""

TEXTS = """
SELECT row, indication, findings, impression, facts::VARCHAR FROM store.images
WHERE rowid IN (SELECT unnest($rows::BIGINT[]))
"""
"""Rows lie in their order and nothing is ever deleted, so that rowid is row; by rowid the database skips what isn't asked for."""
TEXT = "SELECT row, indication, findings, impression, facts::VARCHAR FROM store.images WHERE rowid = $row"
ALL_TEXTS = "SELECT row, indication, findings, impression, facts::VARCHAR AS facts FROM store.images"
PATH = "SELECT path FROM store.images WHERE rowid = $row"

FEATURES_OF_ROW = "SELECT feature_id, activation FROM store.activations_by_image WHERE image_row = $row"
"""In the order of the table, the highest activation first."""
