"""The curator's desk in a real chromium: from the key that accepts a description to the next feature's X-rays painted.

python -m benchmarks.desk [workspace, default data/demo] [--quick] [--json OUT]

A copy of the workspace is curated. Painted means: the next feature's number stands on the desk and all of its thumbnails are drawn.
The parts are what the server says of itself under the page; the rest is the way there and back, and the browser.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, sync_playwright

from benchmarks.common import Results, arguments
from tests.e2e.browser import ARGUMENTS, chromium, serving, settle

PATIENCE = 120_000
GOAL = "Median accept-to-next <= 400 ms in the browser"
PAINTED = """
before => {
  const now = document.querySelector(".desk-id");
  if (!now || now.textContent === before || document.querySelector('[data-stale="true"] img')) return false;
  const images = [...document.querySelectorAll(".xrays img:not(.heat)")];
  return images.length > 0 && images.every(image => image.complete && image.naturalWidth > 0);
}
"""
PARTS = ("written", "queue", "page")


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("workspace", nargs="?", type=Path, default=Path("data/demo"))
    options = parser.parse_args()
    results = Results()
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / options.workspace.name
        shutil.copytree(options.workspace, copy)
        with serving(Path(folder)) as server, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
            page = browser.new_page(viewport={"width": 1440, "height": 1000})
            page.set_default_timeout(PATIENCE)
            page.context.add_cookies([{"name": "saerad_author", "value": "A. Reader", "url": server.url}])
            page.goto(f"{server.url}/curate?ws={copy.name}")
            settle(page)
            page.wait_for_function(PAINTED, arg="")
            # In a browser that was never here Streamlit fetches what hears keys after the page is painted.
            page.wait_for_timeout(5_000)
            accept(page, results, 8 if options.quick else 40)
            ask(page, results, 3 if options.quick else 10)
            browser.close()
    results.add("processes waiting for a core (1 min average)", os.getloadavg()[0], f"of {os.cpu_count()} cores")
    results.write(options.json)


def accept(page: Page, results: Results, n: int) -> None:
    """Accept ``n`` features by key, and add the rows."""
    took: list[float] = []
    parts: dict[str, list[float]] = {name: [] for name in PARTS}
    for turn in range(n + 2):
        before = page.locator(".desk-id").first.text_content()
        began = time.perf_counter()
        page.keyboard.press("a")
        page.wait_for_function(PAINTED, arg=before, polling="raf")
        if turn >= 2:  # The first ones fill caches.
            took.append((time.perf_counter() - began) * 1000)
        page.wait_for_timeout(600)
        said = page.locator(".foot").last.inner_text()
        for name in PARTS:
            found = re.search(rf"{name} ([\d\u202f]+) ms", said)
            if turn >= 2 and found:
                parts[name].append(float(found[1].replace("\u202f", "")))
    median = float(np.median(took))
    results.add("accept to next, all thumbnails painted: median", median, "ms", GOAL, median <= 400)
    results.add("... p95", float(np.percentile(took, 95)), "ms")
    written, queue, page_ms = (float(np.median(parts[name])) for name in PARTS)
    results.add("... of it: event on the disk and in the database", written, "ms")
    results.add("... of it: the queue in its new order", queue, "ms")
    results.add("... of it: the rest of the page on the server", page_ms - queue, "ms")
    results.add("... of it: the way there and back, and the browser", median - written - page_ms, "ms")


def ask(page: Page, results: Results, n: int) -> None:
    """Ask ``n`` features what saving would change, once the sample's reports are counted, and add a row."""
    took: list[float] = []
    counted = page.get_by_text("rest on this feature")
    for turn in range(n + 1):
        before = page.locator(".desk-id").first.text_content()
        page.keyboard.press("n")
        page.wait_for_function(PAINTED, arg=before, polling="raf")
        page.wait_for_timeout(600)
        began = time.perf_counter()
        page.keyboard.press("g")
        page.get_by_text("What saving changes").wait_for()
        if turn:  # The first one waits for the count.
            took.append((time.perf_counter() - began) * 1000)
        while not turn and not counted.count():
            page.wait_for_timeout(2_000)
            again = page.get_by_role("button", name="Ask again")
            if again.count():
                again.click()
    results.add("what saving would change, from the key to the panel: median", float(np.median(took)), "ms")


if __name__ == "__main__":
    main()
