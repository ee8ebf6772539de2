"""The live path as it goes: each stage when it ends, the features as soon as they are known, then the first sentences."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from typing import TYPE_CHECKING

import streamlit as st

from saerad_core.ui.components import heading, number
from saerad_core.ui.state import Here

if TYPE_CHECKING:
    from saerad_core.engine import Ended

STAGES = {
    "decode": "Reading the file",
    "encode": "Embedding the X-ray",
    "features": "Finding its features",
    "typical": "Comparing it with the workspace's X-rays",
    "report": "Compiling the report",
    "similar": "Finding similar X-rays",
}
"""Stage and what it does, in the order in which they end."""
LISTED = 12
"""Features shown while the rest goes on."""


@contextmanager
def live_stages(here: Here) -> Iterator[Callable[[Ended], None]]:
    """A place on the page that is filled while the X-ray is read, and gone afterwards; gives what to tell of each stage."""
    with st.container():
        at = st.empty()
        below = st.empty()
    done: dict[str, float] = {}

    def show() -> None:
        after = next((name for name in STAGES if name not in done and (name != "decode" or not done)), "")
        rows = "".join(
            f'<tr><td>{escape(says)}</td><td class="r">{f"{done[name]:.0f} ms" if name in done else "..." if name == after else ""}</td></tr>'
            for name, says in STAGES.items()
        )
        at.html(f'<div class="live" role="status"><table class="rows">{rows}</table></div>')

    def tell(ended: Ended) -> None:
        done[ended.stage] = ended.ms
        show()
        if ended.active is not None:
            below.html(_features(here, ended.active))
        if ended.report is not None:
            said = "".join(f'<p class="lead">{escape(one.text)}</p>' for one in ended.report.findings if one.stands)
            below.html(said + _features(here, ended.report.given.active if ended.report.given else ()))

    show()
    try:
        yield tell
    finally:
        at.empty()
        below.empty()


def _features(here: Here, found) -> str:  # noqa: ANN001 - (feature_id, activation) pairs
    rows = "".join(
        f'<tr><td><span class="faint">#{feature_id}</span> {escape(here.explorer.row(feature_id).text) or "<span class=faint>not described</span>"}</td>'
        f'<td class="r">{number(value, 2)}</td></tr>'
        for feature_id, value in found[:LISTED]
    )
    head = heading(
        "Active features",
        "Known before the report is compiled; the strongest for their threshold first.",
        str(len(found)),
    )
    return f'{head}<table class="rows">{rows}</table>'
