"""Edit a description in a real browser; it is still there after the server has started again."""

from __future__ import annotations

import shutil
from pathlib import Path

from playwright.sync_api import BrowserContext, Page, expect

from saerad_core.workspace import Workspace
from tests.e2e.browser import serving, settle

TEXT = "Blunted right costophrenic angle <b>not bold</b>"


def write(page: Page, text: str, author: str) -> None:
    box = page.get_by_role("textbox", name="Description")
    box.fill(text)
    page.get_by_role("textbox", name="Your name").fill(author)
    page.keyboard.press("Tab")
    page.get_by_role("button", name="Save description").click()


def test_an_edit_survives_a_restart_and_keeps_the_program_s_text(
    tiny_workspace: Workspace, tmp_path: Path, page: Page, context: BrowserContext
):
    shutil.copytree(tiny_workspace.root, tmp_path / "tiny")
    with serving(tmp_path) as server:
        page.goto(f"{server.url}/curate?ws=tiny&feature=3")
        settle(page)
        machine = page.locator(".machine-text").inner_text()
        write(page, TEXT, "A. Reader")
        expect(page.locator(".hero")).to_have_text(TEXT)
        expect(page.locator(".rows")).to_contain_text("A. Reader")

        # Another reader, who opened the page before the first one judges it.
        other = context.new_page()
        other.goto(f"{server.url}/curate?ws=tiny&feature=3")
        settle(other)
        expect(other.locator(".hero")).to_have_text(TEXT)
        page.get_by_role("button", name="Accept").click()
        expect(page.locator(".chip.accepted").first).to_be_visible()
        write(other, "Theirs", "B. Other")
        expect(other.locator('[data-testid="stAlert"]')).to_contain_text("A. Reader changed feature #3")
        expect(other.locator('[data-testid="stAlert"]')).to_contain_text("Theirs")
        other.get_by_role("button", name="Go on with mine").click()
        expect(other.get_by_role("textbox", name="Description")).to_have_value("Theirs")
        other.close()

    with serving(tmp_path) as server:
        page.goto(f"{server.url}/features?ws=tiny&feature=3")
        settle(page)
        expect(page.locator(".hero")).to_have_text(TEXT)
        expect(page.locator(".chip.accepted").first).to_be_visible()
        expect(page.locator(".machine-text")).to_have_text(machine)
        page.goto(f"{server.url}/curate?ws=tiny&feature=3")
        settle(page)
        expect(page.locator(".rows tr")).to_have_count(2)
        page.get_by_role("textbox", name="Your name").fill("A. Reader")
        page.keyboard.press("Tab")
        page.get_by_role("button", name="Back to suggestion").click()
        expect(page.locator(".rows tr")).to_have_count(3)
        expect(page.locator(".hero")).not_to_have_text(TEXT)


def test_an_edit_without_a_name_is_refused_in_one_sentence(server, page: Page):
    page.goto(f"{server.url}/curate?ws=tiny&feature=4")
    settle(page)
    page.get_by_role("textbox", name="Description").fill("Something")
    page.keyboard.press("Tab")
    page.get_by_role("button", name="Save description").click()
    expect(page.locator('[data-testid="stAlert"]')).to_contain_text("name is empty")
    expect(page.get_by_role("textbox", name="Description")).to_have_value("Something")
