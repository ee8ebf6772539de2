"""The words: the program's as a suggestion, the reader's own in a box, what is said beside the text, and the acts."""

from __future__ import annotations

from html import escape

import streamlit as st

from saerad_core.descriptions.lint import lint
from saerad_core.explorer import FeatureRow
from saerad_core.store.curation import FeatureState, Fields
from saerad_core.store.curation.events import LONGEST_TEXT
from saerad_core.ui.components import html, literal, score
from saerad_core.ui.desk.acts import Seen, back, decide, go, later, take_suggestion, turn_meaning, undo
from saerad_core.ui.desk.author import author
from saerad_core.ui.desk.began import Began
from saerad_core.ui.desk.impact_panel import offer_impact
from saerad_core.ui.feature_rows import label_name
from saerad_core.ui.feature_words import machine_words
from saerad_core.ui.login import may
from saerad_core.ui.state import Here
from saerad_core.vocabulary import TERMS, ZONES

ARTEFACTS = (
    "rotation", "motion blur", "under-inspired", "over-exposed", "under-exposed", "clipped edge", "grid lines", "skin fold",
    "jewellery", "clothing", "text marker", "side marker", "border or padding",
)  # fmt: skip
"""Offered; others can be typed."""
TELLS = 0.6
"""AUROC from which a label is worth naming."""
_SEVERITIES = tuple(dict.fromkeys(word for term in TERMS.values() for word in term.severities))
_PLACES = tuple(dict.fromkeys([*ZONES, *(place for term in TERMS.values() for place in term.places), "apex", "base", "hilum", "mediastinum"]))  # fmt: skip
_DEVICES = tuple(key for key, term in TERMS.items() if term.device)


def suggestion(here: Here, row: FeatureRow, state: FeatureState, seen: Seen) -> None:
    """The program's text with its score and counts, and what others propose; to be taken into the box."""
    tested = [
        f"{'readers' if by == 'human' else 'the program'} tell its X-rays from others with it: {score(value)}"
        for by, value in (("human", state.human_score()), ("machine", state.machine_score()))
        if value is not None
    ]
    tested += [f"on unseen patients {said}" for said in (_unseen(here, row, row.text),) if said]
    proposals = "".join(
        f"<br>{escape(one.author)} proposes: <b>{escape(one.text)}</b> {escape(f'({one.source})') if one.source else ''}"
        f" {escape(_unseen(here, row, one.text))}"
        for one in state.proposals[-2:]
    )
    if row.best_label and row.best_auroc is not None and row.best_auroc >= TELLS:
        tested.append(
            f"its activation tells {escape(label_name(row.best_label))} with an AUROC of {score(row.best_auroc)}"
        )
    more = "".join(f"<br>{one}" for one in tested)
    html(f'<div class="machine-text">{machine_words(row)}{more}{proposals}</div>')
    words = row.machine_text or (state.proposals[-1].text if state.proposals else "")
    if words:
        fields = _said_by_program(row) if row.machine_text else state.proposals[-1].fields
        st.button(
            "Take suggestion", key=f"desk_take_{row.feature_id}", shortcut="T", type="tertiary", on_click=take_suggestion,
            args=(here, seen, words, fields), help="Puts it into the box, to be changed and saved.",
        )  # fmt: skip


def _unseen(here: Here, row: FeatureRow, text: str) -> str:
    """How words do on validation patients, whose reports they weren't made from; "" where nothing tells. Test patients stay out of the
    desk, so that nobody rewords by them."""
    found = here.explorer.scores.of(row.feature_id, text)
    if found is None or not found.decides.scored:
        return ""
    one = found.decides
    return f"AUROC {score(one.auroc)} ({score(one.lo)}\N{EN DASH}{score(one.hi)}){'' if found.holds else ', weak'}"


def _said_by_program(row: FeatureRow) -> Fields:
    side = row.side if row.side in ("right", "left") else ""
    return Fields(row.finding, side, row.place, row.severity)  # pyright: ignore[reportArgumentType]


def box(began: Began, *, suggested: bool) -> None:
    """The text, the fields beside it, and what is odd about them."""
    if began.draft_of:
        html(
            f'<div class="quiet">Your draft of {escape(began.draft_of[:16].replace("T", " "))} UTC; it isn\'t saved yet.</div>'
        )
    st.text_area(
        "Description", value=began.text, key=began.box, max_chars=LONGEST_TEXT, height=80,
        placeholder="In your words; empty: the suggestion stands" if suggested else "What all these X-rays have in common",
        help="What all these X-rays have in common, as a report would say it. Kept as a draft while you type.",
    )  # fmt: skip
    _fields(began)


