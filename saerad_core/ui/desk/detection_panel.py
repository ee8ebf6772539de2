"""The human detection test: ten X-rays, which of them show the feature? The share of right answers is the text's human score."""

from __future__ import annotations

import zlib
from html import escape

import streamlit as st

from saerad_core.errors import SaeRadError
from saerad_core.explorer import FeatureRow, ImageRow
from saerad_core.store.curation import FeatureState
from saerad_core.ui.components import heading, html, literal, score
from saerad_core.ui.desk.acts import say
from saerad_core.ui.desk.author import author
from saerad_core.ui.state import Here


def offer_test(here: Here, row: FeatureRow, state: FeatureState) -> None:
    """The way into the test, and what readers scored before."""
    text = state.text or row.machine_text
    known = state.human_score()
    says = (
        f" Readers' score so far: {score(known)} ({sum(one.by == 'human' for one in state.scores)} tests)."
        if known is not None
        else ""
    )
    st.button(
        "Detection test", key="desk_test", type="tertiary", shortcut="D", on_click=_start, disabled=not text or not row.alive,
        help=f"Ten X-rays, half of them firing: can the text tell which? Your share of right answers is its human score.{says}",
    )  # fmt: skip


def _start() -> None:
    st.query_params["test"] = "1"


def _leave() -> None:
    st.query_params.pop("test", None)


def detection(here: Here, row: FeatureRow, state: FeatureState) -> None:
    """The test of the text that counts."""
    text = state.text or row.machine_text
    html(f'<div class="hero">{escape(text) or "Not described"}</div>')
    html(
        heading(
            "Which of these X-rays show it?",
            "Five of the ten fire, drawn from patients outside training where enough do, one a patient.",
        )
    )
    who = author()
    done = sum(one.by == "human" and one.author == who for one in state.scores)
    seed = zlib.crc32(f"{who}|{done}".encode())
    result = st.session_state.get("desk_test_result")
    if result is not None and result[0] == row.feature_id:
        _result(here, result)
        return
    try:
        items = here.explorer.detection(row.feature_id, seed)
    except SaeRadError as error:
        st.error(literal(str(error)))
        st.button("Back", key="desk_test_back", on_click=_leave)
        return
    for first in (0, 5):
        for place, column in enumerate(st.columns(5, gap="small"), start=first):
            image, _ = items[place]
            with column:
                html(
                    f'<div class="frame"><img src="{escape(here.links.picture(image.image_id))}" alt="X-ray {place + 1} of the test"></div>'
                )
                st.checkbox(f"{place + 1}: shows it", key=f"desk_fires_{row.feature_id}_{seed}_{place}")
    with st.container(horizontal=True, gap="small"):
        st.button(
            "Done",
            key="desk_test_done",
            type="primary",
            shortcut="Enter",
            on_click=_finish,
            args=(here, row.feature_id, seed, text, items),
        )
        st.button("Leave the test", key="desk_test_back", type="tertiary", on_click=_leave, help="Nothing is kept.")


def _finish(here: Here, feature_id: int, seed: int, text: str, items: list[tuple[ImageRow, bool]]) -> None:
    said = [bool(st.session_state.get(f"desk_fires_{feature_id}_{seed}_{place}")) for place in range(len(items))]
    told = [(image.image_id, fires, answer) for (image, fires), answer in zip(items, said, strict=True)]
    value = sum(fires == answer for _, fires, answer in told) / len(told)
    try:
        here.explorer.curation.score(feature_id, author(), value, len(told), text=text, items=told)
    except SaeRadError as error:
        say("error", str(error))
        return
    st.session_state["desk_test_result"] = (feature_id, value, told)


def _result(here: Here, result: tuple[int, float, list[tuple[str, bool, bool]]]) -> None:
    feature_id, value, told = result
    right = round(value * len(told))
    html(f'<p class="lead">{right} of {len(told)} right; guessing gets half. Kept as the text\'s human score.</p>')
    cells = "".join(
        f'<figure class="xray"><div class="frame"><img src="{escape(here.links.thumb(name))}" alt="X-ray {escape(name)}">'
        f'<img class="heat" alt="" data-src="{escape(here.links.heat(feature_id, name))}">'
        f'<span class="tag">{"fires" if fires else "silent"}{"" if fires == answer else ", missed"}</span></div></figure>'
        for name, fires, answer in told
    )
    html(f'<div class="xrays" style="--cell:9.4rem">{cells}</div>')

    def close() -> None:
        st.session_state.pop("desk_test_result", None)
        _leave()

    st.button("Back to the desk", key="desk_test_back", type="primary", shortcut="Enter", on_click=close)
