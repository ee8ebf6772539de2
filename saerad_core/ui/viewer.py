"""The X-ray viewer: window and level by dragging, invert, zoom, and a heatmap that stays off until asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.components.v2 import component

_FOLDER = Path(__file__).parent


@st.cache_resource(show_spinner=False)
def _component():  # noqa: ANN202 - streamlit gives its renderer no public type
    return component(
        "saerad_viewer",
        html='<div class="v"></div>',
        css=(_FOLDER / "viewer.css").read_text(encoding="utf-8"),
        js=(_FOLDER / "viewer.js").read_text(encoding="utf-8"),
    )


def viewer(picture: str, *, heat: str = "", heat_of: str = "", label: str = "X-ray", key: str = "viewer") -> Any:
    """Show an X-ray.

    Args:
        picture: address of the picture, http or data.
        heat: address of the heatmap over it; "" where none was asked for.
        heat_of: what the heatmap shows, in words.
        label: what a screen reader says.
    """
    return _component()(key=key, data={"picture": picture, "heat": heat, "heatOf": heat_of, "label": label})
