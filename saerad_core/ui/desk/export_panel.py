"""Descriptions as a file: one click; the same files as `python -m saerad_core export` writes."""

from __future__ import annotations

from functools import partial

import streamlit as st

from saerad_core.exchange import FORMATS
from saerad_core.ui.components import heading, html
from saerad_core.ui.login import why_not
from saerad_core.ui.state import Here

NAMES = {
    "csv": "CSV",
    "parquet": "Parquet",
    "jsonl": "JSONL, with the history",
    "neuronpedia": "Neuronpedia's explanations",
    "html": "A page for readers without the app",
}
"""Key of saerad_core.exchange.FORMATS -> what it is called; one that isn't here goes by its key."""
PICTURES = 6
"""X-rays of each feature in a page with X-rays."""


def export_panel(here: Here) -> None:
    """Which file, of which features, and the button; the file is made when it is pressed."""
    html(
        heading(
            "Export",
            "Descriptions with scores, history and the names of the X-rays behind them. CSV, Parquet and JSONL come back with "
            "python -m saerad_core import, which first shows what it would do.",
        )
    )
    refused = why_not("export")
    lists = here.explorer.curation.snapshot().lists()
    left, middle, right = st.columns([1.2, 1.2, 1], vertical_alignment="bottom")
    with left:
        form = st.selectbox("File", list(FORMATS), key="export_form", format_func=_name)
    with middle:
        of = st.selectbox(
            "Of",
            ["", *lists],
            key="export_list",
            format_func=lambda one: f"list {one}" if one else "all that have words",
        )
    pictures = 0
    if form == "html":
        pictures = PICTURES * st.toggle(
            "With X-rays", key="export_pictures", help="The file then holds X-rays: give it only to whom may see them."
        )
    suffix = FORMATS[form].suffix
    with right:
        st.download_button(
            "Export", b"" if refused else partial(_file, here, form, lists.get(of) if of else None, pictures), on_click="ignore", key="export",
            file_name=f"{here.name}-{of}{suffix}" if of else f"{here.name}-curation{suffix}", mime=FORMATS[form].mime,
            disabled=bool(refused), help=refused or "Made when pressed.",
        )  # fmt: skip


def _name(form: str) -> str:
    return NAMES.get(form, form)


def _file(here: Here, form: str, features: list[int] | None, pictures: int) -> bytes:
    return here.explorer.export(form, features, pictures)[2]
