"""The Streamlit component: addresses in, nothing out. All that a reader does with an X-ray stays in the browser."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import streamlit as st
from streamlit.components.v2 import component

_ASSETS = Path(__file__).parent / "assets"
_SCRIPTS = ("values.js", "paint.js", "pane.js", "panel.js", "keys.js", "viewer.js")
"""Put together in this order; together they are one module, of which the last part exports the component."""


class Overlay(NamedTuple):
    """A transparent picture that can be laid over an X-ray; fetched when it is first asked for."""

    name: str
    address: str
    """ "" where it isn't drawn; ``says`` then tells why."""
    says: str = ""
    """Told while it is on."""


class Picture(NamedTuple):
    """An X-ray for the viewer."""

    values: str
    """Address of its real values (``values.Values``)."""
    fallback: str = ""
    """Address of an 8-bit picture, where the values can't be had; "" for none."""
    label: str = "X-ray"
    overlays: tuple[Overlay, ...] = ()


@st.cache_resource(show_spinner=False)
def _component():  # noqa: ANN202 - streamlit gives its renderer no public type
    return component(
        "saerad_viewer",
        html='<div class="v"></div>',
        css=(_ASSETS / "viewer.css").read_text(encoding="utf-8"),
        js=script(),
    )


def script() -> str:
    """The component's JavaScript, one module."""
    return "\n".join((_ASSETS / name).read_text(encoding="utf-8") for name in _SCRIPTS)


def xray_viewer(picture: Picture, beside: Sequence[Picture] = (), *, key: str = "viewer", share: bool = True) -> None:
    """Show an X-ray: window and level, presets, invert, zoom, pan, heatmaps on request, a second X-ray beside it.

    Args:
        picture: the X-ray.
        beside: X-rays that can be put beside it; the same one without a heatmap is always among them.
        key: of the component on its page.
        share: keep window, inversion and zoom in the address (``view``), for one viewer a page.
    """
    _component()(
        key=key,
        data={"picture": _plain(picture), "beside": [_plain(one) for one in beside], "share": share},
    )


def _plain(picture: Picture) -> dict:
    return picture._asdict() | {"overlays": [overlay._asdict() for overlay in picture.overlays]}
