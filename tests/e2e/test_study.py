"""A reader marks by keys in a real browser; a reload finds the place, and the file the marks."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from playwright.sync_api import Page, expect

from saerad_core.study import StudyJournal
from saerad_core.workspace import Workspace
from tests.e2e.browser import serving, settle


def test_keys_mark_and_go_on_and_a_reload_finds_the_place(tiny_workspace: Workspace, tmp_path: Path, page: Page):
    shutil.copytree(tiny_workspace.root, tmp_path / "tiny")
    with serving(tmp_path) as server:
        page.context.add_cookies([{"name": "saerad_author", "value": "Ada", "url": server.url}])
        page.goto(f"{server.url}/study?ws=tiny&kind=single&sources=own&n=3&seed=2&item=1")
        settle(page)
        expect(page.locator(".sentence.on")).to_have_count(1)
        # As in the curation's tests: Streamlit hears keys a moment after the first page is painted.
        page.wait_for_timeout(1_000)
        first = page.locator(".sentence").first
        page.keyboard.press("2")
        expect(first.locator(".chip")).to_have_text("minor")
        expect(page).to_have_url(re.compile("at=A1"))
        page.keyboard.press("1")
        expect(page.get_by_text("sources hidden")).to_be_visible()
        expect(page.locator(".sentence .chip")).not_to_have_count(1)
        page.reload()
        settle(page)
        expect(page.locator(".sentence.on")).to_have_count(1)
    marks = StudyJournal(tmp_path / "tiny").marks()
    assert [mark.mark for mark in marks] == ["minor", "correct"] and {mark.reader for mark in marks} == {"Ada"}
