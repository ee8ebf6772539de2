"""A store's X-rays many times over, by SQL: how its questions grow with X-rays, without drawing millions of them."""

from __future__ import annotations

from pathlib import Path

import duckdb

from saerad_core.store.schema import TABLES

COPIED = ("features", "feature_histograms", "coactivations", "feature_neighbours", "feature_labels", "descriptions")


def enlarge(path: Path, out: Path, times: int) -> None:
    """Write ``out``: every X-ray of the store at ``path`` ``times`` times, each time as other patients', with the same activations."""
    out.unlink(missing_ok=True)
    with duckdb.connect(":memory:", config={"threads": 2}) as connection:
        connection.execute("ATTACH $path AS one (READ_ONLY)", {"path": str(path)})
        connection.execute("ATTACH $path AS many", {"path": str(out)})
        connection.execute("USE many")
        connection.execute(TABLES)
        for name in COPIED:
            connection.execute(f"INSERT INTO many.{name} SELECT * FROM one.{name}")  # noqa: S608 - a name of our own
        n = connection.execute("SELECT count(*) FROM one.images").fetchall()[0][0]
        for k in range(times):
            values = {"k": k, "shift": k * n}
            connection.execute(
                "INSERT INTO many.images SELECT * REPLACE ((row + $shift)::INTEGER AS row, image_id || '.' || $k AS image_id, "
                "study_id || '.' || $k AS study_id, patient_id || '.' || $k AS patient_id) FROM one.images ORDER BY row",
                values,
            )
            connection.execute(
                "INSERT INTO many.activations_by_image SELECT (image_row + $shift)::INTEGER, feature_id, activation "
                "FROM one.activations_by_image",
                {"shift": k * n},
            )
        connection.execute(
            "INSERT INTO many.activations_by_feature SELECT feature_id, (image_row + k * $n)::INTEGER, activation "
            "FROM one.activations_by_feature, range($times) copies(k) ORDER BY feature_id, activation DESC, image_row",
            {"n": n, "times": times},
        )
        connection.execute("CHECKPOINT many")
