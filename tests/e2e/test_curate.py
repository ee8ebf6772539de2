"""Curators at work in real browsers: keys, drafts, two on one feature, one killed while saving, a third who restores."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from saerad_core.workspace import Workspace
from tests.e2e.browser import Server, serving, settle
from tests.e2e.conftest import PATIENCE

TEXT = "Blunted right costophrenic angle <b>not bold</b>"


@pytest.fixture
def folder(tiny_workspace: Workspace, tmp_path: Path) -> Path:
    shutil.copytree(tiny_workspace.root, tmp_path / "tiny")
    return tmp_path


@pytest.fixture
def other(browser: Browser) -> Iterator[BrowserContext]:
    """A second reader's browser: no cookie or session of the first one."""
    made = browser.new_context(viewport={"width": 1440, "height": 900})
    made.set_default_timeout(PATIENCE)
    yield made
    made.close()


def sit_down(page: Page, server: Server, feature: int, author: str) -> None:
    """Open a feature on the desk under a name, the focus outside any box."""
    page.context.add_cookies([{"name": "saerad_author", "value": author, "url": server.url}])
    page.goto(f"{server.url}/curate?ws=tiny&queue=all&feature={feature}")
    settle(page)
    expect(page.locator(".desk-id")).to_have_text(f"#{feature}")


def box(page: Page):
    return page.get_by_role("textbox", name="Description")


def saved(page: Page, feature: int) -> None:
    """Until the desk has gone on from the feature."""
    expect(page.locator(".desk-id")).not_to_have_text(f"#{feature}")


def test_two_at_once_one_killed_while_saving_and_a_third_who_restores(folder: Path, page: Page, other: BrowserContext):
    with serving(folder) as server:
        second = other.new_page()
        sit_down(page, server, 3, "Ada")
        sit_down(second, server, 3, "Ben")

        # Both write; the slower one is shown all three versions, and nothing was written of theirs.
        page.keyboard.press("e")
        page.keyboard.type(TEXT)
        page.keyboard.press("Control+Enter")
        saved(page, 3)
        second.keyboard.press("e")
        second.keyboard.type("Ben's words")
        second.keyboard.press("Control+Enter")
        three = second.locator(".rows.three")
        expect(three).to_contain_text(TEXT)
        expect(three).to_contain_text("Ben's words")
        assert (folder / "tiny" / "curation.jsonl").read_text().count('"edited"') == 1
        settle(second)
        mine = second.get_by_role("button", name="Save mine")
        for _ in range(4):
            # Known: a click that falls into a redraw of the page can be lost; nothing is written then, and one clicks again.
            if mine.is_visible():
                mine.click()
            second.wait_for_timeout(1_500)
        expect(second.locator(".hero")).to_have_text("Ben's words")

        # Ada saves and her browser is gone before the answer: what reached the server counts or doesn't, whole.
        page.goto(f"{server.url}/curate?ws=tiny&queue=all&feature=4")
        settle(page)
        page.keyboard.press("e")
        page.keyboard.type("Written while the browser dies")
        page.keyboard.press("Control+Enter")
        page.close()
        before = (folder / "tiny" / "curation.jsonl").read_text()
        assert before.endswith("\n")

        # A third reader lets Ada's text count again; Ben's stays in the history.
        sit_down(second, server, 3, "Cleo")
        second.get_by_role("textbox", name="Your name").fill("Cleo")
        second.keyboard.press("Tab")
        second.get_by_role("button", name="Restore an earlier state").click()
        second.get_by_role("button", name="Restore", exact=True).click()
        expect(second.locator(".hero")).to_have_text(TEXT)
        expect(second.locator(".history")).to_contain_text("Ben's words")

    with serving(folder) as server:
        # After the server has started again everything is there.
        again = other.new_page()
        sit_down(again, server, 3, "Cleo")
        expect(again.locator(".hero")).to_have_text(TEXT)
        expect(again.locator(".chip.draft").first).to_be_visible()
        expect(again.locator(".history tr")).to_have_count(3)


def test_a_feature_is_curated_by_keys_and_a_draft_survives_a_reload(folder: Path, page: Page):
    with serving(folder) as server:
        sit_down(page, server, 5, "Ada")
        page.keyboard.press("?")
        expect(page.get_by_role("dialog", name="Keys of the desk")).to_contain_text("second reader")
        page.keyboard.press("Escape")
        page.keyboard.press("x")
        saved(page, 5)
        page.keyboard.press("u")
        expect(page.locator(".desk-id")).to_have_text("#5")
        expect(page.locator(".history")).to_contain_text("takes back 1")
        expect(page.locator(".chip.pending").first).to_be_visible()
        page.keyboard.press("e")
        page.keyboard.type("Half a sentence")
        # Sent a while after the last letter, with the focus still in the box.
        draft = folder / "tiny" / "drafts"
        for _ in range(100):
            if any("Half a sentence" in path.read_text() for path in draft.glob("*/5.json")):
                break
            page.wait_for_timeout(100)
        page.reload()
        settle(page)
        expect(box(page)).to_have_value("Half a sentence")
        page.get_by_role("textbox", name="Description").focus()
        page.keyboard.press("Escape")
        page.keyboard.press("a")
        saved(page, 5)
        page.keyboard.press("p")
        expect(page.locator(".desk-id")).to_have_text("#5")
        expect(page.locator(".hero")).to_have_text("Half a sentence")
        expect(page.locator(".chip.accepted").first).to_be_visible()
        assert not any(draft.glob("*/5.json"))


def test_an_act_without_a_name_is_refused_in_one_sentence(server: Server, page: Page):
    page.goto(f"{server.url}/curate?ws=tiny&queue=all&feature=4")
    settle(page)
    page.keyboard.press("x")
    expect(page.locator('[data-testid="stAlert"]')).to_contain_text("name is empty")
    expect(page.locator(".desk-id")).to_have_text("#4")
