"""Everything that was done to a feature, the latest first, and the way back to any of it."""

from __future__ import annotations

from html import escape

import streamlit as st

from saerad_core.store.curation import Event
from saerad_core.store.curation.state import decides, voided
from saerad_core.ui.components import heading, html
from saerad_core.ui.desk.acts import Seen, restore
from saerad_core.ui.login import may
from saerad_core.ui.state import Here


def history(here: Here, seen: Seen) -> None:
    """The events, and a way to let an earlier state count again."""
    events = here.explorer.curation.history(seen.began.feature_id)
    says = "Every event on this feature, the latest first. Nothing is ever overwritten; what was taken back is struck through."
    html(heading("History", says, str(len(events)) if events else ""))
    if not events:
        html('<p class="quiet">No reader has touched this feature yet.</p>')
        return
    void = voided(events)
    html(f'<table class="rows history">{"".join(_row(one, one.number in void) for one in reversed(events))}</table>')
    if not may("curate"):
        return
    past = [one.number for one in events if decides(one) and one.number != seen.state.revision]
    options = [*reversed(past), 0]
    with st.popover("Restore an earlier state"):
        number = st.selectbox(
            "What counted after", options, key=f"desk_past_{seen.began.feature_id}_{len(events)}",
            format_func=lambda one: f"event {one}" if one else "nothing: the program's text",
        )  # fmt: skip
        st.button(
            "Restore",
            key=f"desk_restore_{seen.began.feature_id}",
            on_click=restore,
            args=(here, seen, number or 0),
            help="A new event; the history keeps all.",
        )


def _row(event: Event, undone: bool) -> str:
    says = _what(event)
    words = f"<del>{says}</del>" if undone else says
    return (
        f'<tr><td class="faint">{event.number}</td><td>{escape(event.kind)}</td><td class="wrap">{words}</td>'
        f'<td class="r"{_known(event)}>{escape(event.author)}</td><td class="r">{escape(event.at[:16].replace("T", " "))}</td></tr>'
    )


def _known(event: Event) -> str:
    says = f"Signed in: {event.means}" if event.verified else "Not verified: somebody typed this name"
    return f' title="{escape(says)}"'


def _what(event: Event) -> str:
    data = event.data
    said = data.get("text") or data.get("machine") or data.get("reason") or data.get("list") or data.get("to") or ""
    if event.kind == "tagged":
        said = " ".join([*(f"+{one}" for one in data["add"]), *(f"-{one}" for one in data["remove"])])
    elif event.kind == "scored":
        said = f"{data['value']:.0%} of {data['n']} X-rays told"
    elif event.kind == "complained":
        said = f"\N{LEFT DOUBLE QUOTATION MARK}{data['sentence']}\N{RIGHT DOUBLE QUOTATION MARK} {data['reason']}"
    elif event.kind == "undone":
        said = f"takes back {', '.join(map(str, data['undoes']))}"
    elif event.kind == "restored":
        said = f"as after event {data['to']}" if data["to"] else "the program's text"
    return escape(str(said))
