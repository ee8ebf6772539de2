"""The picture routes answer for known X-rays of known workspaces, and for nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.testclient import TestClient

from saerad_core.images.pictures import picture, thumbnail
from saerad_core.ui.links import Links
from saerad_core.ui.media import ThumbMiddleware, routes
from saerad_core.workspace import Counts, DatasetInfo, EncoderInfo, StageRecord, Workspace
from tests.store.example import Example, M


@pytest.fixture(params=["routes", "shortcut"])
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[TestClient]:
    """The routes, and the same behind the shortcut for thumbnails."""
    monkeypatch.setenv("SAERAD_DATA", str(tmp_path))
    (tmp_path / "secret.webp").write_bytes(b"secret")
    info = DatasetInfo(kind="simulated", simulated=True)
    for name, done in (("one", True), ("unfinished", False)):
        workspace = Workspace.create(tmp_path / name, info, EncoderInfo(id="none"))
        workspace.manifest.counts = Counts(features=M)
        if done:
            workspace.manifest.stages["describe"] = StageRecord(key="1")
        workspace.save()
        Example(workspace.activations_db)
        for path, draw in ((workspace.thumb("x0"), thumbnail), (workspace.picture("x0"), picture)):
            path.parent.mkdir(parents=True)
            path.write_bytes(draw(np.zeros((64, 64), dtype=np.float32)))
        # Lies in the folder, but the store doesn't know it.
        workspace.thumb("stranger").write_bytes(b"secret")
    shortcut = [Middleware(ThumbMiddleware)] if request.param == "shortcut" else []
    yield TestClient(Starlette(routes=routes(), middleware=shortcut))
    st.cache_resource.clear()


def test_pictures_of_known_x_rays_may_be_kept_for_good(client: TestClient):
    links = Links("one", "v1")
    for address in (links.thumb("x0"), links.picture("x0")):
        answer = client.get(address)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "image/webp"
        assert "immutable" in answer.headers["cache-control"]


@pytest.mark.parametrize(
    "address",
    [
        "/xray/one/thumb/stranger",
        "/xray/one/thumb/x0000",
        "/xray/unfinished/thumb/x0",
        "/xray/nowhere/thumb/x0",
        "/xray/one/thumb/..%2F..%2Fsecret",
        "/xray/one/thumb/%2e%2e%2f%2e%2e%2fsecret",
        "/xray/one/thumb/..%5C..%5Csecret",
        "/xray/..%2F/thumb/x0",
        "/xray/../one/thumb/x0",
        "/xray/one/thumb/x0%00",
        "/xray/one/thumb/" + "x" * 300,
        "/xray/one/thumb/x0'%20OR%201=1",
        f"/xray/one/heat/{M}/x0.png",
        "/xray/one/heat/-1/x0.png",
        "/xray/one/heat/99999999999999/x0.png",
        "/xray/one/heat/0/stranger.png",
        "/xray/one/picture/stranger",
        "/xray/one/original/x0",
    ],
)
def test_anything_else_is_not_there(client: TestClient, address: str):
    answer = client.get(address)
    assert answer.status_code == 404
    assert b"secret" not in answer.content
    assert "immutable" not in answer.headers.get("cache-control", "")
