"""The Streamlit component of the map: addresses and what is lit go in, what was drawn around or clicked comes out."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import streamlit as st
from streamlit.components.v2 import component

from saerad_core.ui.atlas.routes import addresses
from saerad_core.ui.state import Here

_ASSETS = Path(__file__).parent / "assets"
_SCRIPTS = ("areas.js", "paint.js", "panel.js", "atlas.js")
"""Put together in this order; together they are one module, of which the last part exports the component."""
KEY = "atlas"


@st.cache_resource(show_spinner=False)
def _component():  # noqa: ANN202 - streamlit gives its renderer no public type
    return component(
        "saerad_atlas",
        html='<div class="a"></div>',
        css=(_ASSETS / "atlas.css").read_text(encoding="utf-8"),
        js="\n".join((_ASSETS / name).read_text(encoding="utf-8") for name in _SCRIPTS),
    )


def atlas_map(
    here: Here, column: str, lit: np.ndarray | None, area: str, ids: Sequence[int], chosen: Callable[[dict], None]
) -> None:
    """Show the map.

    Args:
        column: what it is coloured by.
        lit: bool, a value each point: what a search found; None where nothing is searched for.
        area: outlines in the address's letters (`areas.write_areas`).
        ids: features that are marked.
        chosen: called before the next run with what a reader chose: {"area": letters} or {"ids": [number]}.
    """

    def follow() -> None:
        sent = st.session_state[KEY].get("chosen")
        if isinstance(sent, dict):
            chosen(sent)

    bits = "" if lit is None else base64.b64encode(np.packbits(lit, bitorder="little").tobytes()).decode()
    data = addresses(here, column) | {
        "lit": bits,
        "area": area,
        "ids": list(ids),
        "theme": "light" if st.context.theme.type == "light" else "dark",
    }
    _component()(key=KEY, data=data, on_chosen_change=follow)
