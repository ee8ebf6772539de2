"""Progress that another process can follow."""

from __future__ import annotations

import os

from saerad_core.progress import Reporter, read, track


def test_a_reader_sees_stage_count_and_end(tmp_path, capsys) -> None:
    path = tmp_path / "build.json"
    assert read(path) is None
    reporter = Reporter(path, console=False)
    reporter.stage("Embedding", 4, 1, 6)
    assert list(track(range(4), reporter)) == [0, 1, 2, 3]
    state = read(path)
    assert state is not None
    assert (state.stage, state.total, state.stage_number, state.stages, state.pid) == (
        "Embedding",
        4,
        1,
        6,
        os.getpid(),
    )
    assert not state.finished
    reporter.finish()
    state = read(path)
    assert state is not None and state.finished and state.done == 4 and state.seconds_left is None
    assert capsys.readouterr().err == ""


def test_an_error_is_kept_for_the_reader(tmp_path) -> None:
    reporter = Reporter(tmp_path / "build.json", console=False)
    reporter.stage("Embedding", 4)
    reporter.finish("The encoder is missing.")
    state = read(tmp_path / "build.json")
    assert state is not None and not state.finished and state.error == "The encoder is missing."


def test_half_a_file_reads_as_none(tmp_path) -> None:
    (tmp_path / "build.json").write_text('{"stage": "Emb')
    assert read(tmp_path / "build.json") is None
    (tmp_path / "build.json").write_text('{"unknown": 1}')
    assert read(tmp_path / "build.json") is None
