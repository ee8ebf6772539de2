"""Curate: a queue of features whose description a reader should look at, and the desk where it is edited."""

from html import escape

import streamlit as st

from saerad_core.ui.components import empty_state, heading, html, number, status_chip
from saerad_core.ui.curate_desk import desk
from saerad_core.ui.feature_list import finding_name
from saerad_core.ui.feature_page import parse_feature
from saerad_core.ui.state import Here, here

QUEUES = {
    "todo": "To look at",
    "undescribed": "Undescribed",
    "unsure": "Unsure",
    "done": "Done",
}
"""Key in the address -> name."""
_SAYS = (
    "To look at: the program's descriptions that no reader has judged, weakest support first. Undescribed: features without a text, most "
    "frequent first. Unsure: where a reader couldn't tell. Done: edited, accepted or rejected."
)
LENGTH = 40
"""Features of the queue that are listed."""


def queue(now: Here) -> tuple[list[int], int]:
    """Features of the chosen queue, and how many there are."""
    chosen = st.segmented_control(
        "Queue",
        list(QUEUES),
        default="todo",
        required=True,
        key="queue",
        bind="query-params",
        format_func=lambda key: QUEUES[key],
        help=_SAYS,
        width="stretch",
    )
    findings = now.explorer.counts("finding")
    finding = st.selectbox(
        "Finding",
        ["", *sorted(findings)],
        key="finding",
        bind="query-params",
        format_func=lambda key: f"{finding_name(key)} ({findings.get(key, 0)})" if key else "Any finding",
        help="Only features whose description names this finding.",
    )
    return now.explorer.queue(chosen or "todo", finding or "")


def queue_rows(now: Here, ids: list[int], current: int | None) -> str:
    """The queue as links that keep its filters."""
    kept = {name: st.query_params.get(name) for name in ("queue", "finding")}
    rows = []
    for row in (now.explorer.row(feature_id) for feature_id in ids[:LENGTH]):
        on = " on" if row.feature_id == current else ""
        text = (
            f'<span class="text">{escape(row.text)}</span>'
            if row.text
            else '<span class="text none">not described</span>'
        )
        rows.append(
            f'<a class="feature nav{on}" data-stay href="{escape(now.links.page("curate", feature=row.feature_id, **kept))}">'
            f'<span class="id">#{row.feature_id}</span>{text}<span class="nums compact">{status_chip(row.status)}</span></a>'
        )
    return "".join(rows)


now = here()
for sentence in now.explorer.notices:
    st.warning(sentence)
left, right = st.columns([1, 2.05], gap="medium")
with left:
    ids, total = queue(now)
asked = st.query_params.get("feature", "")
current = parse_feature(now, asked) if asked else (ids[0] if ids else None)
with left:
    html(heading("Queue", _SAYS, number(total)))
    if ids:
        with st.container(height=640, border=False):
            html(queue_rows(now, ids, current))
    else:
        empty_state("This queue is empty.", "Choose another queue or another finding.")
with right:
    if current is None:
        empty_state("Nothing to curate here.", "Choose another queue, or open a feature and choose Edit description.")
    else:
        after = next((feature_id for feature_id in ids if feature_id != current), None) if current not in ids else None
        if current in ids:
            place = ids.index(current)
            after = ids[place + 1] if place + 1 < len(ids) else None
        desk(now, current, after)
