"""Hostile addresses, file names and descriptions in a real browser: nothing is fetched, no script runs, text stays text.

The page fixture fails a test whose page asks anything outside this machine.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from urllib.parse import quote

from playwright.sync_api import Page, expect

from saerad_core.workspace import Workspace
from tests.e2e.browser import Server, serving, settle
from tests.e2e.test_curate import box, saved, sit_down
from tests.e2e.test_report import png, upload
from tests.reports.hostile import AWAY

MARKUP = f"<img src={AWAY}.png onerror='window.owned=1'><script>window.owned=1</script> ![x]({AWAY}.png) [y](javascript:window.owned=1)"


def untouched(page: Page) -> None:
    assert page.evaluate("() => window.owned === undefined")
    # A link of this app may carry such a text in its query; none may lead to it.
    assert page.locator('[src^="http://192"], [href^="http://192"], a[href^="javascript"]').count() == 0


def test_an_address_is_shown_as_text(server: Server, page: Page):
    for path in (
        f"report?ws=tiny&image={quote(MARKUP)}",
        f"features?ws=tiny&feature=3&q={quote(MARKUP)}",
    ):
        page.goto(f"{server.url}/{path}")
        settle(page)
        untouched(page)
    page.goto(f"{server.url}/report?ws=tiny&image={quote(f'![x]({AWAY}.png)')}")
    alert = page.locator('[data-testid="stAlert"]')
    expect(alert).to_be_visible()
    assert f"![x]({AWAY}.png)" in alert.inner_text().replace("\N{WORD JOINER}", "")
    untouched(page)


def test_a_file_s_name_is_shown_as_text_and_goes_no_further(server: Server, page: Page):
    upload(page, server, "Secret <img src=x onerror=window.owned=1> ![x](y).png", png())
    expect(page.locator("a.sentence").first).to_be_visible()
    settle(page)
    untouched(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="Export report").click()
    assert "Secret" not in download.value.path().read_text(encoding="utf-8")


def test_a_description_is_shown_as_text(tiny_workspace: Workspace, tmp_path: Path, page: Page):
    shutil.copytree(tiny_workspace.root, tmp_path / "tiny")
    with serving(tmp_path) as server:
        sit_down(page, server, 3, "Ada")
        box(page).fill(MARKUP)
        page.keyboard.press("Control+Enter")
        saved(page, 3)
        untouched(page)
        page.goto(f"{server.url}/curate?ws=tiny&queue=all&feature=3")
        settle(page)
        expect(page.locator(".hero")).to_have_text(MARKUP)
        untouched(page)
        for path in ("features?ws=tiny&feature=3", "features?ws=tiny", "curate?ws=tiny&feature=3"):
            page.goto(f"{server.url}/{path}")
            settle(page)
            untouched(page)
        upload(page, server, "chest.png", png())
        expect(page.locator("a.sentence").first).to_be_visible()
        settle(page)
        untouched(page)
