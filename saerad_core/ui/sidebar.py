"""The menu at the left: which workspace, where to go, what this is not for."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import streamlit as st

from saerad_core.ui.components import chips, html, notice_foot, pseudo_chip, simulated_chip
from saerad_core.ui.login.page import who_box
from saerad_core.ui.registry import PAGES, PageEntry
from saerad_core.ui.state import Here
from saerad_core.workspace import Workspace


def brand(workspace: Workspace | None) -> None:
    title = escape(workspace.manifest.dataset.title or workspace.root.name) if workspace else ""
    html(f'<div class="brand">SAE-Rad</div><div class="quiet">{title}</div>')


def show(here: Here, workspaces: Sequence[Workspace], current: PageEntry) -> None:
    """Everything of the menu."""
    brand(here.workspace)
    labels = ([simulated_chip()] if here.simulated else []) + ([pseudo_chip()] if here.pseudo_reports else [])
    if labels:
        html(chips(labels))
    if len(workspaces) > 1:
        _chooser(here, workspaces)
    items = "".join(
        f'<a class="nav{" on" if entry == current else ""}" href="{escape(here.links.page(entry.name))}" '
        f'title="{escape(entry.says)}">{escape(entry.title)}</a>'
        for entry in PAGES
    )
    html(f'<nav class="menu" aria-label="Pages">{items}</nav>')
    who_box()
    notice_foot()


def _chooser(here: Here, workspaces: Sequence[Workspace]) -> None:
    names = [workspace.root.name for workspace in workspaces]
    titles = {w.root.name: w.manifest.dataset.title or w.root.name for w in workspaces}
    key = f"workspace_{here.name}"

    def choose() -> None:
        # Another workspace has other features: only the workspace stays in the address.
        st.query_params.from_dict({"ws": st.session_state[key]})

    st.selectbox(
        "Workspace",
        names,
        index=names.index(here.name),
        format_func=lambda name: f"{name} \N{MIDDLE DOT} {titles[name]}" if titles[name] != name else name,
        key=key,
        on_change=choose,
        help="One workspace is one set of X-rays with its encoder and its dictionary of features.",
    )
