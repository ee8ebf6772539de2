"""The frame around every page: workspace, menu, notice, and the one place that turns errors into sentences."""

from __future__ import annotations

import logging

import streamlit as st

from saerad_core import NOTICE
from saerad_core.errors import SaeRadError
from saerad_core.ui import first_start, sidebar, state
from saerad_core.ui.browser import browser_helper
from saerad_core.ui.components import chip, html, literal, notice_foot
from saerad_core.ui.css import CSS
from saerad_core.ui.links import Links
from saerad_core.ui.login.page import let_in, who_box
from saerad_core.ui.place import PROJECT
from saerad_core.ui.registry import PAGES
from saerad_core.ui.tidy import after_pages
from saerad_core.ui.turns import turns
from saerad_core.workspace import Workspace

log = logging.getLogger("saerad")


def main() -> None:
    st.set_page_config(
        page_title="SAE-Rad",
        page_icon=str(PROJECT / "saerad_core" / "ui" / "icon.svg"),
        layout="wide",
        menu_items={"About": f"SAE-Rad. {NOTICE}"},
    )
    st.html(f"<style>{CSS}</style>")
    pages = [
        st.Page(entry.file, title=entry.title, url_path=entry.name, default=number == 0)
        for number, entry in enumerate(PAGES)
    ]
    page = st.navigation(pages, position="hidden")
    state.set_pages({entry.name: shown for entry, shown in zip(PAGES, pages, strict=True)})
    browser_helper()
    if not let_in():
        return
    try:
        with turns.turn():
            _show(page)
    finally:
        after_pages.collect()


def _show(page: st.Page) -> None:
    """The menu and the page, once it is their turn."""
    entry = next((entry for entry in PAGES if entry.title == page.title), PAGES[0])
    workspaces = state.browsable()
    asked = st.query_params.get("ws") or st.session_state.get("ws")
    first_start.ensure_demo(asked, workspaces)
    workspace = _choose(asked, workspaces)
    if workspace is None:
        with st.sidebar:
            sidebar.brand(None)
            who_box()
            notice_foot()
        first_start.show(asked)
        return
    name = workspace.root.name
    st.session_state["ws"] = name
    if st.query_params.get("ws") != name:
        st.query_params["ws"] = name
    here = state.Here(workspace, state.explorer_of(workspace), Links(name, state.version_of(workspace)))
    state.set_here(here)
    with st.sidebar:
        sidebar.show(here, workspaces, entry)
    _run(page, here)


def _choose(asked: str | None, workspaces: list[Workspace]) -> Workspace | None:
    """The asked workspace; without a wish the demo, else the first."""
    by_name = {workspace.root.name: workspace for workspace in workspaces}
    if asked:
        return by_name.get(asked)
    return by_name.get(state.DEFAULT) or (None if first_start.possible() else next(iter(by_name.values()), None))


def _run(page: st.Page, here: state.Here) -> None:
    try:
        page.run()
    except SaeRadError as error:
        st.error(literal(str(error)))
        if not here.workspace.root.exists():
            html(chip("The workspace folder is gone."))


main()
