"""Where a picture for the viewer comes from: the workspace, an upload, the simulator."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import streamlit as st

from saerad_core.images.sandbox import measure_sandboxed
from saerad_core.ui.heat_truth import sentence
from saerad_core.ui.state import Here
from saerad_core.ui.viewer.component import Overlay, Picture
from saerad_core.ui.viewer.held import Held
from saerad_core.ui.viewer.values import Values, of_film, of_pixels


def stored_picture(here: Here, image_id: str, features: Iterable[int] = (), *, label: str = "") -> Picture:
    """One of the workspace's X-rays.

    Args:
        here: the page's workspace.
        image_id: one that the store knows.
        features: whose heatmaps may be asked for, in the order of the list.
        label: what a reader and a screen reader are told; the image's name by itself.
    """
    links = here.links
    overlays = tuple(_overlay(here, feature, links.heat(feature, image_id)) for feature in features)
    return Picture(links.values(image_id), links.picture(image_id), label or f"X-ray {image_id}", overlays)


def uploaded_picture(here: Here, key: str, data: bytes, pixels: np.ndarray, features: Iterable[int] = (), *, label: str) -> Picture:  # fmt: skip
    """A file that somebody uploaded, kept for the session only.

    Args:
        here: the page's workspace.
        key: tells one X-ray from another within the session.
        data: the file; its values are decoded in the sandbox when the browser asks.
        pixels: float32 [H, W], as analysed.
        features: as ``stored_picture``.
        label: as ``stored_picture``.
    """
    return _held_picture(here, key, pixels, lambda: of_film(measure_sandboxed(data)), features, label)


def drawn_picture(here: Here, key: str, pixels: np.ndarray, features: Iterable[int] = (), *, label: str) -> Picture:
    """An X-ray without a file, such as one drawn on request; arguments as ``uploaded_picture``."""
    return _held_picture(here, key, pixels, lambda: of_pixels(pixels), features, label)


def _held_picture(
    here: Here, key: str, pixels: np.ndarray, measure: Callable[[], Values], features: Iterable[int], label: str
) -> Picture:
    kept = st.session_state.get("viewer_held")
    if kept is None or kept[0] != key:
        kept = (key, Held(pixels, measure))
        # One at a time: the X-ray before it is let go.
        st.session_state["viewer_held"] = kept
    token = kept[1].token
    overlays = tuple(_overlay(here, one, here.links.held_heat(one, token)) for one in features)
    return Picture(here.links.held_values(token), "", label, overlays)


def _overlay(here: Here, feature_id: int, address: str) -> Overlay:
    """A feature's heatmap with how true it is; a sentence in its place where it is no better than a guess."""
    truth = here.explorer.heat_truth(feature_id)
    return Overlay(feature_name(here, feature_id), address if truth.drawn else "", sentence(truth).replace("`", ""))


def feature_name(here: Here, feature_id: int) -> str:
    """A feature in a list of overlays."""
    return f"#{feature_id} {here.explorer.text(feature_id) or 'not described'}"
