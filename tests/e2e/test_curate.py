"""Curators at work in real browsers: keys, drafts, two on one feature, one killed while saving, a third who restores."""

from __future__ import annotations

import json
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
    # In a browser that was never here Streamlit fetches what hears keys after the page is painted; nobody types that soon.
    page.wait_for_timeout(1_000)


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
        second.get_by_role("button", name="Save mine").click()
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
        settle(page)
        page.keyboard.press("p")
        expect(page.locator(".desk-id")).to_have_text("#5")
        expect(page.locator(".hero")).to_have_text("Half a sentence")
        expect(page.locator(".chip.accepted").first).to_be_visible()
        assert not any(draft.glob("*/5.json"))


ACTS = {"Accept": "accepted", "Save and next": "edited", "Reject": "rejected", "Second reader": "flagged"}
"""Button of the desk -> the last event that it writes."""


def typed_and_clicked(folder: Path, page: Page, times: int) -> None:
    """On one feature after the other: type, and click at once where the button was before; every act has to be there."""
    with serving(folder) as server:
        sit_down(page, server, 3, "Ada")
        wanted = []
        for turn in range(times):
            name = list(ACTS)[turn % len(ACTS)]
            feature = (page.locator(".desk-id").first.text_content() or "").removeprefix("#")
            place = page.get_by_role("button", name=name).bounding_box()
            assert place is not None
            page.keyboard.press("e")
            # Vague words: what the program finds odd about them comes up while the finger is down.
            page.keyboard.type(f"Finding {turn} stable")
            page.mouse.move(place["x"] + 20, place["y"] + place["height"] / 2)
            page.mouse.down()
            page.wait_for_timeout(90 * (turn % 3))
            page.mouse.up()
            saved(page, int(feature))
            settle(page)
            wanted.append((int(feature), ACTS[name]))
        events = [json.loads(line) for line in (folder / "tiny" / "curation.jsonl").read_text().splitlines()]
        last = {one["feature_id"]: one["kind"] for one in events}
        assert [(feature, last.get(feature)) for feature, _ in wanted] == wanted
        said = [one["data"]["text"] for one in events if one["kind"] == "edited"]
        assert said == [f"Finding {turn} stable" for turn in range(times) if list(ACTS)[turn % len(ACTS)] != "Reject"]


def test_a_click_right_after_typing_is_never_lost(folder: Path, page: Page):
    typed_and_clicked(folder, page, 8)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_fifteen_conflicts_take_one_click_each(folder: Path, page: Page, other: BrowserContext):
    with serving(folder) as server:
        second = other.new_page()
        for feature in range(15):
            sit_down(page, server, feature, "Ada")
            sit_down(second, server, feature, "Ben")
            for one, words in ((page, "Ada's words"), (second, "Ben's words")):
                one.keyboard.press("e")
                one.keyboard.type(words)
                one.keyboard.press("Control+Enter")
                if one is page:
                    saved(page, feature)
            second.get_by_role("button", name="Save mine").click(delay=30 * (feature % 4))
            expect(second.locator(".hero")).to_have_text("Ben's words")
        assert (folder / "tiny" / "curation.jsonl").read_text().count('"edited"') == 30


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_thirty_clicks_right_after_typing(folder: Path, page: Page):
    typed_and_clicked(folder, page, 30)


def test_a_press_means_the_feature_that_was_in_sight(folder: Path, page: Page):
    with serving(folder) as server:
        sit_down(page, server, 3, "Ada")
        for _ in range(3):
            page.keyboard.press("x")
        saved(page, 3)
        settle(page)
        # The second and third press fell before the next feature was there: nobody has rejected that one.
        page.wait_for_timeout(1_000)
        assert (folder / "tiny" / "curation.jsonl").read_text().count('"rejected"') == 1

        # The layout moves while the finger is down, as when a box that loses the focus goes: the click still counts.
        before = page.locator(".desk-id").first.text_content() or ""
        place = page.get_by_role("button", name="Accept").bounding_box()
        assert place is not None
        page.keyboard.press("e")
        page.keyboard.type("Words")
        page.evaluate(
            """() => document.addEventListener('focusout', () => {
                for (const box of document.querySelectorAll('[data-testid="stTextArea"]')) box.style.display = 'none';
            }, { once: true })"""
        )
        page.mouse.click(place["x"] + 20, place["y"] + place["height"] / 2, delay=40)
        saved(page, int(before.removeprefix("#")))
        assert '"accepted"' in (folder / "tiny" / "curation.jsonl").read_text()


def test_an_act_without_a_name_is_refused_in_one_sentence(server: Server, page: Page):
    page.goto(f"{server.url}/curate?ws=tiny&queue=all&feature=4")
    settle(page)
    # See sit_down.
    page.wait_for_timeout(1_000)
    page.keyboard.press("x")
    expect(page.locator('[data-testid="stAlert"]')).to_contain_text("name is empty")
    expect(page.locator(".desk-id")).to_have_text("#4")
