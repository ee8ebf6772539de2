"""The reader study through the real shell, without a browser."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from saerad_core.study import StudyJournal
from saerad_core.workspace import Workspace
from tests.ui.test_pages import SHELL, opened, said, shown


@pytest.fixture
def root(tiny_workspace: Workspace, tmp_path: Path):
    shutil.copytree(tiny_workspace.root, tmp_path / "tiny")
    yield tmp_path / "tiny"
    st.cache_resource.clear()
    st.cache_data.clear()


@pytest.fixture
def app(root: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setenv("SAERAD_DATA", str(root.parent))
    app = AppTest.from_file(str(SHELL), default_timeout=120)
    app.query_params["ws"] = "tiny"
    app.session_state["author"] = "Ada"
    return app


def test_a_reader_marks_a_whole_report_and_the_address_follows(app: AppTest, root: Path):
    opened(app, "study")
    assert "blinded study" in shown(app)
    app.number_input(key="study_n").set_value(2)
    app.number_input(key="study_seed").set_value(5).run()
    app.button(key="study_begin").click().run()
    assert (said(app, "item"), said(app, "n"), said(app, "seed"), said(app, "sources")) == ("1", "2", "5", "ours,own")
    words = shown(app)
    assert "Report A" in words and "This program" not in words and "own report" not in words
    for _ in range(20):
        if said(app, "item") == "2":
            break
        app.button(key="study_minor").click().run()
    assert said(app, "item") == "2", "the last sentence of a report leads to the next X-ray"
    marks = StudyJournal(root).marks()
    assert {mark.mark for mark in marks} == {"minor"} and {mark.reader for mark in marks} == {"Ada"}
    assert len({mark.image_id for mark in marks}) == 1 and [mark.sentence for mark in marks] == list(range(len(marks)))
    # Marked again, the newer one counts and the older one stays in the file.
    app.button(key="study_previous").click().run()
    app.button(key="study_correct").click().run()
    assert [mark.mark for mark in StudyJournal(root).marks()][-1] == "correct" and len(
        StudyJournal(root).marks()
    ) == len(marks) + 1


def test_results_are_hidden_in_the_middle_and_exports_carry_the_notice(app: AppTest, root: Path):
    opened(app, "study", kind="single", sources="ours,own", n="2", seed="5", item="1")
    app.button(key="study_significant").click().run()
    app.text_input(key="study_omitted_A").set_value("a left nodule").run()
    app.button(key="study_omitted_A_minor").click().run()
    app.query_params["part"] = "results"
    app.run()
    assert "no longer be blind" in shown(app) and "significant error" not in shown(app)
    app.button(key="study_show").click().run()
    assert not app.exception
    assert said(app, "show") == "1"
    words = shown(app)
    assert "Marks by source" in words and "reports without a significant error" in words
    (chart,) = app.main.get("plotly_chart")
    layout = json.loads(chart.proto.spec)["layout"]
    assert layout["xaxis"]["title"]["text"] and layout["yaxis"]["title"]["text"]


def test_pairs_are_compared(app: AppTest, root: Path):
    opened(app, "study", kind="pair", sources="ours,nearest", n="2", item="1")
    assert "Report A" in shown(app) and "Report B" in shown(app)
    app.button(key="study_prefer_B").click().run()
    (mark,) = StudyJournal(root).marks()
    assert mark.kind == "preferred" and mark.mark == "B" and mark.source in ("ours", "nearest")


@pytest.mark.parametrize(
    "odd", [{"item": "x", "n": "-3", "seed": "1e9"}, {"kind": "triple", "sources": "<b>"}, {"item": "999", "at": "Z9"}]
)
def test_an_odd_address_is_a_study_all_the_same(app: AppTest, odd: dict[str, str]):
    opened(app, "study", **odd)
    assert not app.exception and not app.error


def test_nobody_marks_without_a_name(app: AppTest, root: Path):
    app.session_state["author"] = ""
    opened(app, "study", item="1", n="2")
    assert "Nobody marks yet" in shown(app) and not (root / "study.jsonl").exists()
