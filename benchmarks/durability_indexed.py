"""What the curation store doesn't do: edits written over each other in a DuckDB table with a key and an index.

Run by `benchmarks.durability` in an environment with duckdb 1.5.6, whose indexes don't survive kill -9, to show that the
same kills find a store that fails: python -m benchmarks.durability_indexed FOLDER KILLS ACTS SEED. Prints its tally as JSON.
"""

from __future__ import annotations

import json
import random
import sys
from dataclasses import asdict
from pathlib import Path

import duckdb

from benchmarks.kills import run

FEATURES = 40


class Indexed:
    """Table current(feature_id PRIMARY KEY, number, text) with an index on text."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "indexed.duckdb"
        self._connection: duckdb.DuckDBPyConnection | None = None

    def open(self) -> None:
        self._connection = duckdb.connect(str(self._path))
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS current (feature_id INTEGER PRIMARY KEY, number INTEGER, text VARCHAR)"
        )
        self._connection.execute("CREATE INDEX IF NOT EXISTS by_text ON current (text)")

    def check(self, expected: list[list]) -> tuple[int, int, list[list]]:
        """By the key, by the index and by a look at every row: all three must give the last act on each feature."""
        assert self._connection is not None
        last = {feature: (number, text) for feature, number, text in expected}
        rows = {
            f: (n, t) for f, n, t in self._connection.execute("SELECT feature_id, number, text FROM current").fetchall()
        }
        lost = wrong = 0
        beyond = []
        for feature in range(FEATURES):
            was, now = last.get(feature), rows.get(feature)
            by_key = self._connection.execute(
                "SELECT number, text FROM current WHERE feature_id = ?", [feature]
            ).fetchall()
            if now is not None and (was is None or now[0] == was[0] + 1):
                # Saved, and killed before it could say so.
                beyond.append([feature, *now])
                was = now
            if was is None:
                continue
            if now is None or now[0] < was[0]:
                lost += 1
                continue
            by_text = self._connection.execute("SELECT feature_id FROM current WHERE text = ?", [was[1]]).fetchall()
            wrong += (now != was) or (by_key != [was]) or (by_text != [(feature,)])
        return lost, wrong, beyond

    def act(self, rng: random.Random) -> list[list]:
        assert self._connection is not None
        feature = rng.randrange(FEATURES)
        found = self._connection.execute("SELECT number FROM current WHERE feature_id = ?", [feature]).fetchone()
        number = found[0] + 1 if found else 1
        text = f"feature {feature} edit {number}"
        self._connection.execute("BEGIN")
        self._connection.execute("DELETE FROM current WHERE feature_id = ?", [feature])
        self._connection.execute("INSERT INTO current VALUES (?, ?, ?)", [feature, number, text])
        self._connection.execute("COMMIT")
        return [[feature, number, text]]

    def close(self) -> None:
        assert self._connection is not None
        self._connection.close()


if __name__ == "__main__":
    folder, kills, acts, seed = sys.argv[1:]
    tally = run(Indexed(Path(folder)), int(kills), int(acts), int(seed), lambda words: print(words, file=sys.stderr))
    print(json.dumps({"duckdb": duckdb.__version__} | asdict(tally)))
