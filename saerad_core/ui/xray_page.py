"""One of the workspace's X-rays: the picture, every active feature, its report, and X-rays like it."""

from __future__ import annotations

import time
from html import escape

import streamlit as st

from saerad_core.errors import SaeRadError
from saerad_core.explorer import ActiveFeature, FeatureRow, ImageRow
from saerad_core.ui.components import (
    XrayCell,
    chip,
    chips,
    empty_state,
    foot,
    heading,
    html,
    marked,
    number,
    pseudo_chip,
    score,
    share,
    simulated_chip,
    xray_grid,
)
from saerad_core.ui.feature_rows import label_name, who
from saerad_core.ui.palette import colour_of
from saerad_core.ui.state import Here

SIMILAR, OFFERED = 8, 24
TELLING = 0.7
"""AUROC from which a label is named beside a feature without a description."""
PHRASES_OF = 6
"""Described features whose finding is marked in the report when none was asked for."""


def show_xray(here: Here, asked: str) -> None:
    """The page of ?image=NAME; ``?feature=`` is the one that the reader came from.

    Raises:
        SaeRadError: there is no such X-ray.
    """
    began = time.perf_counter()
    image = here.explorer.image(asked)
    if image is None:
        raise SaeRadError(f"There is no X-ray {asked[:60]!r} in this workspace; take one from a feature's page.")
    active = here.explorer.active_features(image.image_id)
    came_from = st.query_params.get("feature", "")
    chosen = next((one for one in active if str(one.row.feature_id) == came_from), None)
    html(
        f'<div class="eyebrow"><a class="nav" href="{escape(here.links.page("xray"))}">X-rays</a>'
        f" \N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK} {escape(image.image_id)}</div>"
    )
    left, right = st.columns([1, 1.35], gap="medium")
    with left:
        html(_picture(here, image))
        html(chips(_chips(here, image)))
        html(
            f'<p class="quiet"><a class="link nav" href="{escape(here.links.image(image.image_id))}">Compile a report of this X-ray</a> '
            "from its active features, and hold it against the one below.</p>"
        )
        _report(here, image, active, chosen)
    with right:
        _features(here, image, active, chosen)
    _alike(here, image)
    foot(
        f"{number(len(active))} features and their texts \N{MIDDLE DOT} page {(time.perf_counter() - began) * 1000:.0f} ms",
        here.workspace.manifest.sae.rule,
    )


def _picture(here: Here, image: ImageRow) -> str:
    says = f"X-ray {image.image_id}, {who(image)}"
    return (
        f'<div class="frame big"><img src="{escape(here.links.picture(image.image_id))}" alt="{escape(says)}" '
        f'style="background:#000 center/contain no-repeat url(&quot;{escape(here.links.thumb(image.image_id))}&quot;)"></div>'
    )


def _chips(here: Here, image: ImageRow) -> list[str]:
    found = [chip(text) for text in who(image).split(" \N{MIDDLE DOT} ") if text]
    found.append(
        chip(
            f"{image.split} split", says="Which part of the patients it belongs to: trained on, stopped on, or unseen."
        )
    )
    found += [chip(label_name(label), says="Label of the dataset.") for label in image.labels]
    return found + ([simulated_chip()] if here.simulated else []) + ([pseudo_chip()] if here.pseudo_reports else [])


def _report(here: Here, image: ImageRow, active: list[ActiveFeature], chosen: ActiveFeature | None) -> None:
    html(
        heading(
            "Report",
            "As the dataset has it. Marked: what says what the feature that you came from, or the strongest described ones, stand for.",
        )
    )
    behind = [chosen] if chosen is not None else [one for one in active if one.row.finding][:PHRASES_OF]
    phrases = [phrase for one in behind for phrase in here.explorer.evidence_phrases(one.row, image)]
    parts = [
        f'<p class="said"><span class="faint">{name}</span> {marked(text, phrases, limit=4_000)}</p>'
        for name, text in (
            ("Indication", image.indication),
            ("Findings", image.findings),
            ("Impression", image.impression),
        )
        if text.strip()
    ]
    html("".join(parts) or '<p class="quiet">This dataset has no report of it.</p>')


