"""What is asked for often is read once, and answers the same."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from saerad_core.store import activations
from saerad_core.store.activations import ActivationStore
from saerad_core.store.kept import ByFeature, Often
from tests.store.example import Example, M, N


def test_it_is_read_once_it_has_been_asked_for_often() -> None:
    readings: list[int] = []
    often = Often(lambda: readings.append(1) or len(readings), 2)
    assert [often.get() for _ in range(4)] == [None, None, 1, 1] and readings == [1]


def test_nobody_waits_while_another_reads() -> None:
    begun, end = threading.Event(), threading.Event()

    def read() -> str:
        begun.set()
        assert end.wait(30)
        return "all"

    often = Often(read, 0)
    reader = threading.Thread(target=often.get, daemon=True)
    reader.start()
    assert begun.wait(30) and often.get() is None
    end.set()
    reader.join(30)
    assert often.get() == "all"


def test_rows_of_a_feature() -> None:
    table = ByFeature(np.array([0, 0, 2]), [np.array([5, 6, 7]), np.array([0.5, 0.25, 1.0])])
    assert [table.rows(i) for i in range(-1, 4)] == [[], [(5, 0.5), (6, 0.25)], [], [(7, 1.0)], []]
    assert ByFeature(np.array([], dtype=int), [np.array([])]).rows(0) == []


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Example(tmp_path_factory.mktemp("kept") / "activations.duckdb").path


def test_answers_are_those_of_the_database(path: Path) -> None:
    asked, kept = ActivationStore(path), ActivationStore(path, often=0)
    for feature in range(-1, M + 1):
        for name in ("histogram", "neighbours", "coactive", "label_scores"):
            mine, theirs = (getattr(store, name)(feature) for store in (kept, asked))
            assert mine == theirs and [list(map(type, row)) for row in mine] == [list(map(type, row)) for row in theirs]
    assert kept.texts(range(-1, N + 1)) == asked.texts(range(-1, N + 1)) and len(kept.texts(range(N))) == N


def test_reports_of_a_large_workspace_stay_on_the_disk(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(activations, "MOST_REPORTS", N - 1)
    store = ActivationStore(path, often=0)
    assert store.texts([1]) == ActivationStore(path).texts([1]) and store._reports.get() is None
