"""Search by meaning on the list and on the map: offered where a model is set up, and a sentence where it can't be used."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest
from typer.testing import CliRunner

from saerad_core.cli import app as cli
from saerad_core.explorer import Explorer, FeatureQuery
from saerad_core.llm.sentences import VARIABLE
from saerad_core.workspace import Workspace
from tests.llm.tiny_bert import make_tiny_bert
from tests.ui.test_pages import SHELL, opened, shown


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_bert(tmp_path_factory.mktemp("bert") / "tiny")


@pytest.fixture
def app(workspace: Workspace) -> AppTest:
    app = AppTest.from_file(str(SHELL), default_timeout=120)
    app.query_params["ws"] = "tiny"
    return app


def test_nobody_is_offered_what_isn_t_set_up(app: AppTest, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    words = shown(opened(app, "features", q="left", meaning="true"))
    assert "No sentence model is set up here: searched by words." in words
    assert "meaning" not in [one.key for one in app.toggle]


def test_the_nearest_descriptions_are_listed_and_the_address_says_so(
    app: AppTest, workspace: Workspace, model: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv(VARIABLE, str(model))
    explorer = Explorer(workspace)
    # A word that no description holds: by words there is no answer, by meaning there always is.
    opened(app, "features", q="xylophone")
    assert "No feature fits." in shown(app)
    app.toggle(key="meaning").set_value(True).run()
    assert not app.exception and "No feature fits." not in shown(app)
    assert list((workspace.meanings_dir).glob("*/*.safetensors")), "kept beside the workspace"
    texts = {explorer.text(int(i)) for i in explorer.catalogue.find(FeatureQuery(described=True))}
    assert any(text in shown(app) for text in texts)


def test_the_map_takes_it_over_from_the_address(app: AppTest, model: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(VARIABLE, str(model))
    words = shown(opened(app, "atlas", q="xylophone", meaning="true"))
    assert "No feature fits." not in words and "To the desk" in [one.label for one in app.button]


@pytest.mark.parametrize("page", ["features", "atlas"])
@pytest.mark.parametrize("fault", ["missing", "empty"])
def test_a_folder_that_can_t_be_used_is_one_sentence(
    app: AppTest, page: str, fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    folder = tmp_path / "models"
    if fault == "empty":
        folder.mkdir()
    monkeypatch.setenv(VARIABLE, str(folder))
    opened(app, page, q="effusion", meaning="true")
    assert len(app.error) == 1
    told = app.error[0].value.replace("\\", "")
    assert VARIABLE in told and ("names no folder" if fault == "missing" else "holds no model") in told


def test_the_command_makes_them_all_and_refuses_in_a_sentence(
    workspace: Workspace, model: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv(VARIABLE, str(model))
    first = CliRunner().invoke(cli, ["meanings", str(workspace.root)])
    assert first.exit_code == 0 and "0 texts" not in first.stdout
    again = CliRunner().invoke(cli, ["meanings", str(workspace.root)])
    assert "0 texts were new" in again.stdout
    monkeypatch.delenv(VARIABLE)
    refused = CliRunner().invoke(cli, ["meanings", str(workspace.root)])
    assert refused.exit_code and VARIABLE in str(refused.exception)
