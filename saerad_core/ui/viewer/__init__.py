"""The X-ray viewer: real values, windowed in the browser; a heatmap that stays off until asked; two films side by side."""

from saerad_core.ui.viewer.component import Overlay, Picture, xray_viewer
from saerad_core.ui.viewer.sources import drawn_picture, stored_picture, uploaded_picture

__all__ = ["Overlay", "Picture", "drawn_picture", "stored_picture", "uploaded_picture", "xray_viewer"]
