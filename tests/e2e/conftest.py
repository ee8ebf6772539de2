"""A server over the tiny workspace and a browser whose every request and every message is watched."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect, sync_playwright

from saerad_core.workspace import Workspace
from tests.e2e.browser import ARGUMENTS, Server, chromium, serving

PATIENCE = 60_000
"""Milliseconds; a busy machine without a graphics card may take that long for what is done in one or two seconds else."""
expect.set_options(timeout=PATIENCE)

# After a deep link Streamlit's own client looks for its server under the page's path first.
_KNOWN = ("/_stcore/health", "/_stcore/host-config")


@pytest.fixture(scope="session")
def data(tiny_workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder that tests may write to."""
    folder = tmp_path_factory.mktemp("data")
    shutil.copytree(tiny_workspace.root, folder / "tiny")
    return folder


@pytest.fixture(scope="session")
def server(data: Path) -> Iterator[Server]:
    with serving(data) as running:
        yield running


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = chromium()
    if path is None:
        pytest.skip("there is no Chromium on this machine")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield running
        running.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    made = browser.new_context(viewport={"width": 1440, "height": 900})
    made.set_default_timeout(PATIENCE)
    yield made
    made.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A tab; the test fails if it asks anything outside this machine or if the browser reports an error."""
    asked: list[str] = []
    errors: list[str] = []

    def on_request(request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in ("http", "https", "ws", "wss") and parts.hostname not in ("localhost", "127.0.0.1"):
            asked.append(request.url)

    def on_console(message: ConsoleMessage) -> None:
        if message.type == "error" and not message.location["url"].split("?")[0].endswith(_KNOWN):
            errors.append(f"{message.text} {message.location['url']}")

    context.on("request", on_request)
    tab = context.new_page()
    tab.on("console", on_console)
    tab.on("pageerror", lambda error: errors.append(str(error)))
    tab.on("websocket", lambda socket: asked.append(socket.url) if "localhost" not in socket.url else None)
    yield tab
    assert not asked, "something outside this machine was asked"
    assert not errors
