"""Where in the chest: the mean heatmap over a chest outline, how far it is spread, and whether it is true."""

from __future__ import annotations

import base64
import io
from html import escape

import numpy as np
import streamlit as st

from saerad_core.explorer import FeatureRow, HeatTruth, Where
from saerad_core.ui.components import FactItem, empty_state, fact_strip, heading, html, number, share
from saerad_core.ui.feature_rows import label_name
from saerad_core.ui.heat_truth import SAYS, sentence
from saerad_core.ui.state import Here, version_of

SIDE = 256
"""Pixels along a side of the drawn map."""
OUTLINE = (
    # The patient's right lung, then the left with the heart's bed, the heart's border, and the midline of the spine.
    "M40 15 C32 15 25 24 20 38 C15 52 13 66 13 79 C21 72 33 70 43 76 C44 60 45 40 44 26 C44 19 43 15 40 15 Z",
    "M60 15 C68 15 75 24 80 38 C85 52 87 66 87 80 C81 75 76 73 70 74 C71 64 64 55 57 50 C56 42 56 34 56 26 C56 19 57 15 60 15 Z",
)
MIDLINE = "M50 6 V94"


def where_in_chest(here: Here, row: FeatureRow) -> None:
    """The mean map beside what it says, and the test of the feature's heatmaps below."""
    where, truth = here.explorer.where(row.feature_id), here.explorer.heat_truth(row.feature_id)
    html(
        heading(
            "Where in the chest",
            "Mean of the feature's heatmaps over the training X-rays that show it most strongly, one a patient, each scaled to a peak of 1. "
            "X-rays are framed much alike and are laid over one another as they are; the outline is an ordinary chest, for orientation only.",
            f"{number(where.patients)} patients" if where is not None else "",
        )
    )
    if where is None and truth.state == "unmeasured":
        empty_state("No mean map yet.", sentence(truth).replace("`", ""))
        return
    if where is None:
        empty_state(
            "No mean map.", "Too few patients show this feature among the X-rays whose maps this workspace keeps."
        )
    else:
        picture = _drawing(str(here.workspace.root), version_of(here.workspace), row.feature_id, where.mean)
        said = "".join(f'<p class="{kind}">{escape(text)}</p>' for kind, text in sayings(row, where))
        says = f"Mean heatmap of {number(where.patients)} patients over a chest outline: {where.spread.words}"
        html(
            f'<div class="chest"><div class="frame"><img src="{picture}" alt="{escape(says)}">'
            '<span class="tag" title="The patient\'s right">R</span><span class="tag right" title="The patient\'s left">L</span></div>'
            f"<div>{said}{_scale()}</div></div>"
        )
    _truth(truth)


def sayings(row: FeatureRow, where: Where) -> list[tuple[str, str]]:
    """Paragraphs beside the map: (class, text)."""
    spread = where.spread
    place = f": {spread.where}" if spread.where and spread.has_place else ""
    found = [
        ("lead", f"{spread.words[0].upper()}{spread.words[1:]}{place}."),
        (
            "quiet",
            f"It takes as much room as an even patch of {share(spread.area)} of the square (entropy {number(spread.entropy, 1)} bits); "
            f"{share(spread.right)} of it lies in the patient's right half.",
        ),
    ]
    told = " ".join(part for part in (row.side, row.place) if part)
    if told:
        against = (row.side == "right" and spread.right < 0.4) or (row.side == "left" and spread.right > 0.6)
        found.append(("quiet warned" if against else "quiet", f"Its description names the {told}{', the other side than the map' if against else ''}."))  # fmt: skip
    elif row.best_label:
        found.append(("quiet", f"The label that it tells best is {label_name(row.best_label)}."))
    return found


def _truth(truth: HeatTruth) -> None:
    """The score beside the prior's, then the sentence."""
    if truth.judged is not None:
        judged, score = truth.judged, truth.judged.score
        html(
            fact_strip(
                [
                    FactItem(f"{share(score.pointing)} ({share(score.lo)}\N{EN DASH}{share(score.hi)})", f"of maps point into {label_name(judged.label)}", SAYS),
                    FactItem(share(score.prior), "of guesses without the X-ray do", SAYS),
                    FactItem(f"{share(score.energy)} / {share(score.prior_energy)}", f"of the mass in the {truth.kind}, guess's", f"Mean share of a map's mass that lies inside the finding's {truth.kind}; the same of the average of other patients'."),
                    FactItem(number(score.patients), f"patients with {truth.kind}", f"Patients with {label_name(judged.label)} whose place is known and on whom the feature fires; the dictionary was not trained on {number(judged.unseen)} of them."),
                ]
            )
        )  # fmt: skip
    html(f'<p class="quiet{"" if truth.drawn else " warned"}">{escape(sentence(truth).replace("`", ""))}</p>')


@st.cache_data(max_entries=64, show_spinner=False)
def _drawing(root: str, version: str, feature_id: int, _mean: np.ndarray) -> str:
    """Map and outline as a data address."""
    from PIL import Image

    from saerad_core.heatmap.heat import enlarged
    from saerad_core.heatmap.overlay import cividis

    share_of_peak = (enlarged(_mean, SIDE, SIDE) / max(float(_mean.max()), 1e-9)).clip(0, 1)
    rgba = np.zeros((SIDE, SIDE, 4), np.uint8)
    rgba[..., :3] = cividis()[(share_of_peak * 255).astype(np.uint8)]
    rgba[..., 3] = (np.clip(share_of_peak * 1.6, 0, 0.95) * 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(rgba, "RGBA").save(file, format="PNG", optimize=True)
    heat = base64.b64encode(file.getvalue()).decode()
    lines = "".join(
        f'<path d="{one}" fill="#ffffff" fill-opacity=".05" stroke="#8d95a0" stroke-width=".7"/>' for one in OUTLINE
    )
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100">'
        f'<path d="{MIDLINE}" stroke="#4a5563" stroke-width=".5" stroke-dasharray="1 1.5"/>'
        f'<image href="data:image/png;base64,{heat}" width="100" height="100"/>{lines}</svg>'
    )
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"


def _scale() -> str:
    """The colours, named."""
    return '<div class="scale" title="Cividis: readable with any colour vision"><span>never</span><i></i><span>most often</span></div>'
