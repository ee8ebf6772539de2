"""What saving would change: how many reports the feature has a say in, and the pinned X-rays' reports before and after."""

from __future__ import annotations

from html import escape

import streamlit as st

from saerad_core.errors import SaeRadError
from saerad_core.explorer.impact import CaseChange
from saerad_core.store.curation import Status
from saerad_core.ui.components import heading, html, literal, share
from saerad_core.ui.desk.acts import Seen
from saerad_core.ui.desk.author import author
from saerad_core.ui.desk.diff import word_diff
from saerad_core.ui.login import may
from saerad_core.ui.state import Here

OFFERED = 3
"""X-rays that are pinned at one press where none is."""
SHOWN = 12
"""Pinned X-rays whose reports are written again."""
_SAYS = (
    "Reports are written of a sample of validation and test X-rays once; the pinned X-rays' reports are written as they are and as they "
    "would be after the act, with the words in the box."
)
_ACTS: dict[str, Status] = {"accept": "accepted", "reject": "rejected"}


def offer_impact(seen: Seen) -> None:
    """The button that asks for it; nothing is computed before."""
    feature = seen.began.feature_id
    shown = st.session_state.get("desk_impact") == feature

    def toggle() -> None:
        st.session_state["desk_impact"] = None if shown else feature

    st.button(
        "Close" if shown else "What would change", key=f"desk_impact_{feature}", shortcut="G", type="tertiary", on_click=toggle,
        help="Before you save: in how many reports the feature has a say, and what becomes of the pinned X-rays' reports.",
    )  # fmt: skip


@st.fragment
def impact(here: Here, seen: Seen) -> None:
    """What was asked for, in a run of its own, so that the desk isn't drawn again by what is chosen here."""
    if st.session_state.get("desk_impact") != seen.began.feature_id:
        return
    try:
        _panel(here, seen)
    except SaeRadError as error:
        st.error(literal(str(error)))


def _panel(here: Here, seen: Seen) -> None:
    feature, reports = seen.began.feature_id, here.explorer.impact
    html(heading("What saving changes", _SAYS))
    reach = reports.reach(feature)
    if reach is None:
        reports.count_beside()
        html('<p class="quiet">The reports of a sample are being written to count this; ask again in a moment.</p>')
        st.button("Ask again", key="desk_ask_again", type="tertiary")
    else:
        html(
            f'<p class="said">Of {reach.of_images} X-rays of the sample, the reports of <b>{reach.images}</b> rest on this feature '
            f"({share(reach.images / max(1, reach.of_images))}): {reach.patients} of {reach.of_patients} patients.</p>"
        )
    pins = here.explorer.curation.snapshot().pins()
    if not pins:
        offered = reports.cases(feature, OFFERED)
        html('<p class="quiet">No X-ray is pinned; pinned ones are written again here.</p>')
        if offered and may("curate"):
            st.button(
                f"Pin {len(offered)} whose reports rest on it", key=f"desk_pin_{feature}", on_click=pin_all, args=(here, offered)
            )  # fmt: skip
        return
    act = st.segmented_control(
        "If you", ["accept", "reject"], default="accept", required=True, key=f"desk_if_{feature}",
        format_func={"accept": "save or accept", "reject": "reject"}.__getitem__,
    )  # fmt: skip
    text = seen.began.typed_text() or None
    changes = reports.of(feature, text, _ACTS[act or "accept"], pins[-SHOWN:])
    n = sum(one.changes for one in changes)
    link = f'<a class="link nav" href="{escape(here.links.page("curate", part="pinned"))}">pinned X-rays</a>'
    html(f'<p class="said">Reports of {n} of {len(changes)} {link} change.</p>')
    html(f'<table class="rows cases">{"".join(_row(here, one) for one in changes)}</table>')


def _row(here: Here, one: CaseChange) -> str:
    picture = (
        f'<a class="nav" href="{escape(here.links.image(one.image_id))}"><span class="frame" style="width:5.5rem">'
        f'<img alt="X-ray {escape(one.image_id)}" src="{escape(here.links.thumb(one.image_id))}"></span></a>'
    )
    if not one.changes:
        return f'<tr><td>{picture}</td><td class="wrap"><span class="quiet">Stays as it is.</span></td></tr>'
    lines = []
    if one.before != one.after:
        lines.append(word_diff(" ".join(one.before), " ".join(one.after), "Nothing is stated."))
    if one.told_before != one.told_after:
        lines.append(
            f'<span class="faint">Beside the feature:</span> {word_diff(one.told_before, one.told_after, "no text")}'
        )
    if one.cited_before != one.cited_after:
        lines.append(
            f'<span class="quiet">The report rests on the feature {"no more" if one.cited_before else "then"}.</span>'
        )
    return f'<tr><td>{picture}</td><td class="wrap">{"<br>".join(lines)}</td></tr>'


def pin_all(here: Here, image_ids: list[str], *, on: bool = True) -> None:
    """Pin X-rays, or take the pins off."""
    try:
        for one in image_ids:
            here.explorer.curation.pin(one, author(), on=on)
    except SaeRadError as error:
        st.toast(literal(str(error)))
