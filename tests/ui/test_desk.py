"""The desk's panels through the real shell, without a browser."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from saerad_core.exchange import FORMATS
from saerad_core.explorer import Explorer
from saerad_core.store.curation import CurationStore
from saerad_core.ui.desk import export_panel as export_panel_module
from saerad_core.ui.links import Links
from saerad_core.ui.state import Here
from saerad_core.workspace import Workspace
from tests.ui.test_pages import SHELL, opened, shown


@pytest.fixture
def workspace(tiny_workspace: Workspace, tmp_path: Path) -> Iterator[Workspace]:
    shutil.copytree(tiny_workspace.root, tmp_path / "tiny")
    yield Workspace.open(tmp_path / "tiny")
    st.cache_resource.clear()


@pytest.fixture
def app(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setenv("SAERAD_DATA", str(workspace.root.parent))
    app = AppTest.from_file(str(SHELL), default_timeout=120)
    app.query_params["ws"] = "tiny"
    app.session_state["author"] = "A. Reader"
    return app


def written(workspace: Workspace) -> CurationStore:
    return CurationStore(workspace)


def test_a_rejected_sentence_shows_its_reason_and_queues_its_feature_until_it_is_judged(
    app: AppTest, workspace: Workspace
):
    store = written(workspace)
    store.accept(7, "Ann", 0, "Disc on the left")
    store.complain([7, 9], "There is a <b>large</b> disc.", "Ben", "no disc here")
    opened(app, "curate", queue="todo", feature="7")
    words = shown(app)
    assert "rest on 2 features" in words and "queue=todo" not in words.split("rest on 2 features")[0][-200:]
    assert (
        "rejected \N{LEFT DOUBLE QUOTATION MARK}There is a &lt;b&gt;large&lt;/b&gt; disc.\N{RIGHT DOUBLE QUOTATION MARK} in a report: no disc here"
        in words
    )
    assert "complaints 2" in words, "accepted features come back"
    app.button(key="desk_reject_7").click().run()
    assert not app.exception
    app.query_params["queue"] = "complaints"
    words = shown(app.run())
    assert "rest on 1 feature." in words and ">#9<" in words and 'class="id">#7<' not in words


def test_what_saving_changes_is_shown_on_request_with_pinned_x_rays(app: AppTest, workspace: Workspace):
    explorer = Explorer(workspace)
    use = explorer.impact.count()
    feature = max(use.cited, key=use.share)
    opened(app, "curate", queue="all", feature=str(feature))
    assert "What saving changes" not in shown(app)
    app.button(key=f"desk_impact_{feature}").click().run()
    assert not app.exception
    for _ in range(100):
        if "rest on this feature" in shown(app):
            break
        app.run()
    reach = explorer.impact.reach(feature)
    assert reach is not None
    assert (
        f"{reach.patients} of {reach.of_patients} patients" in shown(app)
        and reach.patients <= reach.images <= reach.of_images
    )
    app.button(key=f"desk_pin_{feature}").click().run()
    pins = written(workspace).snapshot().pins()
    assert pins and list(pins) == explorer.impact.cases(feature, 3)
    words = shown(app)
    assert f"of {len(pins)} <a" in words
    app.text_area[0].set_value("Round opacity on the left")
    words = shown(app.run())
    assert "Beside the feature" in words and "<ins>" in words
    next(one for one in app.get("button_group") if one.key == f"desk_if_{feature}").set_value("reject").run()
    assert "rests on the feature no more" in shown(app)
    assert written(workspace).state(feature).revision == 0, "nothing is written to find out"


def test_pinned_x_rays_have_a_page_part(app: AppTest, workspace: Workspace):
    name = Explorer(workspace).images([3])[0].image_id
    written(workspace).pin(name, "Ann")
    opened(app, "curate", part="pinned")
    assert name in shown(app)
    app.text_input(key="pins_name").set_value("no such X-ray").run()
    assert "There is no X-ray of this name" in shown(app)
    app.multiselect[0].set_value([name]).run()
    app.button(key="pins_take_off").click().run()
    assert "No X-ray is pinned." in shown(app) and written(workspace).snapshot().pins() == ()


def test_a_selection_made_elsewhere_is_chosen_and_undone_as_one(app: AppTest, workspace: Workspace):
    opened(app, "curate", part="many", features="3,5,5,99999,x")
    assert list(app.dataframe[0].value["feature"]) == [3, 5]
    app.text_input(key="many_word").set_value("discs").run()
    app.button(key="many_Tag").click().run()
    store = written(workspace)
    assert "2 features" in app.success[0].value and store.state(3).tags == store.state(5).tags == ("discs",)
    app.button(key="many_List").click().run()
    app.button(key="many_undo").click().run()
    assert store.snapshot().lists() == {} and store.state(3).tags == ("discs",)
    store.list_([8, 2, 4], "kept", "Ann")
    for name in ("features", "list"):
        app.query_params.pop(name, None)
    app.query_params["list"] = "kept"
    assert sorted(app.run().dataframe[0].value["feature"]) == [2, 4, 8]
    app.query_params.pop("list")
    app.query_params["handed"] = "1"
    assert "The selection is gone." in shown(app.run())
    app.session_state["many_handed"] = list(range(60))
    assert len(app.run().dataframe[0].value) == 60


def test_a_lasso_s_features_go_to_the_desk(app: AppTest):
    opened(app, "atlas", ids="3,5")
    app.button(key="atlas_desk").click().run()
    assert not app.exception
    assert app.query_params["part"] == ["many"] or app.query_params["part"] == "many"
    assert list(app.dataframe[0].value["feature"]) == [3, 5]


def test_any_past_moment_is_shown_and_two_are_compared(app: AppTest, workspace: Workspace):
    store = written(workspace)
    store.edit(3, "Disc on the left", "Ann", 0)
    store.release("first", "Ann")
    store.edit(3, "Disc on the right", "Ben", 1, accept=True)
    opened(app, "curate", part="past", since="first")
    words = shown(app)
    assert (
        "What counted: first" in words
        and "<ins>right</ins>" in words
        and "<del>left</del>" in words
        and ">accepted" in words
    )
    app.query_params["since"] = "2020-01-01"
    assert "1 features" in shown(app.run())
    app.text_input(key="since").set_value("no release").run()
    assert "neither a release nor a date" in app.error[0].value
    app.text_input(key="release_name").set_value("second").run()
    app.button(key="release").click().run()
    assert [one.name for one in store.releases()] == ["first", "second"]


def test_one_key_says_that_a_feature_has_no_clinical_meaning(app: AppTest, workspace: Workspace):
    opened(app, "curate", queue="all", feature="5")
    app.text_area[0].set_value("Hazy film")
    app.button(key="desk_meaning_5").click().run()
    assert app.text_area[0].value == "Hazy film"
    app.button(key="desk_accept_5").click().run()
    assert not app.exception
    state = written(workspace).state(5)
    assert (state.text, state.status, state.fields.no_clinical_meaning) == ("Hazy film", "accepted", True)


def test_descriptions_go_out_with_one_click(app: AppTest, workspace: Workspace):
    store = written(workspace)
    store.edit(3, "Disc on the left", "Ann", 0, accept=True)
    store.list_([3], "kept", "Ann")
    opened(app, "curate", part="progress")
    for form in FORMATS:
        app.selectbox(key="export_form").set_value(form).run()
        assert not app.exception
    app.selectbox(key="export_list").set_value("kept").run()
    found = app.get("download_button")
    assert len(found) == 1 and not found[0].proto.disabled
    # What the button hands out is made when it is pressed.
    body = Explorer(workspace).export("csv", [3])[2].decode()
    assert "Disc on the left" in body


def test_files_of_the_desk_are_those_of_the_command(workspace: Workspace):
    store = written(workspace)
    store.edit(3, "Disc on the left", "Ann", 0, accept=True)
    explorer = Explorer(workspace)
    here = Here(workspace, explorer, Links("tiny"))
    for form in FORMATS:
        assert export_panel_module._file(here, form, [3], 0) == explorer.export(form, [3], 0)[2]


def test_a_file_is_looked_at_before_it_is_taken_in(app: AppTest, workspace: Workspace):
    store = written(workspace)
    store.edit(3, "Disc on the left", "Ann", 0, accept=True)
    _, _, table = Explorer(workspace).export("csv", [3])
    opened(app, "curate", part="progress")
    app.file_uploader[0].set_value(
        ("there.csv", table.replace(b"Disc on the left", b"Disc on the right", 1), "text/csv")
    )
    words = shown(app.run())
    assert "changed by hand in the file" in words and store.state(3).text == "Disc on the left", "only looked at"
    app.button(key="files_take_in").click().run()
    assert not app.exception and written(workspace).state(3).text == "Disc on the right"
    # The same file again, after somebody here wrote something else: shown, and not taken.
    written(workspace).edit(3, "Disc in the middle", "Ben", written(workspace).state(3).revision)
    words = shown(app.run())
    assert "Conflicts" in words and "Disc in the middle" in words
    assert app.button(key="files_take_in").disabled
    app.file_uploader[0].set_value(("there.csv", b"\x00no table", "text/csv"))
    assert app.run().error and not app.exception