def _fields(began: Began) -> None:
    said = began.typed_fields()
    parts = [TERMS[said.finding].name if said.finding in TERMS else said.finding, said.side, said.place, said.severity]
    parts += [TERMS[said.device].name if said.device in TERMS else said.device, said.artefact]
    parts += ["no clinical meaning"] if said.no_clinical_meaning else []
    shown = ", ".join(part for part in parts if part)
    label = f"Fields: {literal(shown)}" if shown else "Fields: none"
    with st.popover(label, width="stretch", wrap=True, key=f"desk_fields_{began.feature_id}"):
        left, right = st.columns(2)
        with left:
            _term(began, "finding", "Finding", [key for key, term in TERMS.items() if not term.device])
            _term(began, "place", "Place", list(_PLACES))
            _term(began, "device", "Device", list(_DEVICES))
        with right:
            sides = ("", "right", "left", "both")
            st.selectbox(
                "Side", sides, index=sides.index(began.fields.side), key=began.field_key("side"),
                format_func=lambda one: f"patient's {one}" if one in ("right", "left") else one or "none", help="The patient's side.",
            )  # fmt: skip
            _term(began, "severity", "Severity", list(_SEVERITIES))
            _term(began, "artefact", "Artefact", list(ARTEFACTS))
        st.checkbox(
            "No clinical meaning", value=began.fields.no_clinical_meaning, key=began.field_key("no_clinical_meaning")
        )


def _term(began: Began, name: str, label: str, offered: list[str]) -> None:
    value = getattr(began.fields, name)
    options = ["", *offered] + ([value] if value and value not in offered else [])
    st.selectbox(
        label, options, index=options.index(value), key=began.field_key(name), accept_new_options=True,
        format_func=lambda one: TERMS[one].name if one in TERMS else one or "none",
        help="From the program's vocabulary; another term can be typed.",
    )  # fmt: skip


def oddities(here: Here, began: Began, row: FeatureRow, *, blind: bool = False) -> None:
    """What is odd about the words; under the buttons, which must not move while somebody types and clicks."""
    if not author():
        html('<div class="warning">Type your name on the left: acts, readings and drafts are kept under it.</div>')
    text = began.typed_text()
    if not text:
        return
    near = [] if blind else [(one.feature_id, one.text) for one in here.explorer.feature(row.feature_id).similar]
    found = lint(
        text, began.typed_fields().side, near, "" if blind else row.side, here.explorer.heat_side(row.feature_id)
    )
    html("".join(f'<div class="warning">{escape(one.says)}</div>' for one in found))


def buttons(here: Here, seen: Seen, state: FeatureState) -> None:
    """Judge and go on."""
    member, feature = state.merged_into is not None, state.feature_id
    # A button's key names its feature: one that was pressed twice, or while the next feature was on its way, means the one in sight.
    with st.container(horizontal=True, gap="small"):
        st.button(
            "Accept", key=f"desk_accept_{feature}", type="primary", shortcut="A", on_click=decide, args=(here, seen, "accept"), disabled=member,
            help="The box's text, or the suggestion where the box is empty, fits the X-rays.",
        )  # fmt: skip
        st.button(
            "Save and next", key=f"desk_save_{feature}", shortcut="Ctrl+Enter", on_click=decide, args=(here, seen, "save"), disabled=member,
            help="Your text as a draft.",
        )  # fmt: skip
        st.button(
            "Reject", key=f"desk_reject_{feature}", shortcut="X", on_click=decide, args=(here, seen, "reject"), disabled=member,
            help="No text fits the X-rays; reports use the feature no more.",
        )  # fmt: skip
        st.button(
            "Second reader", key=f"desk_flag_{feature}", shortcut="S", on_click=decide, args=(here, seen, "flag"), disabled=member,
            help="Somebody else should look; text that you typed is kept as a draft.",
        )  # fmt: skip
        st.text_input(
            "Why", key=seen.began.reason, max_chars=LONGEST_TEXT, label_visibility="collapsed", width=220,
            placeholder="why, where you reject or ask",
            help="Kept with Reject and Second reader, and shown to whoever opens the feature next.",
        )  # fmt: skip
    moves(here, seen, asks=True)


def moves(here: Here, seen: Seen, *, asks: bool = False) -> None:
    """Go on without a word, or take back; ``asks``: offer to tell what saving would change."""
    with st.container(horizontal=True, gap="small"):
        st.button(
            "Previous",
            key="desk_back",
            type="tertiary",
            shortcut="P",
            on_click=back,
            disabled=not st.session_state.get("desk_trail"),
        )
        st.button(
            "Next",
            key="desk_next",
            type="tertiary",
            shortcut="N",
            on_click=go,
            args=(seen.after,),
            disabled=seen.after is None,
        )
        st.button(
            "Later", key=f"desk_later_{seen.began.feature_id}", type="tertiary", shortcut="L", on_click=later, args=(here, seen),
            disabled=not may("curate"), help="Comes last in your queue from now on.",
        )  # fmt: skip
        st.button(
            "Undo",
            key="desk_undo",
            type="tertiary",
            shortcut="U",
            on_click=undo,
            args=(here,),
            disabled=not may("curate"),
            help="Your latest act, by a new event.",
        )
        if asks:
            offer_impact(seen)
            st.button(
                "No meaning", key=f"desk_meaning_{seen.began.feature_id}", type="tertiary", shortcut="O", on_click=turn_meaning,
                args=(here, seen), help="Marks the field No clinical meaning, or takes the mark off; save or accept as usual.",
            )  # fmt: skip
