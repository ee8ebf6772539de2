"""Every page runs through the real shell over the tiny workspace, without a browser."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from saerad_core.evaluation.losses import Seen, losses
from saerad_core.evaluation.run import evaluate
from saerad_core.evaluation.sae_report import sae_report, write
from saerad_core.explorer import Explorer
from saerad_core.progress import Reporter
from saerad_core.store.activations import ActivationStore
from saerad_core.ui.registry import PAGES
from saerad_core.vocabulary import Fact
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


def said(app: AppTest, name: str) -> str:
    """What the address says."""
    value = app.query_params[name]
    return value if isinstance(value, str) else value[0]


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
    assert app.error[0].value.replace("\\", "").endswith("look one up in the list of features.")


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


def test_the_evaluate_page_draws_the_frontier_and_a_running_sweep(app: AppTest, folder: Path):
    assert "train data/tiny --sweep" in shown(opened(app, "evaluate"))
    other = Workspace.open(folder / "other")
    told = {pool: {way: {"value": 0.8, "lo": 0.7, "hi": 0.9} for way in ("single", "k15")} for pool in ("max", "mean")}
    test = {
        "l0": 6.1,
        "explained_variance": 0.9,
        "pca_explained_variance": 0.8,
        "dense": {"value": 0.85},
        "auroc": told,
    }
    candidates = [
        {"label": label, "architecture": name, "tokens": "patch", "width": 16, "dead_share": 0.1, "test": test}
        for label, name in (("topk-16-patch-k6-0", "topk"), ("gated-16-patch-k6-0", "gated"), ("own", "topk"))
    ]
    found = {"label": "topk-16-patch-k6-0", "sentence": "Take topk.", "compared": {"own": "no better"}}
    figures = {
        "simulated": False,
        "recommended": found,
        "pca": {"patch": {"test": [0.5, 0.6]}},
        "candidates": candidates,
    }
    (other.root / "frontier.json").write_text(json.dumps(figures))
    reporter = Reporter(other.sweep_file, console=False)
    reporter.stage("Training 7 candidates", 100)
    reporter.advance(40)
    (other.runs_dir / "gated-16-patch-k6-0.jsonl").write_text(
        '{"kind": "step", "step": 20, "loss": 0.5, "explained_variance": 0.5, "l0": 5, "dead": 0, "lr": 0.01}\n'
    )
    app.query_params["ws"] = "other"
    words = shown(app.run())
    assert not app.exception
    assert "Which dictionary to take" in words and "Take topk." in words and 'title="no better"' in words
    layouts = [json.loads(chart.proto.spec)["layout"] for chart in app.main.get("plotly_chart")]
    titles = {layout[axis]["title"]["text"] for layout in layouts for axis in ("xaxis", "yaxis")}
    assert {"L0: active features a token (test patients)", "explained variance"} <= titles
    assert app.main.get("progress")
    # The run that has not ended is the one that is drawn.
    assert [box.value for box in app.selectbox if box.label == "Run"] == ["gated-16-patch-k6-0"]


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
    app.button(key="desk_save_5").click().run()
    assert not app.exception
    assert said(app, "feature") != "5", "saving goes on to the next feature"
    app.query_params["feature"] = "5"
    words = shown(app.run())
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


def frequent(workspace: Workspace) -> int:
    """The feature that fires most often."""
    features = ActivationStore(workspace.activations_db).features()
    return int(features.sort_values("n_images", ascending=False)["feature_id"].iloc[0])


def test_a_feature_s_page_has_every_part(app: AppTest, tiny_workspace: Workspace):
    feature = frequent(tiny_workspace)
    words = shown(opened(app, "features", feature=str(feature)))
    for part in (
        "Activation",
        "Labels it tells",
        "Confounders",
        "Where in the chest",
        "Untested: nobody drew where findings are",
        "Same direction",
        "Fires together with",
        "Said alike",
        "Nobody has noted anything yet",
    ):
        assert part in words, part
    assert "best place" in words or "no one place" in words
    # The order that a reader asks in; the map and the notes come last.
    # Of the body: the titles of a heading's tooltip may hold another's words.
    order = ["Labels it tells<", "Where in the chest<", "Same direction<", "On the map<", "Notes<"]
    there = [words.find(part) for part in order if part in words]
    assert len(there) >= 4 and there == sorted(there)
    assert "Contradictions" in words
    assert "<mark>" in words, "the telling phrase is marked"
    assert "xray?ws=tiny&amp;image=film" in words and f"feature={feature}" in words
    assert "store:" in words and "rows" in words


def test_a_feature_s_page_tells_what_readers_noted(app: AppTest, folder: Path, tiny_workspace: Workspace):
    feature = frequent(tiny_workspace)
    curation = Explorer(Workspace.open(folder / "tiny")).curation
    curation.note(feature, "Ask <b>the</b> bone clinic", "A. Reader")
    curation.list_([feature], "for Monday", "B. Reader")
    curation.close()
    st.cache_resource.clear()
    words = shown(opened(app, "features", feature=str(feature)))
    assert "Ask &lt;b&gt;the&lt;/b&gt; bone clinic" in words and "list: for Monday" in words
    assert "Nobody has noted anything yet" not in words


def test_an_interval_in_the_address_chooses_the_x_rays(app: AppTest, tiny_workspace: Workspace):
    feature = frequent(tiny_workspace)
    store = ActivationStore(tiny_workspace.activations_db)
    firing = store.firing(feature)
    train = store.roster.train[firing.rows]
    values = firing.activations[train]
    lo, hi = float(np.quantile(values, 0.3)), float(np.quantile(values, 0.6))
    opened(app, "features", feature=str(feature), lo=f"{lo}", hi=f"{hi}")
    chosen = app.slider(key=f"interval-{feature}").value
    assert chosen[0] == pytest.approx(lo, abs=0.05) and chosen[1] == pytest.approx(hi, abs=0.05)
    n = int(((values >= np.float32(chosen[0])) & (values <= np.float32(chosen[1]))).sum())
    assert f"{n} training X-rays of" in shown(app)
    before, after = app.button(key="previous"), app.button(key="next")
    (before if after.disabled else after).click().run()
    assert not app.exception
    assert "lo" not in app.query_params and said(app, "feature") != str(feature)


@pytest.mark.parametrize("odd", [("lo", "nan"), ("lo", "x"), ("hi", "-1e99"), ("strength", "x"), ("image", "nobody")])
def test_an_odd_address_of_a_feature_shows_the_whole(app: AppTest, tiny_workspace: Workspace, odd: tuple[str, str]):
    words = shown(opened(app, "features", feature=str(frequent(tiny_workspace)), **dict([odd])))
    assert "Confounders" in words


def test_a_stronger_threshold_gives_no_more_recall(app: AppTest, tiny_workspace: Workspace):
    feature = frequent(tiny_workspace)
    opened(app, "features", feature=str(feature))
    slider = app.slider(key=f"strength-{feature}")
    slider.set_value(slider.max).run()
    assert not app.exception
    assert float(said(app, "strength")) == pytest.approx(slider.max, rel=1e-3)


def test_the_next_feature_s_x_rays_are_fetched_ahead(app: AppTest, tiny_workspace: Workspace):
    def thumbs(words: str) -> list[str]:
        return re.findall(r'<img src="([^"]*/thumb/[^"]*)"', words)

    feature = frequent(tiny_workspace)
    words = shown(opened(app, "features", feature=str(feature)))
    assert 'class="ahead"' not in words, "nobody has gone on yet"
    app.button(key="next").click().run()
    second = said(app, "feature")
    assert second != str(feature)
    ahead = thumbs(shown(app).split('class="ahead"')[1])
    app.button(key="next").click().run()
    assert said(app, "feature") not in (str(feature), second)
    grid = next(body for body in shown(app).split("\n") if 'class="xrays' in body)
    assert ahead and ahead == thumbs(grid)


def test_random_goes_to_a_described_or_undescribed_feature(app: AppTest, tiny_workspace: Workspace):
    explorer = Explorer(tiny_workspace)
    opened(app, "features", feature=str(frequent(tiny_workspace)))
    for key, described in (("random-D", True), ("random-U", False)):
        app.button(key=key).click().run()
        assert not app.exception
        assert explorer.row(int(said(app, "feature"))).described == described


def test_an_x_ray_s_page_lists_all_its_active_features(app: AppTest, tiny_workspace: Workspace):
    explorer = Explorer(tiny_workspace)
    name = explorer.images([4])[0].image_id
    active = explorer.active_features(name)
    words = shown(opened(app, "xray", image=name))
    assert active
    for one in active:
        assert f"feature={one.row.feature_id}&amp;image={name}" in words
    for part in ("Active features", "Report", "Similar X-rays", "report?ws=tiny"):
        assert part in words, part


def test_an_unknown_x_ray_is_one_sentence(app: AppTest):
    opened(app, "xray", image="<b>nobody</b>")
    assert app.error[0].value.replace("\\", "").endswith("take one from a feature's page.")


def test_an_x_ray_can_be_opened_by_name(app: AppTest, tiny_workspace: Workspace):
    opened(app, "xray")
    name = Explorer(tiny_workspace).images([4])[0].image_id
    app.text_input(key="xray_name").set_value(name).run()
    assert said(app, "image") == name and "Active features" in shown(app)


def test_the_list_s_filters_are_asked_for_by_their_keys_and_an_odd_one_is_no_filter(
    app: AppTest, tiny_workspace: Workspace
):
    findings = ActivationStore(tiny_workspace.activations_db).descriptions()["finding"]
    finding = str(findings[findings != ""].iloc[0])
    opened(app, "features", finding=finding, side="left", sort="rare", frequency="never")
    values = {key: app.selectbox(key=f"asked_{key}").value for key in ("finding", "side", "sort", "frequency")}
    assert values == {"finding": finding, "side": "left", "sort": "rare", "frequency": ""}
    app.selectbox(key="asked_side").set_value("right").run()
    assert said(app, "side") == "right" and said(app, "finding") == finding and said(app, "sort") == "rare"
    app.selectbox(key="asked_side").set_value("").run()
    assert "side" not in app.query_params


@pytest.fixture(scope="module")
def scored(folder: Path) -> dict:
    """Figures as `evaluate` writes them, of the tiny workspace, by two ways of reporting."""
    workspace = Workspace.open(folder / "other")
    figures = evaluate(workspace, systems=["nearest"])
    judged = {way: {name: {"value": 0.5} for name in ("precision", "recall", "f1")} for way in figures["figures"]}
    figures["judged"] = {"model": "a <b>model</b>", "n_images": 9, "unjudged": 1, "figures": judged}
    figures["extras"] = {
        "radeval": {
            "figures": {"ours": {"radgraph": 0.4}, "nearest": {}},
            "missing": {"green": "GREEN can't be had here."},
        }
    }
    figures["paper"] = {"SAE-Rad, published": {"radfact_f1": 35.18}}
    # Of the tiny workspace's few test X-rays nothing need be lost.
    effusion, none = Fact("pleural_effusion", "left"), np.zeros((1, 0))
    lost = losses([{effusion}], [{effusion._replace(side="right")}], Seen((), none, none, none > 0, none > 0, [set()]))
    figures["losses"] = lost | {"grades": {"right": 2, "step": 1, "further": 1, "unsaid": 0}}
    figures["goals"] = [{"name": "exact fact F1", "value": 0.5, "goal": "exact fact F1 >= 0.85", "met": False}]
    return figures


def test_the_evaluate_page_shows_ways_of_reporting_side_by_side(app: AppTest, folder: Path, scored: dict):
    path = folder / "other" / "evaluation.json"
    path.write_text(json.dumps(scored), encoding="utf-8")
    try:
        app.query_params["ws"] = "other"
        words = shown(opened(app, "evaluate", measures="words"))
        for said_ in (
            "Reports beside baselines",
            "Nearest X-ray",
            "BLEU-4",
            "invented prior",
            "missed",
            "GREEN can",
            "35.2",
            "would get no report",
            "Where facts are lost",
            "F1 without it",
            "wrong side",
            "50% have the right one",
        ):
            assert said_ in words
        assert "a &lt;b&gt;model" in words and "95% interval" in words and "paired, Holm" in words
        layouts = [json.loads(chart.proto.spec)["layout"] for chart in app.main.get("plotly_chart")]
        titles = {layout["xaxis"]["title"]["text"]: layout["yaxis"]["title"]["text"] for layout in layouts}
        assert titles["BLEU-1, more is better"] == "reports by"
        assert titles["facts of the scored X-rays"] == "cause"
        app.query_params["measure"] = "invented_prior"
        app.run()
        layouts = [json.loads(chart.proto.spec)["layout"] for chart in app.main.get("plotly_chart")]
        assert "invented prior, less is better" in {layout["xaxis"]["title"]["text"] for layout in layouts}
        app.query_params["measures"] = "nonsense"
        assert "exact fact F1" in shown(app.run()) and not app.exception
    finally:
        path.unlink()


def test_a_command_in_an_empty_state_shows_no_backticks(app: AppTest):
    words = shown(opened(app, "evaluate"))
    assert "<code>python -m saerad_core evaluate data/tiny</code>" in words and "`" not in words
