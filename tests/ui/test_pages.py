"""Every page runs through the real shell over the tiny workspace, without a browser."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from saerad_core.evaluation.sae_report import sae_report, write
from saerad_core.ui.registry import PAGES
from saerad_core.workspace import Workspace

SHELL = Path(__file__).resolve().parents[2] / "saerad_core" / "ui" / "shell.py"


@pytest.fixture(scope="module")
def folder(tiny_workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A data folder of two workspaces that tests may write to."""
    folder = tmp_path_factory.mktemp("pages")
    for name in ("tiny", "other"):
        shutil.copytree(tiny_workspace.root, folder / name)
    yield folder
    # Readers that the app keeps for its life would otherwise outlive their files.
    st.cache_resource.clear()


@pytest.fixture
def app(folder: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setenv("SAERAD_DATA", str(folder))
    app = AppTest.from_file(str(SHELL), default_timeout=120)
    app.query_params["ws"] = "tiny"
    return app


def opened(app: AppTest, page: str, **query: str) -> AppTest:
    """The app on one of its pages."""
    for name, value in query.items():
        app.query_params[name] = value
    app.run()
    if page != PAGES[0].name:
        app.switch_page(f"../../pages/{page}.py").run()
    assert not app.exception, app.exception
    return app


def shown(app: AppTest) -> str:
    """All HTML of the page and its menu."""
    return "\n".join(element.proto.body for element in (*app.main.get("html"), *app.sidebar.get("html")))


@pytest.mark.parametrize("page", [entry.name for entry in PAGES])
def test_every_page_opens_with_the_notice_and_keeps_its_workspace(app: AppTest, page: str):
    words = shown(opened(app, page))
    assert "Research use only" in words
    assert "tiny" in app.query_params["ws"]
    for entry in PAGES:
        path = "" if entry is PAGES[0] else entry.name
        assert f'href="/{path}?ws=tiny"' in words


def test_another_workspace_can_be_chosen(app: AppTest):
    opened(app, "overview")
    app.sidebar.selectbox[0].set_value("other").run()
    assert "other" in app.query_params["ws"]
    assert not app.exception


def test_an_unknown_workspace_is_said_in_words(app: AppTest):
    app.query_params["ws"] = "nowhere"
    app.run()
    assert not app.exception
    assert "There is no workspace called nowhere" in shown(app)


@pytest.mark.parametrize("asked", ["9999999", "-1", "abc", "1 OR 1=1", "\N{SUPERSCRIPT TWO}", "99999999999999999999"])
def test_an_odd_feature_is_one_sentence(app: AppTest, asked: str):
    opened(app, "features", feature=asked)
    assert app.error[0].value.endswith("look one up in the list of features.")


def test_the_evaluate_page_shows_the_sae_report_once_it_is_there(app: AppTest, folder: Path):
    page = shown(opened(app, "evaluate"))
    assert "sae-report data/" in page and str(folder) not in page
    opener = Workspace.open(folder / "other")
    write(opener, sae_report(opener))
    app.query_params["ws"] = "other"
    words = shown(app.run())
    for said in (
        "The dictionary",
        "Monosemanticity score",
        "How often features are active",
        "What a few features tell",
    ):
        assert said in words
    assert "Which features stand for what was drawn" not in words  # The X-rays aren't simulated.
    layouts = [json.loads(chart.proto.spec)["layout"] for chart in app.main.get("plotly_chart")]
    titles = {layout[axis]["title"]["text"] for layout in layouts for axis in ("xaxis", "yaxis")}
    assert {"features", "monosemanticity score", "share of training X-rays"} <= titles


@pytest.mark.parametrize(("name", "asked"), [("image", "../../etc/passwd"), ("drawn", "5"), ("image", "x" * 500)])
def test_an_odd_x_ray_is_one_sentence_and_the_chooser_stays(app: AppTest, name: str, asked: str):
    opened(app, "report", **{name: asked})
    assert len(app.error) == 1
    assert "Read a chest X-ray" in shown(app)


def test_search_without_an_answer(app: AppTest):
    opened(app, "features")
    app.text_input(key="q").set_value("zzzz").run()
    assert "No feature fits" in shown(app)


def test_a_page_beyond_the_last_is_the_last(app: AppTest):
    app.query_params["page"] = "99999"
    opened(app, "features")
    assert "tiny" in app.query_params["ws"]
    assert 'class="feature nav"' in shown(app)


def test_an_edit_shows_at_once_and_in_the_feature_s_page(app: AppTest):
    opened(app, "curate", feature="5")
    app.text_area[0].set_value("Dense <i>disc</i>, left base")
    app.text_input(key="author_box").set_value("A. Reader")
    app.button(key="save").click().run()
    assert not app.exception
    words = shown(app)
    assert "Dense &lt;i&gt;disc&lt;/i&gt;, left base" in words
    assert "<i>disc" not in words
    app.switch_page("../../pages/features.py").run()
    app.query_params["feature"] = "5"
    app.run()
    assert "edited by A. Reader" in shown(app)


def test_the_overview_tells_where_the_workspace_comes_from(app: AppTest, tiny_workspace: Workspace):
    words = shown(opened(app, "overview"))
    manifest = tiny_workspace.manifest
    for name in ("listed", "file found", "frontal", "embedded", "train", "validate", "test", "refused files"):
        assert f">{name}</span></td>" in words, name
        assert f'<td class="r">{manifest.funnel[name]}</td>' in words, name
    assert f">{manifest.encoder.fingerprint[:12]}<" in words and manifest.provenance["date"] in words
    assert "one&#x27;s own" in words
    assert str(tiny_workspace.root.parent) not in words, "no path is shown"
