"""From `streamlit run app.py` on a machine without a workspace to the first feature's page in a real browser.

    python -m benchmarks.first_start --json benchmarks/results/first_start.json

The second start is a new server over the finished workspace. Wall time is the claim itself here; the load of the
machine is printed beside it.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Page, sync_playwright

from benchmarks.common import Results, arguments
from saerad_core.errors import WorkspaceError
from saerad_core.workspace import Workspace
from tests.e2e.browser import ARGUMENTS, Server, chromium

LONGEST = 900
"""Seconds after which the run gives up."""


def until_browsable(page: Page, url: str, data: Path) -> None:
    """Load the list of features until it shows some."""
    began = time.monotonic()
    page.goto(f"{url}/features?ws=demo")
    while time.monotonic() - began < LONGEST:
        try:
            if Workspace.open(data / "demo").is_browsable():
                break
        except WorkspaceError:
            pass
        time.sleep(0.5)
    page.goto(f"{url}/features?ws=demo&feature=0")
    page.wait_for_selector(".hero", timeout=60_000)


def whole_map(data: Path) -> None:
    """Wait until the build has drawn its map too."""
    while "atlas" not in Workspace.open(data / "demo").manifest.stages:
        time.sleep(0.5)


def whole(data: Path) -> None:
    """Wait until the build has ended: the second start is of a finished workspace."""
    while not json.loads((data / "demo" / "build.json").read_text(encoding="utf-8"))["finished"]:
        time.sleep(0.5)


def main() -> None:
    args = arguments(__doc__).parse_args()
    results = Results()
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        page = browser.new_page()
        data = Path(folder)
        began, before = time.monotonic(), os.times()
        server = Server(data)
        server.start()
        until_browsable(page, server.url, data)
        browsable = time.monotonic() - began
        results.add(
            "first start: a feature's page can be read",
            browsable,
            "s",
            "the first features can be browsed within 150 s on 2 cores",
            browsable <= 150,
        )
        whole_map(data)
        results.add("first start: the map is drawn too", time.monotonic() - began, "s")
        whole(data)
        results.add("first start: heatmaps and descriptions are tested too", time.monotonic() - began, "s")
        stages = Workspace.open(data / "demo").manifest.stages
        for name, record in stages.items():
            results.add(f"first start: {name}", record.seconds, "s")
        server.stop()
        results.add("images", Workspace.open(data / "demo").manifest.counts.images, "X-rays", "at least 2,000 images")
        again = Server(data)
        began = time.monotonic()
        again.start()
        page.goto(f"{again.url}/features?ws=demo&feature=0")
        page.wait_for_selector(".hero", timeout=60_000)
        second = time.monotonic() - began
        results.add(
            "second start: a feature's page can be read", second, "s", "a second start is usable in 5 s", second <= 5
        )
        again.stop()
        after = os.times()
        results.add("load average at the end", os.getloadavg()[0], "runnable processes")
        results.add("processor time of the children", after.children_user - before.children_user, "s")
        browser.close()
    results.write(args.json)


if __name__ == "__main__":
    main()
