"""Features like this one, in three meanings side by side: direction, company, words."""

from __future__ import annotations

from html import escape

import streamlit as st

from saerad_core.explorer import FeatureDetail, Neighbour
from saerad_core.ui.components import heading, html, number, score
from saerad_core.ui.state import Here

LISTED = 8


def neighbours(here: Here, detail: FeatureDetail) -> None:
    """Three columns."""
    alike = here.explorer.similar_texts(detail.row.feature_id, LISTED)
    columns = (
        ("Same direction", "Features whose decoder directions point the same way (cosine); they fire on some training X-ray.", detail.similar, "cos"),
        ("Fires together with", "Features active in the same training X-rays more often than chance (normalised pointwise mutual information).", detail.together, "npmi"),
        ("Said alike", "Features whose descriptions share this one's words (BM25; the score has no unit).", alike, "match"),
    )  # fmt: skip
    for column, (title, says, found, unit) in zip(st.columns(3, gap="medium"), columns, strict=True):
        with column:
            html(heading(title, says))
            html(_rows(here, found, unit) if found else f'<p class="quiet">{_none(unit, detail)}</p>')


def _none(unit: str, detail: FeatureDetail) -> str:
    if unit == "match":
        return "No other description shares its words." if detail.row.text else "This feature has no description."
    return "None: no other feature does so more often than by chance." if unit == "npmi" else "No other feature fires."


def _rows(here: Here, found: list[Neighbour], unit: str) -> str:
    rows = "".join(
        f'<tr><td><a class="nav" href="{escape(here.links.feature(item.feature_id))}">#{item.feature_id} '
        f"{escape(item.text) if item.text else '<span class=faint>not described</span>'}</a></td>"
        f'<td class="r" title="{number(item.n)} patients in common">{unit} {score(item.value)}</td></tr>'
        if item.n
        else f'<tr><td><a class="nav" href="{escape(here.links.feature(item.feature_id))}">#{item.feature_id} '
        f"{escape(item.text) if item.text else '<span class=faint>not described</span>'}</a></td>"
        f'<td class="r">{unit} {score(item.value)}</td></tr>'
        for item in found[:LISTED]
    )
    return f'<table class="rows">{rows}</table>'
