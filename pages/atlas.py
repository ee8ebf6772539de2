"""Atlas: all features on one map; a lasso makes a list, a click opens a feature."""

from html import escape

import streamlit as st

from saerad_core.explorer import FeatureQuery
from saerad_core.ui.atlas_chart import atlas_figure, chosen_ids
from saerad_core.ui.components import empty_state, foot, heading, html, number
from saerad_core.ui.desk.bulk_panel import hand_over
from saerad_core.ui.feature_rows import feature_rows
from saerad_core.ui.palette import FAMILIES, GREY, UNDESCRIBED, family_of
from saerad_core.ui.state import Here, go_to, here

SHOWN = 60
"""Features listed of a selection."""
SHARED = 40
"""Features of a selection that still fit into an address."""


def ids_in_address() -> list[int]:
    """The selection of ?ids=1,2,3."""
    return [
        int(part) for part in st.query_params.get("ids", "").split(",")[:SHARED] if part.isdecimal() and len(part) < 8
    ]


def legend(points) -> str:
    """Families and how many features of each are on the map."""
    counts: dict[str, int] = {}
    for finding in points.finding:
        family = family_of(finding)
        counts[family] = counts.get(family, 0) + 1
    parts = [(family, colour) for family, (colour, _) in FAMILIES.items()] + [(UNDESCRIBED, GREY)]
    return " ".join(
        f'<span class="chip"><i class="dot" style="background:{colour}"></i>{escape(family)} {number(counts[family])}</span>'
        for family, colour in parts
        if counts.get(family)
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
    left, right = st.columns([1.7, 1], gap="medium")
    with left:
        html(f'<div class="chips">{legend(points)}</div>')
        event = st.plotly_chart(
            atlas_figure(now.name, now.links.version, points, now.explorer.revision),
            key="atlas",
            theme=None,
            on_select="rerun",
            selection_mode=("points", "box", "lasso"),
            config={
                "scrollZoom": True,
                "displayModeBar": True,
                "displaylogo": False,
                "modeBarButtonsToRemove": ["toImage", "autoScale2d"],
            },
        )
    chosen = chosen_ids(event)
    if chosen is not None:
        if 0 < len(chosen) <= SHARED:
            st.query_params["ids"] = ",".join(map(str, chosen))
        else:
            st.query_params.pop("ids", None)
    else:
        chosen = ids_in_address()
    with right:
        _list(now, chosen)
    foot(
        f"{number(len(points.ids))} features",
        "UMAP of the decoder's directions (cosine); near means that they point the same way, distances between groups mean little",
    )


def _list(now: Here, chosen: list[int]) -> None:
    if not chosen:
        html(heading("Selected features", "Features inside the lasso or box, or the one that was clicked."))
        empty_state(
            "Nothing is selected.",
            "Draw around some points with the lasso or the box, or click one. A point's description shows when you point at it.",
        )
        return
    listing = now.explorer.features(FeatureQuery(ids=tuple(chosen), alive=False), first=0, count=SHOWN)
    html(
        heading(
            "Selected features",
            "Features inside the lasso or box, or the one that was clicked; best supported first.",
            number(listing.total),
        )
    )
    if st.button(
        "To the desk",
        key="atlas_desk",
        help="All of the selection, chosen, under Curate, Many at once: tag, list, give, accept, reject.",
    ):
        go_to(now, "curate", **hand_over(chosen))
    images = now.explorer.sample_images([row.feature_id for row in listing.rows[:12]], 2)
    with st.container(height=560, border=False):
        html(feature_rows(now, listing.rows, images=images, compact=True))
    if listing.total > SHOWN:
        html(f'<p class="quiet">The first {SHOWN} are listed; draw a smaller lasso for the rest.</p>')


show(here())
