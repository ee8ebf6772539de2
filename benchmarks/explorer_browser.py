"""The app over a workspace in a real chromium: its start, its memory, and from one feature's page to the next.

Painted means: the next feature's number stands in the page and all of its X-rays' thumbnails have been decoded and drawn.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.common import Results
from benchmarks.explorer_atlas import atlas
from benchmarks.explorer_sessions import by_kind, sessions
from benchmarks.plain_app import plain_app
from saerad_core.explorer import Explorer, FeatureQuery
from saerad_core.workspace import Workspace
from tests.e2e.browser import ARGUMENTS, Server, chromium, settle

PATIENCE = 300_000
PAINTED = """
([selector, before]) => {
  const now = document.querySelector(selector);
  if (!now || now.textContent === before) return false;
  const grid = document.querySelector('.xrays');
  const images = [...(grid ?? document).querySelectorAll(grid ? 'img:not(.heat)' : '.st-key-strongest [data-testid="stImage"] img')];
  if (!images.length || images.some(image => image.closest('[data-stale="true"]'))) return false;
  // Ours says whose X-rays they are.
  const number = /#(\\d+)/.exec(now.textContent)[1];
  if (grid && !grid.querySelector(`a[href$="feature=${number}"], a[href*="feature=${number}&"]`)) return false;
  return images.every(image => image.complete && image.naturalWidth > 0);
}
"""
"""The X-rays of the chosen interval, of ours and of the other app, are of the feature asked for, and drawn. What lies below isn't waited for."""


def browse(results: Results, workspace: Workspace, quick: bool) -> None:
    """Add the rows of the app and of the same X-rays shown with st.image."""
    explorer = Explorer(workspace)
    features = [int(one) for one in explorer.catalogue.find(FeatureQuery(described=True, sort="id"))]
    features = features[:: max(1, len(features) // 40)][: 6 if quick else 20]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        server = Server(workspace.root.parent)
        began = time.monotonic()
        server.start()
        try:
            page = browser.new_page(viewport={"width": 1440, "height": 1400})
            page.set_default_timeout(PATIENCE)
            name = workspace.root.name
            page.goto(f"{server.url}/features?ws={name}&feature={features[0]}")
            page.wait_for_function(PAINTED, arg=[".eyebrow", ""])
            goal = "app start on the scale workspace <= 5 s"
            took, busy = time.monotonic() - began, _busy(server)
            results.add(
                "from the command to a feature's page with its X-rays: the server's processor time",
                busy,
                "s",
                goal,
                busy <= 5,
            )
            results.add("from the command to a feature's page with its X-rays, browser included: clock", took, "s")
            settle(page, PATIENCE)
            same = _in_a_row(explorer, features[0], len(features) + 1)
            ours, theirs, each = _in_turn(browser, server, page, workspace, same)
            results.add("a feature's page and its pictures: the server's processor time", each * 1000, "ms")
            results.add(
                "memory of the server", _memory(server), "GB", "memory of the server <= 1.5 GB", _memory(server) <= 1.5
            )
            page.close()
        finally:
            server.stop()
        browser.close()
    goal = "feature page, previous/next to all 24 thumbnails painted <= 250 ms p50"
    results.add(
        "next feature to all thumbnails painted: p50", float(np.median(ours)), "ms", goal, float(np.median(ours)) <= 250
    )
    results.add("next feature to all thumbnails painted: p95", float(np.percentile(ours, 95)), "ms")
    results.add("the same X-rays with st.image: p50", float(np.median(theirs)), "ms")
    ratio = float(np.median(ours) / np.median(theirs))
    results.add(
        "ours / st.image", ratio, "x", "<= 0.5x of the same page built with st.image in the same run", ratio <= 0.5
    )


def _in_turn(
    browser: Browser, server: Server, page: Page, workspace: Workspace, features: list[int]
) -> tuple[list[float], list[float], float]:
    """Milliseconds of each step of ours, on ``page``, and of the other app's, and the seconds that one takes of our server's
    processor. A step of the one after a step of the other: whatever else the machine does slows both alike."""
    ours: list[float] = []
    theirs: list[float] = []
    busy = 0.0
    with plain_app("plain_feature_page", workspace, PLAIN_FEATURES=",".join(map(str, features))) as url:
        other = browser.new_page(viewport={"width": 1440, "height": 1400})
        other.set_default_timeout(PATIENCE)
        other.goto(url)
        other.wait_for_function(PAINTED, arg=["h1", ""])
        other.wait_for_timeout(1_000)
        for _ in features[1:]:
            page.bring_to_front()
            before = _busy(server)
            ours += _moves(page, ".eyebrow", "ArrowRight", 1)
            busy += _busy(server) - before
            other.bring_to_front()
            theirs += _moves(other, "h1", "ArrowRight", 1)
        other.close()
    return ours, theirs, busy / len(ours)


def _in_a_row(explorer: Explorer, feature: int, n: int) -> list[int]:
    """The feature and those that Next leads to, so that both apps show the same ones."""
    found: list[int] = [feature]
    while len(found) < n and (after := explorer.beside(found[-1])[1]) is not None:
        found.append(after)
    return found


def browse_many(results: Results, workspace: Workspace, quick: bool) -> None:
    """Add the rows of many readers at once, without a browser."""
    server = Server(workspace.root.parent)
    server.start()
    try:
        # What a server does once isn't a page's.
        sessions(results, workspace, server, (), 0)
        for count in (5,) if quick else (25, 50):
            each = 3 if quick else 15
            busy = _busy(server)
            warmed = sessions(results, workspace, server, (count,), each)
            spent = (_busy(server) - busy) / (count * each + warmed)
            results.add(f"{count} sessions: the server's processor time, a page with its pictures", spent * 1000, "ms")
        by_kind(results, workspace, server, lambda: _busy(server), 5 if quick else 40)
        results.add("memory of the server after them", _memory(server), "GB")
    finally:
        server.stop()


def browse_atlas(results: Results, workspace: Workspace, quick: bool) -> None:
    """Add the rows of the map of features, and of the same points as a plotly figure."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        server = Server(workspace.root.parent)
        server.start()
        try:
            atlas(results, browser, server, workspace, quick)
        finally:
            server.stop()
        browser.close()


def _moves(page: Page, selector: str, key: str, n: int) -> list[float]:
    found = []
    for _ in range(n):
        before = page.locator(selector).first.inner_text()
        before_text = page.evaluate("s => document.querySelector(s).textContent", selector)
        assert before
        began = time.perf_counter()
        page.keyboard.press(key)
        page.wait_for_function(PAINTED, arg=[selector, before_text], polling="raf")
        found.append((time.perf_counter() - began) * 1000)
        page.wait_for_timeout(400)
    return found


def _busy(server: Server) -> float:
    """Seconds of processor time that the server has taken."""
    assert server._process is not None
    fields = Path(f"/proc/{server._process.pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _memory(server: Server) -> float:
    """Largest resident memory of the server so far, GB."""
    assert server._process is not None
    status = Path(f"/proc/{server._process.pid}/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) / 1e6
