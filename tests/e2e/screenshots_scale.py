"""The pages that browse and curate at full scale, dark and light, for the documentation.

python -m tests.e2e.screenshots_scale data docs/screenshots scale
"""

from __future__ import annotations

import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

from saerad_core.explorer import Explorer, FeatureQuery
from saerad_core.workspace import Workspace
from tests.e2e.browser import ARGUMENTS, chromium, serving, settle

WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 1024, "height": 900}


def main(data: Path, out: Path, name: str) -> None:
    """Pictures of a simulated workspace only: another one's reports aren't ours to show."""
    workspace = Workspace.open(data / name)
    if not workspace.manifest.dataset.simulated:
        raise SystemExit("These pictures are kept, and show reports: take them of simulated X-rays.")
    explorer = Explorer(workspace)
    feature = next(
        row.feature_id for row in explorer.features(FeatureQuery(described=True), 0, 50).rows if row.side and row.place
    )
    image = explorer.top_images(feature, "strongest", 1)[0][0].image_id
    pages = {
        "overview": (f"/?ws={name}", WIDE),
        "atlas": (f"/atlas?ws={name}", WIDE),
        "curate": (f"/curate?ws={name}", WIDE),
        "features": (f"/features?ws={name}", WIDE),
        "feature": (f"/features?ws={name}&feature={feature}", WIDE),
        "feature-narrow": (f"/features?ws={name}&feature={feature}", NARROW),
        "xrays": (f"/xray?ws={name}", WIDE),
        "xray": (f"/xray?ws={name}&image={image}&feature={feature}", WIDE),
    }
    out.mkdir(parents=True, exist_ok=True)
    with serving(data) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        for theme in ("dark", "light"):
            for title, (address, size) in pages.items():
                context = browser.new_context(viewport=size)
                context.add_init_script(f"localStorage.setItem('saerad-theme', '\"{theme.title()}\"')")
                page = context.new_page()
                page.set_default_timeout(120_000)
                page.goto(server.url + address)
                settle(page, 120_000)
                page.wait_for_timeout(2_500)
                page.screenshot(path=out / f"{name}-{title}-{theme}.png")
                context.close()
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
