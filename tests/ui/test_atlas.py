"""The map's page without a browser, and the routes that its component draws from."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest

from saerad_core.explorer import AtlasPoints, Explorer, FeatureQuery
from saerad_core.explorer.areas import grid_places, write_areas
from saerad_core.ui.atlas.columns import SILENT, columns, values
from saerad_core.ui.atlas.routes import places_body
from saerad_core.ui.media import routes
from saerad_core.workspace import Workspace
from tests.ui.test_pages import SHELL, opened, said, shown


@pytest.fixture
def client(workspace: Workspace) -> TestClient:
    return TestClient(Starlette(routes=routes()))


@pytest.fixture
def app(workspace: Workspace) -> AppTest:
    app = AppTest.from_file(str(SHELL), default_timeout=120)
    app.query_params["ws"] = "tiny"
    return app


@pytest.fixture
def explorer(workspace: Workspace) -> Explorer:
    return Explorer(workspace)


def points_of(explorer: Explorer) -> AtlasPoints:
    points = explorer.atlas()
    assert points is not None
    return points


def test_places_come_back_as_they_were_and_may_be_kept(client: TestClient, explorer: Explorer):
    points = points_of(explorer)
    answer = client.get("/xray/tiny/atlas/places?v=1")
    assert "immutable" in answer.headers["cache-control"]
    n = json.loads(answer.headers["x-map"])["n"]
    assert n == len(points.ids) and len(answer.content) == 8 * n
    assert (np.cumsum(np.frombuffer(answer.content, "<i4", n)) == points.ids).all()
    grid = np.frombuffer(answer.content, "<u2", 2 * n, 4 * n).reshape(2, n).T
    assert (grid == grid_places(points.x, points.y)).all()


def test_numbers_with_gaps_are_told_too():
    points = AtlasPoints(np.array([3, 9, 10], np.int32), np.zeros(3), np.zeros(3), np.array([]), np.array([]))
    assert np.cumsum(np.frombuffer(places_body(points).tobytes(), "<i4", 3)).tolist() == [3, 9, 10]


def test_every_column_of_the_table_has_colours_for_both_themes(client: TestClient, explorer: Explorer):
    offered = columns(explorer)
    assert {"status", "frequency", "best_label", "place", "best_auroc", SILENT, "z"} <= set(offered)
    n = len(points_of(explorer).ids)
    for key, column in offered.items():
        answer = client.get(f"/xray/tiny/atlas/colours/{key}")
        assert answer.status_code == 200, key
        head, codes = json.loads(answer.headers["x-map"]), np.frombuffer(answer.content, np.uint8)
        assert head["title"] == column.name and len(codes) == n
        assert (codes == 0).sum() == head["unknown"]
        for table in head["tables"].values():
            assert all(re.fullmatch("#[0-9A-Fa-f]{6}", colour) for colour in table)
            assert len(table) == 1 + len(head["names"]) if "names" in head else len(table) == 17


def test_colours_follow_what_readers_write(client: TestClient):
    before = client.get("/xray/tiny/atlas/colours/status?r=0")
    from saerad_core.ui import state

    store = state.explorer_of(state.open_named("tiny")).curation
    store.edit(3, "Disc on the left", "Ann", 0, accept=True)
    after = json.loads(client.get("/xray/tiny/atlas/colours/status?r=1").headers["x-map"])
    assert "accepted" not in before.headers["x-map"] and ["accepted", 1] in [one[:2] for one in after["names"]]


def test_a_feature_s_words_are_told(client: TestClient, explorer: Explorer):
    feature = int(explorer.catalogue.find(FeatureQuery(described=True))[0])
    told = client.get(f"/xray/tiny/atlas/feature/{feature}?column=frequency").json()
    assert told["text"] == explorer.text(feature) and told["title"] == "Frequency"
    assert float(told["value"]) == pytest.approx(explorer.row(feature).frequency, rel=0.01)


@pytest.mark.parametrize(
    "address",
    ["/xray/nowhere/atlas/places", "/xray/tiny/atlas/colours/text", "/xray/tiny/atlas/colours/nothing",
     "/xray/tiny/atlas/feature/999999", "/xray/tiny/atlas/feature/3?column=image_ids", "/xray/..%2Ftiny/atlas/places"],
)  # fmt: skip
def test_anything_else_isn_t_there(client: TestClient, address: str):
    assert client.get(address).status_code == 404


def test_a_column_that_the_program_doesn_t_know_is_offered_under_its_own_name(explorer: Explorer):
    explorer.catalogue._columns["new_measure"] = np.arange(len(explorer.catalogue), dtype=float)
    assert columns(explorer)["new_measure"].name == "New measure"
    assert values(explorer, "new_measure", np.array([5]))[0] == 5


def test_a_search_in_the_address_lights_up_and_lists(app: AppTest, explorer: Explorer):
    found = explorer.catalogue.find(FeatureQuery(text="left"))
    assert len(found)
    words = shown(opened(app, "atlas", q="left", colour="frequency"))
    assert f"<b>{len(found)}</b>" in words and f"#{found[0]}" in words
    assert app.selectbox(key="asked_colour").value == "frequency"
    app.selectbox(key="asked_colour").set_value("status").run()
    assert said(app, "colour") == "status"


def test_an_outline_in_the_address_lists_what_lies_inside(app: AppTest, explorer: Explorer):
    points = points_of(explorer)
    grid = grid_places(points.x, points.y).astype(int)
    middle = int(np.median(grid[:, 0]))
    half = write_areas([[(-9, -9), (middle, -9), (middle, 70_000), (-9, 70_000)]])
    inside = set(points.ids[grid[:, 0] < middle].tolist())
    words = shown(opened(app, "atlas", area=half))
    assert f"<b>{len(inside)}</b>" in words
    # A search beside it narrows it.
    found = [one for one in explorer.catalogue.find(FeatureQuery(text="left")).tolist() if one in inside]
    words = shown(app.text_input(key="q").set_value("left").run())
    assert f"<b>{len(found)}</b>" in words if found else "No feature fits." in words


def test_an_outline_that_isn_t_one_changes_nothing(app: AppTest):
    assert "Nothing is searched for or chosen." in shown(opened(app, "atlas", area="<b>zz", ids="x", colour="text"))
