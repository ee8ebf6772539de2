"""The little that needs JavaScript: links that keep the session, keys, and the heatmap held by H."""

from __future__ import annotations

from pathlib import Path

import streamlit as st
from streamlit.components.v2 import component

_SCRIPT = (Path(__file__).parent / "browser.js").read_text(encoding="utf-8")


@st.cache_resource(show_spinner=False)
def _component():  # noqa: ANN202 - streamlit gives its renderer no public type
    return component("saerad_browser", js=_SCRIPT, isolate_styles=False)


def browser_helper() -> None:
    """Mount it once a run. Without JavaScript every link still works, as a full page load."""
    _component()(key="browser_helper", height=1)