def _features(here: Here, image: ImageRow, active: list[ActiveFeature], chosen: ActiveFeature | None) -> None:
    html(
        heading(
            "Active features",
            "Every feature that is active on this X-ray under the workspace's rule, the furthest above its threshold first. The bar: "
            "its activation as a share of the feature's strongest on a training X-ray.",
            number(len(active)),
        )
    )
    if not active:
        empty_state("No feature is active.", "None passes its threshold on this X-ray.")
        return
    rows = "".join(
        _row(here, image, one, chosen is not None and one.row.feature_id == chosen.row.feature_id) for one in active
    )
    html(f'<div class="tall"><table class="rows">{rows}</table></div>')


def _row(here: Here, image: ImageRow, one: ActiveFeature, on: bool) -> str:
    row = one.row
    text = escape(row.text) if row.text else f'<span class="faint">not described{_best(row)}</span>'
    href = escape(here.links.feature(row.feature_id, image=image.image_id))
    return (
        f'<tr{" class=on" if on else ""}><td><a class="nav" href="{href}"><i class="dot" style="background:{colour_of(row.finding)}"></i>'
        f"#{row.feature_id} {text}</a></td>"
        f'<td class="r"><span class="bar"><i style="width:{min(one.strength, 1):.0%}"></i></span></td>'
        f'<td class="r" title="Activation; the feature\'s strongest on a training X-ray is {number(row.max, 2)}">{number(one.activation, 2)}</td>'
        f'<td class="r" title="Share of training X-rays on which it is active">{share(row.frequency)}</td></tr>'
    )


def _best(row: FeatureRow) -> str:
    """What little is known of a feature without a description."""
    if not row.best_label or (row.best_auroc or 0) < TELLING:
        return ""
    return f"; AUROC {escape(label_name(row.best_label))} {score(row.best_auroc)}"


def _alike(here: Here, image: ImageRow) -> None:
    similar = here.explorer.similar_images(image.image_id, SIMILAR)
    html(
        heading(
            "Similar X-rays",
            "Of other patients, one each: the highest cosine of the encoder's embeddings, whatever their split.",
        )
    )
    if similar:
        html(
            xray_grid(
                [_cell(here, one, score(value), "Cosine of the embeddings") for one, value in similar], cell="8.4rem"
            )
        )
    else:
        empty_state(
            "Nothing to compare with yet.", "The search index of this workspace is missing; its build makes it."
        )
    own = here.explorer.of_patient(image.image_id)
    if own:
        html(
            heading(
                "The same patient",
                "The patient's other X-rays in this workspace, in the order of the listing.",
                number(len(own)),
            )
        )
        html(xray_grid([_cell(here, one, "", "") for one in own[:SIMILAR]], cell="8.4rem"))


def _cell(here: Here, image: ImageRow, tag: str, says: str) -> XrayCell:
    labels = ", ".join(label_name(label) for label in image.labels[:3])
    line = " \N{MIDDLE DOT} ".join(part for part in (who(image), labels) if part)
    return XrayCell(
        here.links.thumb(image.image_id),
        here.links.xray(image.image_id),
        tag=tag,
        tag_says=says,
        caption=marked(image.impression or image.report, limit=90),
        line=line,
        label=f"X-ray {image.image_id}, {line}",
    )


def choose_xray(here: Here) -> None:
    """The page without ?image=: open one by its name, or take one of the test split."""
    html('<div class="hero">X-rays</div><p class="lead">An X-ray with every feature that is active on it.</p>')

    def opened() -> None:
        asked = str(st.session_state["xray_name"]).strip()
        if asked:
            st.query_params["image"] = asked

    st.text_input("Open by name", key="xray_name", on_change=opened, placeholder="its number in the dataset", width=320,
                  help="The whole name of one of the workspace's X-rays, as the dataset has it.")  # fmt: skip
    images = here.explorer.unseen_images(OFFERED, int(st.session_state.get("xrays_turn", 0)))
    if not images:
        empty_state("No test X-rays.", "Open an X-ray from a feature's page.")
        return
    with st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute"):
        html(
            heading(
                "Some of the test split", "X-rays of patients that nothing was trained or fitted on, one a patient."
            )
        )
        st.button("Others", key="others", on_click=_turn, help="Other test patients.")
    html(xray_grid([_cell(here, image, "", "") for image in images], cell="8.4rem"))


def _turn() -> None:
    st.session_state["xrays_turn"] = int(st.session_state.get("xrays_turn", 0)) + 1
