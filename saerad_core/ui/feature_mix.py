"""X-rays by a direction on the list of features: numbers with + and -, kept in the address (?mix=)."""

from __future__ import annotations

from html import escape

import streamlit as st

from saerad_core.errors import SaeRadError
from saerad_core.explorer import Mix, parse_mix
from saerad_core.ui.components import XrayCell, chip, chips, empty_state, foot, heading, html, number, xray_grid
from saerad_core.ui.feature_rows import label_name, who
from saerad_core.ui.state import Here

SHOWN = 16
"""X-rays, one a patient."""


def mix_input() -> str:
    """Where features are combined; what is typed stands in the address."""
    return (
        st.text_input(
            "Combine",
            key="mix",
            bind="query-params",
            placeholder="12 + 90 - 44",
            help="Numbers of features to add and take away: the X-rays that rank highest in that direction are shown above the list.",
        )
        or ""
    )


def mixed(here: Here, text: str) -> None:
    """The X-rays of a combination; a sentence where it is none."""
    if not text.strip():
        return
    try:
        mix = parse_mix(text, here.explorer.n_features)
    except SaeRadError as error:
        empty_state("No such combination.", str(error))
        return
    images, ms = here.explorer.by_direction(mix, SHOWN)
    exact = here.workspace.manifest.sae.tokens == "cls"
    html(
        heading(
            "X-rays in this direction",
            "Ranked by the sum of the features, each as a share of its strongest training X-ray; those taken away count against. "
            + (
                "Over the very tokens that the dictionary reads, below every threshold too."
                if exact
                else "Of the X-rays on which one of the added features is active; a feature of an X-ray is its maximum over the patches."
            ),
            "one a patient, any split",
        )
    )
    html(chips(_chips(here, mix)))
    if not images:
        empty_state("No X-ray shows any of them.", "Add a feature that fires more often.")
        return
    cells = [
        XrayCell(
            thumb=here.links.thumb(image.image_id),
            href=here.links.xray(image.image_id, feature=mix.plus[0]),
            tag=number(image.activation, 2),
            tag_says="Sum over the features, each as a share of its strongest training X-ray",
            caption=escape(", ".join(label_name(label) for label in image.labels[:3])),
            line=who(image),
            label=f"X-ray {image.image_id}",
        )
        for image in images
    ]
    html(xray_grid(cells))
    foot(f"{len(images)} X-rays, one a patient, in {ms:.1f} ms")


def _chips(here: Here, mix: Mix) -> list[str]:
    return [
        chip(
            f"{sign} #{feature} {here.explorer.text(feature) or 'not described'}",
            says="Opens the feature",
            href=here.links.feature(feature),
        )
        for sign, features in (("+", mix.plus), ("\N{MINUS SIGN}", mix.minus))
        for feature in features
    ]
