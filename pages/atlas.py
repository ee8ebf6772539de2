"""Atlas: all features on one map, in the colours of any column; a search lights features up, a lasso lists them, a click shows one."""

from dataclasses import replace

import numpy as np
import streamlit as st

from saerad_core.errors import SaeRadError
from saerad_core.explorer import AtlasPoints, FeatureQuery
from saerad_core.explorer.areas import grid_places, read_areas, within
from saerad_core.ui.asked import asked_for
from saerad_core.ui.atlas.columns import FAMILY, columns
from saerad_core.ui.atlas.component import atlas_map
from saerad_core.ui.components import empty_state, foot, heading, html, literal, number
from saerad_core.ui.desk.bulk_panel import hand_over
from saerad_core.ui.feature_list import filters
from saerad_core.ui.feature_rows import feature_rows
from saerad_core.ui.state import Here, go_to, here

SHOWN = 40
"""Features listed of a selection."""
SHARED = 40
"""Features named one by one that still fit into an address."""


def ids_in_address() -> list[int]:
    """The features of ?ids=1,2,3."""
    return [
        int(part) for part in st.query_params.get("ids", "").split(",")[:SHARED] if part.isdecimal() and len(part) < 8
    ]


def follow(chosen: dict) -> None:
    """The address says what was drawn around or clicked."""
    ids = [one for one in chosen.get("ids") or [] if isinstance(one, int)][:SHARED]
    area = chosen.get("area")
    for name, value in (("area", area if isinstance(area, str) else ""), ("ids", ",".join(map(str, ids)))):
        if value:
            st.query_params[name] = value
        else:
            st.query_params.pop(name, None)


def colour_choice(now: Here) -> str:
    offered = columns(now.explorer)
    key, changed = asked_for("colour", FAMILY, options=list(offered))
    return (
        st.selectbox(
            "Colour by",
            list(offered),
            key=key,
            on_change=changed,
            format_func=lambda one: offered[one].name,
            help="Any column of the features' table. Grey: the feature has no value.",
        )
        or FAMILY
    )


@st.fragment
def show(now: Here) -> None:
    points = now.explorer.atlas()
    if points is None:
        empty_state(
            "The map is still being drawn.",
            "It is the last step of the build; features can be browsed already. Come back in a minute.",
        )
        return
    query, cell = filters(now)
    with cell:
        column = colour_choice(now)
    searched = replace(query, alive=True, sort=FeatureQuery.sort) != FeatureQuery()
    # Those without a search are found anew for every lasso: 49,152 numbers in an order, in milliseconds.
    try:
        fitting = now.explorer.catalogue.find(query if searched else replace(query, alive=False))
    except SaeRadError as error:
        st.error(literal(str(error)))
        fitting = np.zeros(0, dtype=np.int64)
    lit = np.isin(points.ids, fitting) if searched else None
    area, ids = st.query_params.get("area", ""), ids_in_address()
    left, right = st.columns([1.7, 1], gap="medium")
    with left:
        atlas_map(now, column, lit, area, ids, follow)
    with right:
        _list(now, query, _chosen(points, fitting, area, ids, searched), searched, bool(read_areas(area) or ids))
    foot(
        f"{number(len(points.ids))} features",
        "UMAP of the decoder's directions (cosine); near means that they point the same way, distances between groups mean little",
    )


def _chosen(points: AtlasPoints, fitting: np.ndarray, area: str, ids: list[int], searched: bool) -> list[int]:
    """Features of the list, in the order of the search: inside the outlines, or clicked; without either, all that the search found."""
    if ids:
        return ids
    if areas := read_areas(area):
        inside = points.ids[within(grid_places(points.x, points.y), areas)]
        return fitting[np.isin(fitting, inside)].tolist()
    return fitting.tolist() if searched else []


def _list(now: Here, query: FeatureQuery, chosen: list[int], searched: bool, drawn: bool) -> None:
    says = (
        "Features inside the lasso or box that fit the search, or the one that was clicked; in the order of the search."
    )
    if not chosen:
        html(heading("Features", says))
        if searched or drawn:
            empty_state(
                "No feature fits.", "Take out a word or a filter, draw a larger lasso, or choose nothing with Clear."
            )
        else:
            empty_state(
                "Nothing is searched for or chosen.",
                "Type a word: what fits lights up on the map. Or draw around some points, or click one; what is said of a point shows when you rest on it.",
            )
        return
    shown = [now.explorer.row(one) for one in chosen[:SHOWN] if one in now.explorer]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        html(heading("Features", says, number(len(chosen))))
        if st.button(
            "To the desk",
            key="atlas_desk",
            help="All of them, chosen, under Curate, Many at once: tag, list, give, accept, reject.",
        ):
            go_to(now, "curate", **hand_over(chosen))
    images = now.explorer.sample_images([row.feature_id for row in shown[:12]], 2)
    with st.container(height=620, border=False, key="atlas_list"):
        html(feature_rows(now, shown, images=images, compact=True))
    if len(chosen) > SHOWN:
        html(f'<p class="quiet">The first {SHOWN} are listed; all go to the desk.</p>')


show(here())
