"""A tenth of `python -m benchmarks.durability`: kills, damaged files, many writers. What is timed there isn't tested here."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import durability
from benchmarks.common import Results

MEMORY = Path("/dev/shm")
"""A kill takes nothing from memory that the system holds for a file, so the disk may be a quick one."""


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    folder = MEMORY if MEMORY.is_dir() else tmp_path_factory.mktemp("durability")
    return durability.main(["--quick", "--folder", str(folder)])


@pytest.mark.timeout(900)
def test_nothing_acknowledged_is_lost_nothing_damaged_is_silent_nobody_is_overwritten(results: Results) -> None:
    rows = {row.name.split(",")[0]: row for row in results.rows}
    assert (
        rows["kill -9 at random moments"].value >= 100 and rows["acknowledged acts (a bulk act is one)"].value >= 5000
    )
    assert rows["saves tried by eight writers"].value == 400 and rows["refused as conflicts"].value > 0
    missed = [(row.name, row.value) for row in results.rows if row.met is False]
    assert missed == []


def test_the_harness_finds_a_store_that_forgets(tmp_path: Path) -> None:
    """A subject that acknowledges before it writes is caught, so that 0 lost means something."""
    from benchmarks.kills import run

    class Forgetful(durability.Curation):
        def act(self, rng):
            said = super().act(rng)
            if rng.random() < 0.05:
                # As if the database and the journal had never heard of the last act.
                said.append([10**6, 0, 1, "edited", {"text": "only promised"}])
            return said

    root = tmp_path / "forgetful"
    durability.make(root)
    tally = run(Forgetful(root), 6, 120, 0, lambda _: None)
    assert tally.lost > 0 or tally.wrong > 0
