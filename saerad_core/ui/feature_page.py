"""One feature: what it says, how sure that is, the X-rays that show it, and what speaks against it."""

from __future__ import annotations

import time
from html import escape

import streamlit as st

from saerad_core.errors import SaeRadError
from saerad_core.explorer import BANDS, FeatureDetail, FeatureRow
from saerad_core.ui.components import FactItem, empty_state, fact_strip, foot, html, number, score, share
from saerad_core.ui.feature_against import against
from saerad_core.ui.feature_confounders import confounders
from saerad_core.ui.feature_labels import labels
from saerad_core.ui.feature_map import small_map
from saerad_core.ui.feature_neighbours import neighbours
from saerad_core.ui.feature_notes import notes
from saerad_core.ui.feature_rows import label_name
from saerad_core.ui.feature_score import right_and_wrong
from saerad_core.ui.feature_where import where_in_chest
from saerad_core.ui.feature_words import words
from saerad_core.ui.feature_xrays import SHOWN, activations_and_xrays, fetch_ahead
from saerad_core.ui.state import Here, encoder_name

OF_ONE_FEATURE = ("lo", "hi", "strength", "image")
"""What the address says of one feature only; another one's page begins without."""
LAST = "feature_looked_at"
"""In the session: the feature whose page was shown last."""


def parse_feature(here: Here, asked: str) -> int:
    """The feature's number from the address.

    Raises:
        SaeRadError: there is no such feature.
    """
    if asked.isdecimal() and len(asked) < 8 and int(asked) in here.explorer:
        return int(asked)
    raise SaeRadError(f"There is no feature {asked!r} in this workspace; look one up in the list of features.")


def show_feature(here: Here, asked: str) -> None:
    """The page of ?feature=ID."""
    began = time.perf_counter()
    feature_id = parse_feature(here, asked)
    detail = here.explorer.feature(feature_id)
    row = detail.row
    _top(here, row)
    left, right = st.columns([1, 2.05], gap="medium")
    # In the order of what one looks for from feature to feature: Streamlit sends each part as soon as it is made.
    with left:
        words(here, row)
    with right:
        _facts(here, row)
        if row.alive:
            activations_and_xrays(here, detail)
        else:
            empty_state(
                "This feature is silent.",
                "It isn't active in any training X-ray under this workspace's rule, so there is nothing to show.",
            )
    if row.alive:
        _below(here, detail)
    neighbours(here, detail)
    left, right = st.columns([1, 2.05], gap="medium")
    with left:
        small_map(here, row)
    with right:
        notes(here, feature_id)
    rows = detail.n + len(here.explorer.evidence(feature_id).all_rows.rows)
    foot(
        f"store: {number(rows)} rows, {detail.ms:.1f} ms \N{MIDDLE DOT} page {(time.perf_counter() - began) * 1000:.0f} ms",
        f"{here.workspace.manifest.sae.rule} \N{MIDDLE DOT} encoder {encoder_name(here.workspace.manifest)}",
    )
    before, after = here.explorer.beside(feature_id)
    came_from = st.session_state.get(LAST)
    st.session_state[LAST] = feature_id
    # Who goes from feature to feature goes on. Who jumps would pay a fifth more of the server's time for what isn't looked at.
    if came_from is not None and came_from in (before, after):
        fetch_ahead(here, after, st.session_state.get("band") or BANDS[0], SHOWN)


def _below(here: Here, detail: FeatureDetail) -> None:
    right_and_wrong(here, detail.row)
    against(here, detail)
    left, right = st.columns(2, gap="medium")
    with left:
        labels(here, detail)
    with right:
        confounders(here, detail.row)
    where_in_chest(here, detail.row)


def _top(here: Here, row: FeatureRow) -> None:
    before, after = here.explorer.beside(row.feature_id)
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        html(
            f'<div class="eyebrow"><a class="nav" href="{escape(here.links.page("features"))}">Features</a>'
            f" \N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK} #{row.feature_id}</div>"
        )
        with st.container(horizontal=True, width="content", gap="xsmall"):
            for name, key, says, to in (
                ("Previous", "Left", "The living feature before this one.", before),
                ("Next", "Right", "The living feature after this one.", after),
            ):
                st.button(
                    name, key=name.lower(), shortcut=key, help=says, disabled=to is None, on_click=_go, args=(to,)
                )
            for name, key, described in (("Random described", "D", True), ("Random undescribed", "U", False)):
                says = f"Any living feature {'with' if described else 'without'} a description."
                st.button(
                    name, key=f"random-{key}", shortcut=key, help=says, on_click=_anywhere, args=(here, described)
                )


def _go(feature_id: int | None) -> None:
    """Before the page runs, so that it runs once."""
    for name in OF_ONE_FEATURE:
        st.query_params.pop(name, None)
    st.query_params["feature"] = str(feature_id)


def _anywhere(here: Here, described: bool) -> None:
    feature_id = here.explorer.random_feature(described)
    if feature_id is not None:
        _go(feature_id)


def _facts(here: Here, row: FeatureRow) -> None:
    n = number(here.workspace.manifest.counts.train_images)
    html(
        fact_strip(
            [
                FactItem(number(row.n_images), f"X-rays, {number(row.n_patients)} patients", f"X-rays in which the feature is active under the rule, of {n} training X-rays."),
                FactItem(share(row.frequency), "of training X-rays", f"Share of the {n} training X-rays in which the feature is active."),
                FactItem(number(row.max, 2), "strongest", "Highest activation over the training split."),
                _best_label(row),
                _best_place(here, row),
            ]
        )
    )  # fmt: skip


def _best_label(row: FeatureRow) -> FactItem:
    if row.best_auroc is None or not row.best_label:
        return FactItem(
            "\N{EN DASH}", "no label", "There is no label that enough training patients have and some lack."
        )
    interval = f" {score(row.best_lo)}\N{EN DASH}{score(row.best_hi)}" if row.best_lo is not None else ""
    return FactItem(
        f"{score(row.best_auroc)}{interval}",
        f"AUROC {label_name(row.best_label)}",
        f"How well the activation alone tells this label over training X-rays, the best of all labels; 95 % interval over patients"
        f"{f' from {score(row.best_lo)} to {score(row.best_hi)}' if row.best_lo is not None else ''}. 0.5 is chance.",
    )


def _best_place(here: Here, row: FeatureRow) -> FactItem:
    """Of the description; where it names none, of the mean heatmap."""
    told = " ".join(part for part in (row.side, row.place) if part)
    if told:
        return FactItem(
            told, "best place", "Side and place of the description, as reports name them; the side is the patient's."
        )
    where = here.explorer.where(row.feature_id) if here.explorer.heat_truth(row.feature_id).drawn else None
    if where is not None and where.spread.has_place and where.spread.where:
        return FactItem(
            where.spread.where,
            "best place, by heatmap",
            f"The description names no place. This is where most of the mean heatmap of {number(where.patients)} patients' X-rays lies; "
            "the side is the patient's.",
        )
    return FactItem(
        "\N{EN DASH}",
        "no one place",
        "Neither the description nor the mean heatmap, where there is one, names a place.",
    )
