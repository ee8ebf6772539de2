"""The viewer's values and the routes that serve them."""

from __future__ import annotations

import gc
import gzip
import json
from collections.abc import Iterator

import numpy as np
import pytest
import streamlit as st
from hypothesis import given
from hypothesis import strategies as hst
from hypothesis.extra.numpy import arrays
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

from saerad_core.images.pictures import fit
from saerad_core.images.sandbox import Film, measure_sandboxed
from saerad_core.ui import media
from saerad_core.ui.links import Links
from saerad_core.ui.viewer.component import script
from saerad_core.ui.viewer.held import Held
from saerad_core.ui.viewer.stored import StoredValues
from saerad_core.ui.viewer.values import SIDE, Values, of_film, of_pixels
from saerad_core.workspace import Workspace
from tests.images.films import NAME, dicom, film, written


def unpack(body: bytes, head: dict) -> np.ndarray:
    """What the browser does, from bytes that aren't compressed any more."""
    low, high = np.frombuffer(body, np.uint8).reshape(2, head["height"], head["width"]).astype(np.int64)
    return (np.cumsum(low + (high << 8), axis=1) % 65536).astype(np.uint16)


@given(arrays(np.uint16, hst.tuples(hst.integers(1, 9), hst.integers(1, 9))))
def test_the_body_is_the_pixels(raw: np.ndarray) -> None:
    values = Values(raw, 1.0, 0.0, 1.0, 2.0, False, "")
    assert np.array_equal(unpack(gzip.decompress(values.body()), values.head()), raw)


@pytest.mark.parametrize("high", [255, 4095, 65535])
def test_served_values_are_the_decoded_ones(high: int) -> None:
    pixels = film(high=high)
    read = measure_sandboxed(written(dicom(pixels)))
    values = of_film(read)
    decoded = read.lowest + read.pixels.astype(np.float64) * (read.highest - read.lowest)
    assert np.abs(values.real() - decoded).max() <= (read.highest - read.lowest) / 65535
    # Whole numbers are exactly the file's.
    assert np.array_equal(values.real(), pixels)


def test_small_spans_get_a_scale_that_a_window_can_be_set_on() -> None:
    read = measure_sandboxed(written(dicom(film(), RescaleSlope=0.001, RescaleIntercept=0.5)))
    values = of_film(read)
    assert (values.real().min(), round(values.real().max())) == (0, 4095)
    assert np.abs(values.real() / 4095 - read.pixels).max() < 1e-4


def test_large_films_are_reduced_and_say_so() -> None:
    pixels = np.random.default_rng(0).random((SIDE + 2, 64), dtype=np.float32)
    values = of_film(Film(pixels, 0, 4095, 2048, 4096, False))
    assert max(values.raw.shape) == SIDE and "reduced from 2,050 to 2,048" in values.note
    assert np.abs(values.real() / 4095 - fit(pixels, SIDE)).max() <= 1 / 65535


def test_drawn_pixels_are_served_within_a_step() -> None:
    pixels = np.random.default_rng(1).random((40, 30), dtype=np.float32)
    assert np.abs(of_pixels(pixels).real() / 4095 - pixels).max() <= 1 / 65535


