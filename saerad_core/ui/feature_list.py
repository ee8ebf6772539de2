"""The list of features: search, filters, order and pages, all in the address."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from saerad_core.explorer import SORTS, STATUSES, FeatureQuery
from saerad_core.explorer.rows import FLAGS, HOLDS
from saerad_core.ui.asked import asked_for
from saerad_core.ui.components import empty_state, foot, html, number
from saerad_core.ui.feature_mix import mix_input, mixed
from saerad_core.ui.feature_rows import feature_rows
from saerad_core.ui.meaning_switch import meaning_switch
from saerad_core.ui.state import Here
from saerad_core.vocabulary import SIDES, TERMS

PER_PAGE = 20
CELLS = (2.1, 1.7, 1.25, 1.35, 1.6, 1.4, 1.6)
"""Widths of the cells of the first line of filters."""
CELLS_BELOW = (CELLS[0], CELLS[1], CELLS[2] + CELLS[3], sum(CELLS[4:]))
"""Of the second, whose edges are the first's."""
FREQUENCIES = {
    "": (0.0, 1.0),
    "rare": (0.0, 0.01),
    "uncommon": (0.01, 0.05),
    "common": (0.05, 1.0),
}
"""Choice -> smallest and largest share of training X-rays."""
_FREQUENCY_NAMES = {
    "": "Any frequency",
    "rare": "Rare, under 1 %",
    "uncommon": "1 to 5 %",
    "common": "Common, over 5 %",
}


def finding_name(key: str) -> str:
    return TERMS[key].name.capitalize() if key in TERMS else key.replace("_", " ").capitalize()


def _choice(label: str, name: str, options: Sequence[str], **how: Any) -> str:  # noqa: ANN401 - a select box's own
    """A select box whose choice is in the address; the first option is what the address needn't say."""
    key, follow = asked_for(name, options[0], options=options, drops=("page",))
    return st.selectbox(label, options, key=key, on_change=follow, **how) or options[0]


def filters(here: Here) -> tuple[FeatureQuery, DeltaGenerator]:
    """Two lines of filters on one grid; what they say is in the address (q, finding, side, status, frequency, holds, flag, sort, dead).

    Returns:
        What is asked for, and the first cell of the second line, which is the page's own.
    """
    findings = here.explorer.counts("finding")
    scored = here.explorer.scores.table is not None
    above, below = (st.columns(widths, gap="xsmall", vertical_alignment="bottom") for widths in (CELLS, CELLS_BELOW))
    # Without scores order and switch take the places of their filters.
    place = iter((*above, *below[1:]))
    with next(place), st.container(key="search"):
        text = st.text_input(
            "Search",
            key="q",
            bind="query-params",
            live="100ms",
            placeholder="effusion right   /",
            help="Words of the description, finding, side, label or phrases, or a feature's number; beginnings and slips of the pen will do. Key: /",
        )
    with next(place):
        finding = _choice(
            "Finding",
            "finding",
            ["", *sorted(findings)],
            format_func=lambda key: f"{finding_name(key)} ({findings.get(key, 0)})" if key else "Any finding",
            help="Finding of the description; in brackets how many living features have it.",
        )
    with next(place):
        side = _choice(
            "Side",
            "side",
            ["", *SIDES],
            format_func=lambda key: f"Patient's {key}" if key else "Any side",
            help="The patient's side: the patient's right is the left half of the picture.",
        )
    with next(place):
        status = _choice(
            "Status",
            "status",
            ["", *STATUSES],
            format_func=lambda key: key.capitalize() if key else "Any status",
            help="Undescribed: no text. Suggested: the program's text. The rest: a reader's last word.",
        )
    with next(place):
        frequency = _choice(
            "Frequency",
            "frequency",
            list(FREQUENCIES),
            format_func=lambda key: _FREQUENCY_NAMES[key],
            help="Share of training X-rays in which the feature is active.",
        )
    holds, flag = "", ""
    if scored:
        with next(place):
            holds = _choice(
                "Unseen patients",
                "holds",
                ["", *HOLDS],
                format_func=lambda key: HOLDS[key].capitalize() if key else "Any score",
                help="Whether the description tells, on validation patients that it wasn't made from, where the feature fires: the 95 % interval "
                "of its AUROC stays above 0.60. Others explain nothing in reports.",
            )
        with next(place):
            flag = _choice(
                "Flag",
                "flag",
                ["", "none", *FLAGS],
                format_func=lambda key: FLAGS.get(key, "without any" if key else "any or none").capitalize(),
                help="What should make one doubt a feature whatever its score.",
            )
    with next(place):
        sort = _choice(
            "Order",
            "sort",
            list(SORTS),
            format_func=lambda key: SORTS[key].capitalize(),
            help="Best supported: how much more often the description is said of X-rays that show the feature (z).",
        )
    with next(place):
        dead = st.toggle(
            "Silent too",
            key="dead",
            bind="query-params",
            help="Show also features that never fire on the training split.",
        )
    with next(place):
        meaning = meaning_switch()
    lowest, highest = FREQUENCIES[frequency]
    query = FeatureQuery(
        text=text or "",
        meaning=meaning and bool((text or "").strip()),
        finding=finding,
        side=side,
        status=status,
        lowest=lowest,
        highest=highest,
        alive=not dead,
        holds=holds,
        flag=flag,
        sort=sort,
    )
    return query, below[0]


def show_list(here: Here) -> None:
    """The page without ?feature=."""
    query, cell = filters(here)
    with cell:
        mix = mix_input()
    mixed(here, mix)
    listing = here.explorer.features(query, first=0, count=0)
    pages = max(1, -(-listing.total // PER_PAGE))
    if listing.total == 0:
        empty_state("No feature fits.", "Take out a word or a filter. Features that never fire show with Silent too.")
        return
    place = st.container()
    page = min(st.pagination(pages, key="page", bind="query-params"), pages) if pages > 1 else 1
    first = (page - 1) * PER_PAGE
    listing = here.explorer.features(query, first=first, count=PER_PAGE)
    images = here.explorer.sample_images([row.feature_id for row in listing.rows], 3)
    with place:
        says = f"{number(listing.total)} features" if listing.total != 1 else "1 feature"
        # What was searched for goes along and lights up there.
        asked = {name: st.query_params[name] for name in st.query_params if name not in ("ws", "page", "mix")}
        on_map = f'<a class="link nav" href="{escape(here.links.page("atlas", **asked))}">On the map</a>'
        html(
            f'<div class="quiet">{says} \N{MIDDLE DOT} {on_map}</div>{feature_rows(here, listing.rows, images=images)}'
        )
    foot(f"{len(listing.rows)} of {number(listing.total)} features in {listing.ms:.1f} ms", f"workspace {here.name}")
