"""The report page with what a reader does to it: prior, switches, verdicts, a language model. Without a browser."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from saerad_core.store.activations import ActivationStore
from saerad_core.store.curation import CurationStore
from saerad_core.workspace import Workspace
from tests.llm.server import answering
from tests.ui.test_pages import SHELL, opened, shown


@pytest.fixture(scope="module")
def folder(tiny_workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("report")
    shutil.copytree(tiny_workspace.root, folder / "tiny")
    yield folder
    st.cache_resource.clear()


@pytest.fixture
def app(folder: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setenv("SAERAD_DATA", str(folder))
    monkeypatch.delenv("SAERAD_LLM_URL", raising=False)
    app = AppTest.from_file(str(SHELL), default_timeout=120)
    app.query_params["ws"] = "tiny"
    return app


@pytest.fixture(scope="module")
def effusion(folder: Path) -> str:
    """A test X-ray whose report states one."""
    images = ActivationStore(folder / "tiny" / "activations.duckdb").images("test")
    return str(images.loc[images["findings"].str.contains("left pleural effusion"), "image_id"].iloc[0])


def sentences(app: AppTest) -> list[str]:
    return [part.split("<span>")[1].split("</span>")[0] for part in shown(app).split('class="sentence nav')[1:]]


def test_how_much_is_explained_stands_on_the_page(app: AppTest, effusion: str):
    page = shown(opened(app, "report", image=effusion))
    assert "% described" in page and "of this X-ray&#x27;s activation" in page
    assert any("effusion" in one for one in sentences(app))


def test_a_report_that_abstains_says_why_and_shows_no_sentence(app: AppTest, folder: Path, effusion: str):
    path = folder / "tiny" / "reporting.json"
    kept = path.read_text(encoding="utf-8")
    told = json.loads(kept)
    told["coverage"]["threshold"] = 2.0
    try:
        path.write_text(json.dumps(told), encoding="utf-8")
        st.cache_resource.clear()
        page = shown(opened(app, "report", image=effusion))
        assert "No report of this X-ray." in page and "There is no report" in page and not sentences(app)
    finally:
        path.write_text(kept, encoding="utf-8")
        st.cache_resource.clear()


def test_switched_features_stand_in_the_address_and_the_difference_is_shown(app: AppTest, effusion: str):
    opened(app, "report", image=effusion)
    first = app.multiselect(key="switch_features")
    assert not first.value and 'class="sentence diff' not in shown(app)
    # All features behind the first sentence, off.
    features = [int(one.split()[0].removeprefix("#")) for one in first.options]
    app.query_params["switch"] = ",".join(f"{one}:0" for one in features[:12])
    app.run()
    assert not app.exception
    page = shown(app)
    assert 'class="sentence diff removed"' in page and "effusion" in page.split("diff removed")[1]
    feature = features[0]
    app.slider(key=f"switch_{feature}").set_value(2.0).run()
    value = app.query_params["switch"]
    assert f"{feature}:2" in (value if isinstance(value, str) else value[0]).split(",")
    app.multiselect(key="switch_features").set_value([]).run()
    assert "switch" not in app.query_params and 'class="sentence diff' not in shown(app)


@pytest.mark.parametrize("switch", ["x", "1:9", "999999:0", "\N{SUPERSCRIPT TWO}:1"])
def test_junk_in_the_address_switches_nothing(app: AppTest, effusion: str, switch: str):
    opened(app, "report", image=effusion, switch=switch, prior="nowhere")
    assert 'class="sentence diff' not in shown(app)


def test_a_prior_x_ray_of_the_patient_can_be_chosen_and_its_lack_of_evidence_is_said(app: AppTest, folder: Path):
    images = ActivationStore(folder / "tiny" / "activations.duckdb").images("test")
    twice = images[images.duplicated("patient_id", keep=False)]
    patient = twice[twice["patient_id"] == twice["patient_id"].iloc[0]]
    opened(app, "report", image=str(patient["image_id"].iloc[1]), prior=str(patient["image_id"].iloc[0]))
    assert app.selectbox(key="own_prior").value == patient["image_id"].iloc[0]
    # Too few validation patients of so small a workspace have two X-rays.
    assert "Nothing is said of changes" in shown(app)


def test_an_indication_is_shown_and_goes_nowhere_else(app: AppTest, folder: Path, effusion: str):
    opened(app, "report", image=effusion)
    before = sentences(app)
    app.text_area(key="own_prior_report").set_value("SECRET: large pneumothorax.").run()
    assert "SECRET" in shown(app) and sentences(app) == before
    assert not any("SECRET" in str(value) for value in app.query_params.values())
    audit = app.session_state["analysis"][2].report.as_json()
    assert "SECRET" not in json.dumps(audit)


def test_a_rejected_sentence_goes_to_the_curators_with_its_features(app: AppTest, folder: Path, effusion: str):
    opened(app, "report", image=effusion, sentence="f0")
    app.session_state["author"] = "Ann"
    app.text_area(key="verdict_reason").set_value("no fluid").run()
    app.button(key="verdict_reject").click().run()
    assert not app.exception
    page = shown(app)
    assert "<s>" in page and "no fluid" in page
    store = CurationStore(Workspace.open(folder / "tiny"))
    behind = [one for one in store.snapshot().all().values() if one.complaints]
    assert behind and {c.reason for one in behind for c in one.complaints} == {"no fluid"}
    assert {c.author for one in behind for c in one.complaints} == {"Ann"}
    app.button(key="verdict_back").click().run()
    assert "<s>" not in shown(app)


def test_a_sentence_is_edited_and_accepted(app: AppTest, effusion: str):
    opened(app, "report", image=effusion, sentence="f0")
    app.text_area(key="verdict_words").set_value("Fluid at the <b>left</b> base.").run()
    app.button(key="verdict_edit").click().run()
    assert "Fluid at the &lt;b&gt;left&lt;/b&gt; base." in shown(app)
    app.button(key="verdict_accept").click().run()
    assert "accepted" in shown(app) and "Fluid at" not in shown(app).split('class="sentence nav')[1]


def test_a_language_model_words_the_findings_once_asked(app: AppTest, effusion: str, monkeypatch: pytest.MonkeyPatch):
    opened(app, "report", image=effusion)
    assert "write" not in [one.key for one in app.button]
    with answering('{"ids": [1], "text": "A left pleural effusion is present."}') as server:
        monkeypatch.setenv("SAERAD_LLM_URL", server.url)
        monkeypatch.setenv("SAERAD_LLM_MODEL", "tiny-writer")
        app.run()
        assert server.asked == []
        app.button(key="write").click().run()
        until = time.monotonic() + 20
        while "written" not in app.session_state and "writing_problem" not in app.session_state:
            assert time.monotonic() < until
            time.sleep(0.1)
            app.run()
        assert len(server.asked) == 1 and "effusion" in server.asked[0]["messages"][1]["content"]
    app.run()
    assert "worded by tiny-writer" in shown(app) and "A left pleural effusion is present." in shown(app)
    app.button(key="write_back").click().run()
    assert "worded by" not in shown(app)


def test_a_model_that_fails_leaves_the_report(app: AppTest, effusion: str, monkeypatch: pytest.MonkeyPatch):
    with answering(behaves="fails") as server:
        monkeypatch.setenv("SAERAD_LLM_URL", server.url)
        monkeypatch.setenv("SAERAD_LLM_MODEL", "m")
        opened(app, "report", image=effusion)
        before = sentences(app)
        app.button(key="write").click().run()
        until = time.monotonic() + 20
        while not app.warning and time.monotonic() < until:
            time.sleep(0.1)
            app.run()
        assert "stands" in app.warning[0].value and sentences(app) == before
