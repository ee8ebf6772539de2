"""The pictures of the documentation, taken from the running app.

python -m tests.e2e.screenshots data docs/screenshots
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from saerad_core.explorer import Explorer
from saerad_core.reports.counterfactual import written
from saerad_core.sae.codes import open_codes
from saerad_core.stages.describe import Composer
from saerad_core.store.activations import ActivationStore
from saerad_core.workspace import Workspace
from tests.e2e.browser import ARGUMENTS, chromium, serving, settle

SIZE = {"width": 1440, "height": 900}


def best_feature(workspace: Workspace) -> int:
    """The best supported feature with a side: what the feature's picture shows."""
    descriptions = ActivationStore(workspace.activations_db).descriptions()
    sided = descriptions[descriptions["side"] != ""]
    return int((sided if len(sided) else descriptions).sort_values("z", ascending=False)["feature_id"].iloc[0])


def telling_image(workspace: Workspace) -> str:
    """An X-ray of the test split with three to four findings, a device and a pleural effusion among them if possible."""
    images = ActivationStore(workspace.activations_db).images("test")
    several = images[[3 <= len(labels) <= 4 for labels in images["labels"]]]
    both = several[
        [
            "pacemaker" in labels and any(label.startswith("pleural_effusion") for label in labels)
            for labels in several["labels"]
        ]
    ]
    chosen = next(some for some in (both, several, images) if len(some))
    return str(chosen["image_id"].iloc[0])


def switched_off(workspace: Workspace, image: str) -> str:
    """The address's word for: all features behind the first sentence of its report off."""
    store = ActivationStore(workspace.activations_db)
    row = store.roster.row_of(image)
    assert row is not None
    ids, values = open_codes(workspace.codes).row(row)
    found = [(int(feature), float(value)) for feature, value, *_ in store.features_of_row(row)]
    report = Composer.open(workspace).compose(
        found, code=list(zip(ids.tolist(), values.tolist(), strict=True)), abstain=False
    )
    return written({one.feature_id: 0.0 for one in report.findings[0].evidence})


def main(data: Path, out: Path, name: str = "demo") -> None:
    out.mkdir(parents=True, exist_ok=True)
    workspace = Workspace.open(data / name)
    feature, image = best_feature(workspace), telling_image(workspace)
    pages = {
        "overview": f"/?ws={name}",
        "features": f"/features?ws={name}",
        "feature": f"/features?ws={name}&feature={feature}",
        "xray": f"/xray?ws={name}&image={image}",
        "atlas": f"/atlas?ws={name}",
        "curate": f"/curate?ws={name}&feature={feature}",
        "report": f"/report?ws={name}&image={image}",
        "evaluate": f"/evaluate?ws={name}",
        "what-if": f"/report?ws={name}&image={image}&switch={switched_off(workspace, image)}",
    }
    with serving(data) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        page = browser.new_page(viewport=SIZE)
        page.set_default_timeout(60_000)
        for title, address in pages.items():
            page.goto(server.url + address)
            settle(page)
            if title == "report":
                page.locator("a.sentence").nth(1).click()
                settle(page)
            page.wait_for_timeout(2_000)
            page.screenshot(path=out / f"{title}.png")
        browser.close()
    desk(data, out, name)


def desk(data: Path, out: Path, name: str) -> None:
    """The desk and what an edit would change, dark and light, over a copy: X-rays are pinned for it and words are typed."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(data / name, Path(folder) / name)
        explorer = Explorer(Workspace.open(Path(folder) / name))
        use = explorer.impact.count()
        feature = max(
            (i for i in use.cited if explorer.row(i).side == "left"),
            key=use.share,
            default=max(use.cited, key=use.share),
        )
        for image in explorer.impact.cases(feature, 2):
            explorer.curation.pin(image, "A. Reader")
        explorer.curation.close()
        with serving(Path(folder)) as server, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
            for theme in ("dark", "light"):
                context = browser.new_context(viewport=SIZE)
                context.add_cookies([{"name": "saerad_author", "value": "A. Reader", "url": server.url}])
                context.add_init_script(f"localStorage.setItem('saerad-theme', '\"{theme.title()}\"')")
                page = context.new_page()
                page.set_default_timeout(60_000)
                page.goto(f"{server.url}/curate?ws={name}&queue=all&feature={feature}")
                settle(page)
                page.wait_for_timeout(2_000)
                page.screenshot(path=out / f"desk-{theme}.png")
                page.keyboard.press("e")
                page.keyboard.press("Control+a")
                page.keyboard.type("Left pleural effusion with a meniscus")
                page.keyboard.press("Escape")
                page.keyboard.press("g")
                page.locator(".cases").wait_for()
                while not page.get_by_text("rest on this feature").count():
                    page.get_by_role("button", name="Ask again").click()
                    page.wait_for_timeout(3_000)
                settle(page)
                page.screenshot(path=out / f"desk-impact-{theme}.png")
                context.close()
            browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:4])
