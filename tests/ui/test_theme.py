"""The page's head gets the theme script; other answers pass untouched."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.responses import HTMLResponse, PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from saerad_core.ui.theme import ThemeMiddleware

PAGE = "<html><head><title>x</title></head><body></body></html>"


def client() -> TestClient:
    app = Starlette(
        routes=[
            Route("/", lambda request: HTMLResponse(PAGE, headers={"etag": "1"})),
            Route("/text", lambda request: PlainTextResponse("<head>")),
        ]
    )
    return TestClient(ThemeMiddleware(app))


def test_a_page_is_dark_until_the_reader_chooses():
    answer = client().get("/", headers={"accept": "text/html"})
    assert answer.text.startswith("<html><head><script>")
    assert "Dark" in answer.text
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert "etag" not in answer.headers


def test_everything_else_is_left_alone():
    assert client().get("/text", headers={"accept": "text/html"}).text == "<head>"
    assert client().get("/", headers={"accept": "image/webp"}).text == PAGE
