"""SQL that reads activations.duckdb. Values are always bound, never written into the text."""

from __future__ import annotations

FEATURES = "SELECT * FROM features ORDER BY feature_id"
DESCRIPTIONS = "SELECT * FROM descriptions ORDER BY feature_id"

FEATURE = """
SELECT f.*, d.* EXCLUDE (feature_id)
FROM features f LEFT JOIN descriptions d USING (feature_id)
WHERE f.feature_id = $feature
"""

FIND_FEATURES = """
SELECT f.feature_id
FROM features f LEFT JOIN descriptions d USING (feature_id)
WHERE ($ids IS NULL OR list_contains($ids::INTEGER[], f.feature_id))
  AND ($alive IS NULL OR (f.n_images > 0) = $alive)
  AND ($described IS NULL OR (d.text IS NOT NULL) = $described)
  AND ($finding = '' OR d.finding = $finding)
  AND ($side = '' OR d.side = $side)
  AND ($certainty = '' OR d.certainty = $certainty)
  AND f.frequency BETWEEN $lowest AND $highest
  AND len(list_filter($words::VARCHAR[], lambda word: NOT contains(lower(concat_ws(' ',
        d.text, replace(d.finding, '_', ' '), d.side, d.place, replace(f.best_label, '_', ' '), array_to_string(d.terms, ' '))), word))) = 0
ORDER BY $sign * CASE $sort
    WHEN 'frequency' THEN f.frequency WHEN 'max' THEN f.max WHEN 'z' THEN d.z WHEN 'auroc' THEN f.best_auroc
    WHEN 'n_patients' THEN f.n_patients ELSE f.feature_id END NULLS LAST, f.feature_id
"""

FEATURES_BY_ID = """
SELECT f.*, d.* EXCLUDE (feature_id)
FROM (SELECT unnest($ids::INTEGER[]) AS feature_id, unnest(range(len($ids::INTEGER[]))) AS place) asked
JOIN features f USING (feature_id) LEFT JOIN descriptions d USING (feature_id)
ORDER BY asked.place
"""

HISTOGRAM = "SELECT lo, hi, n FROM feature_histograms WHERE feature_id = $feature ORDER BY bin"
NEIGHBOURS = (
    "SELECT other_id, cosine FROM feature_neighbours WHERE feature_id = $feature ORDER BY cosine DESC, other_id"
)
COACTIVE = "SELECT other_id, n, npmi FROM coactivations WHERE feature_id = $feature ORDER BY npmi DESC, other_id"
LABELS = "SELECT label, auroc, n_patients FROM feature_labels WHERE feature_id = $feature ORDER BY auroc DESC, label"

TOP_IMAGES = """
WITH one AS (
    SELECT a.feature_id, i.row, a.activation
    FROM activations_by_feature a JOIN images i ON i.row = a.image_row
    WHERE list_contains($features::INTEGER[], a.feature_id) AND ($split = '' OR i.split = $split)
    QUALIFY NOT $one_per_patient
        OR row_number() OVER (PARTITION BY a.feature_id, i.patient_id ORDER BY a.activation DESC, i.row) = 1
), ranked AS (
    SELECT *, row_number() OVER (PARTITION BY feature_id ORDER BY activation DESC, row) AS rank,
        count(*) OVER (PARTITION BY feature_id) AS n
    FROM one
), chosen AS (
    SELECT * FROM ranked
    QUALIFY row_number() OVER (PARTITION BY feature_id ORDER BY
        CASE $band WHEN 'strongest' THEN rank WHEN 'weakest' THEN n - rank ELSE abs(rank - (n + 1) / 2.0) END, rank) <= $n
)
SELECT c.feature_id, c.activation, i.* FROM chosen c JOIN images i USING (row) ORDER BY c.feature_id, c.rank
"""

IMAGES = """
SELECT * FROM images
WHERE ($split = '' OR split = $split)
  AND len(list_filter($words::VARCHAR[], lambda word: NOT contains(lower(concat_ws(' ',
        image_id, array_to_string(labels, ' '), indication, findings, impression)), word))) = 0
ORDER BY row LIMIT $limit OFFSET $offset
"""

IMAGE = "SELECT * FROM images WHERE image_id = $image_id"

IMAGES_BY_ROW = """
SELECT i.*
FROM (SELECT unnest($rows::INTEGER[]) AS row, unnest(range(len($rows::INTEGER[]))) AS place) asked JOIN images i USING (row)
ORDER BY asked.place
"""

FEATURES_OF_IMAGE = """
SELECT a.feature_id, a.activation, f.threshold, f.max, f.frequency, coalesce(d.text, '') AS text, coalesce(d.finding, '') AS finding
FROM activations_by_image a JOIN features f USING (feature_id) LEFT JOIN descriptions d USING (feature_id)
WHERE a.image_row = (SELECT row FROM images WHERE image_id = $image_id)
ORDER BY a.activation / greatest(f.threshold, 1e-6) DESC, a.activation DESC, a.feature_id
"""

DESCRIBED = """
SELECT certainty, count(*) FROM descriptions GROUP BY certainty ORDER BY certainty
"""

FINDINGS = """
SELECT finding, count(*) FROM descriptions WHERE finding <> '' GROUP BY finding ORDER BY count(*) DESC, finding
"""