@pytest.fixture
def client(tiny_workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    monkeypatch.setenv("SAERAD_DATA", str(tiny_workspace.root.parent))
    yield TestClient(Starlette(routes=media.routes()))
    st.cache_resource.clear()


LINKS = Links("tiny", "v1")
FILM = "film003"


def test_the_values_of_a_stored_x_ray_are_its_file_s(client: TestClient, tiny_workspace: Workspace) -> None:
    answer = client.get(LINKS.values(FILM))
    assert answer.status_code == 200
    head = json.loads(answer.headers["x-values"])
    file = tiny_workspace.root.parent / "films" / f"{FILM}.png"
    raw = unpack(answer.content, head)
    assert np.array_equal(head["intercept"] + head["slope"] * raw, np.asarray(Image.open(file)))
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    # Never the file itself.
    assert file.read_bytes()[:8] not in answer.content
    assert str(file) not in str(answer.headers) and file.name not in str(answer.headers)


def test_a_file_that_is_gone_is_one_sentence(
    client: TestClient, tiny_workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tiny_workspace.root.parent / "films" / "film004.png"
    hidden = file.with_suffix(".hidden")
    file.rename(hidden)
    try:
        answer = client.get(LINKS.values("film004"))
    finally:
        hidden.rename(file)
    assert answer.status_code == 404
    assert answer.text.endswith(".") and "film004" not in answer.text
    assert "no-store" in answer.headers["cache-control"]


@pytest.mark.parametrize("image", ["nobody", "..%2Ffilms%2Ffilm003.png", "x" * 300, "%00", "broken"])
def test_unknown_x_rays_have_no_values(client: TestClient, image: str) -> None:
    assert client.get(f"/xray/tiny/values/{image}").status_code == 404


def test_memory_for_values_is_bounded(tiny_workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAERAD_DATA", str(tiny_workspace.root.parent))
    kept = StoredValues(most=20_000)
    for number in range(9):
        kept.of(tiny_workspace, f"film{number:03d}")
    assert sum(len(body) for _, body in kept._kept.values()) == kept._size <= 20_000


def hold(pixels: np.ndarray) -> Held:
    return Held(decoded := pixels.astype(np.float32) / 4095, lambda: of_pixels(decoded))


def test_a_session_s_own_x_ray_is_gone_with_it(client: TestClient) -> None:
    mine = hold(film())
    address = LINKS.held_values(mine.token)
    answer = client.get(address)
    assert answer.status_code == 200 and answer.headers["cache-control"] == "no-store"
    head = json.loads(answer.headers["x-values"])
    real = head["intercept"] + head["slope"] * unpack(answer.content, head)
    assert np.abs(real / 4095 - film() / 4095).max() <= 1 / 65535
    del mine
    gc.collect()
    assert client.get(address).status_code == 404


def test_nobody_else_gets_it(client: TestClient) -> None:
    mine = hold(film())
    for token in ("A" * 32, mine.token[:-1], mine.token + "A", "..", "x" * 500):
        assert client.get(LINKS.held_values(token)).status_code == 404
    address = LINKS.held_values(mine.token)
    assert client.get(address, headers={"sec-fetch-site": "cross-site"}).status_code == 404
    assert client.get(address, headers={"sec-fetch-site": "same-origin"}).status_code == 200
    assert client.get(address.replace("/tiny/", "/nowhere/")).status_code == 404


def test_heatmaps_of_a_session_s_own_x_ray(client: TestClient) -> None:
    mine = hold(film())
    answer = client.get(LINKS.held_heat(0, mine.token))
    assert answer.status_code == 200 and answer.headers["content-type"] == "image/png"
    assert answer.headers["cache-control"] == "no-store"
    assert client.get(LINKS.held_heat(0, mine.token).replace("/0.png", "/99999.png")).status_code == 404
    assert client.get(LINKS.held_heat(0, "A" * 32)).status_code == 404


def test_an_upload_that_can_t_be_read_is_one_sentence(client: TestClient) -> None:
    mine = Held(film().astype(np.float32) / 4095, lambda: of_film(measure_sandboxed(b"junk")))
    answer = client.get(LINKS.held_values(mine.token))
    assert answer.status_code == 404 and "neither PNG, JPEG nor DICOM" in answer.text


def test_no_tag_of_a_file_travels_with_its_values(client: TestClient) -> None:
    data = written(dicom(film()))
    mine = Held(film().astype(np.float32) / 4095, lambda: of_film(measure_sandboxed(data)))
    answer = client.get(LINKS.held_values(mine.token))
    assert NAME not in str(answer.headers) and NAME.encode() not in answer.content


def test_the_script_asks_nobody_else() -> None:
    assert "http://" not in script() and "https://" not in script()
    assert script().count("export default") == 1 and "import " not in script()
