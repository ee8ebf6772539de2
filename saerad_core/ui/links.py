"""Addresses within the app: every link keeps the workspace, and every shareable state is in the query."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import quote, urlencode

import streamlit as st

from saerad_core.ui.registry import PAGES

Value = str | int | float | None


def base() -> str:
    """Path that the server is mounted under, e.g. "" or "/saerad"."""
    path = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{path}" if path else ""


class Links(NamedTuple):
    """Builds addresses of one workspace."""

    workspace: str
    version: str = ""
    """Of the workspace's build; in the address of every picture, so that browsers may keep them for good."""

    def page(self, name: str, **query: Value) -> str:
        """Address of a page; None and "" are left out of the query."""
        path = "" if name == PAGES[0].name else name
        kept = {"ws": self.workspace} | {key: str(value) for key, value in query.items() if value not in (None, "")}
        return f"{base()}/{path}?{urlencode(kept)}"

    def feature(self, feature_id: int, **query: Value) -> str:
        return self.page("features", feature=feature_id, **query)

    def image(self, image_id: str) -> str:
        """The report page of one of the workspace's X-rays."""
        return self.page("report", image=image_id)

    def xray(self, image_id: str, **query: Value) -> str:
        """The page of one of the workspace's X-rays."""
        return self.page("xray", image=image_id, **query)

    def thumb(self, image_id: str) -> str:
        """224 px WebP."""
        return f"{base()}/xray/{quote(self.workspace)}/thumb/{quote(image_id, safe='')}?v={self.version}"

    def picture(self, image_id: str) -> str:
        """512 px WebP."""
        return f"{base()}/xray/{quote(self.workspace)}/picture/{quote(image_id, safe='')}?v={self.version}"

    def heat(self, feature_id: int, image_id: str) -> str:
        """Transparent PNG of where a feature looks."""
        return f"{base()}/xray/{quote(self.workspace)}/heat/{int(feature_id)}/{quote(image_id, safe='')}.png?v={self.version}"

    def values(self, image_id: str) -> str:
        """Real values for the viewer."""
        return f"{base()}/xray/{quote(self.workspace)}/values/{quote(image_id, safe='')}?v={self.version}"

    def held_values(self, token: str) -> str:
        """Real values of the session's own X-ray."""
        return f"{base()}/xray/{quote(self.workspace)}/held/{token}/values"

    def held_heat(self, feature_id: int, token: str) -> str:
        """Where a feature looks on the session's own X-ray."""
        return f"{base()}/xray/{quote(self.workspace)}/held/{token}/heat/{int(feature_id)}.png"
