"""How strongly X-rays show a feature, and the X-rays of a chosen part of that scale."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

import streamlit as st

from saerad_core.explorer import BANDS, FeatureDetail, FeatureRow, ImageRow
from saerad_core.ui.charts import histogram
from saerad_core.ui.components import XrayCell, empty_state, foot, heading, html, marked, number, xray_grid
from saerad_core.ui.feature_rows import label_name, who
from saerad_core.ui.heat_truth import SAYS, sentence
from saerad_core.ui.state import Here

SHOWN = 24
"""X-rays that are shown, one a patient."""
STEPS = 200
"""Steps of the interval's slider."""
_BAND_SAYS = {
    "strongest": "the highest activations of the interval.",
    "middle": "those around its median: what the feature is on an ordinary day.",
    "weakest": "its lowest activations.",
}


class Scale(NamedTuple):
    """The activations that can be chosen."""

    lo: float
    """Smallest activation of an active training X-ray, rounded down to a step."""
    hi: float
    step: float

    @property
    def wide(self) -> bool:
        """Whether there is anything to choose."""
        return self.hi > self.lo


def scale_of(here: Here, row: FeatureRow) -> Scale:
    """From the weakest to the strongest active training X-ray."""
    values = here.explorer.evidence(row.feature_id).firing.activations
    if not len(values):
        return Scale(0.0, 0.0, 0.01)
    step = max(round((float(values[0]) - float(values[-1])) / STEPS, 4), 0.0001)
    lo, hi = float(values[-1]) // step * step, -(-float(values[0]) // step) * step
    return Scale(round(lo, 4), round(hi, 4), step)


def asked_interval(scale: Scale) -> tuple[float, float]:
    """What the address asks for (lo, hi), kept within the scale; the whole scale where it asks for nothing."""
    asked = []
    for name, other in (("lo", scale.lo), ("hi", scale.hi)):
        try:
            value = float(st.query_params.get(name, other))
        except ValueError:
            value = other
        asked.append(min(max(value, scale.lo), scale.hi) if value == value else other)
    return (asked[0], asked[1]) if asked[0] <= asked[1] else (scale.lo, scale.hi)


def _key(feature_id: int) -> str:
    return f"interval-{feature_id}"


def _chosen(feature_id: int, scale: Scale) -> None:
    _keep(st.session_state[_key(feature_id)], scale)


def _keep(interval: tuple[float, float], scale: Scale) -> None:
    """Into the address; the whole scale needs no words."""
    for name, value, end in zip(("lo", "hi"), interval, (scale.lo, scale.hi), strict=True):
        if value == end:
            st.query_params.pop(name, None)
        else:
            st.query_params[name] = f"{value:.4g}"


def _circled(feature_id: int, scale: Scale) -> None:
    """A box drawn over the bars chooses its interval."""
    boxes = st.session_state[f"bars-{feature_id}"].selection.box
    if not boxes:
        return
    lo, hi = sorted(float(x) for x in boxes[0]["x"])
    lo, hi = (round(round(value / scale.step) * scale.step, 4) for value in (lo, hi))
    interval = min(max(lo, scale.lo), scale.hi), max(min(hi, scale.hi), scale.lo)
    st.session_state[_key(feature_id)] = interval
    _keep(interval, scale)


@st.fragment
def activations_and_xrays(here: Here, detail: FeatureDetail) -> None:
    """The histogram with its interval, and the X-rays of the interval."""
    row = detail.row
    scale = scale_of(here, row)
    key = _key(row.feature_id)
    if key not in st.session_state:
        st.session_state[key] = asked_interval(scale)
    lo, hi = st.session_state[key]
    # The X-rays are what one goes from feature to feature for: they are sent first, the plot above them after.
    above = st.container(key="bars-place")
    _xrays(here, row, (lo, hi) if (lo, hi) != (scale.lo, scale.hi) else None)
    with above:
        _bars(here, detail, scale, (lo, hi))


def _bars(here: Here, detail: FeatureDetail, scale: Scale, interval: tuple[float, float]) -> None:
    """The histogram, and the choice of an interval."""
    row = detail.row
    html(
        heading(
            "Activation",
            "How strongly training X-rays show the feature. It counts as active from the dotted line, the rule's threshold, on. "
            "Draw a box over the bars, or move the slider's ends, to choose an interval.",
            f"{number(row.n_images)} X-rays",
        )
    )
    if detail.histogram:
        st.plotly_chart(
            histogram(detail.histogram, row.threshold, interval, _this_xray(here, row)),
            key=f"bars-{row.feature_id}",
            theme=None,
            config={"displayModeBar": False},
            on_select=lambda: _circled(row.feature_id, scale),
            selection_mode="box",
        )
    if scale.wide:
        st.slider(
            "Interval of activation",
            scale.lo,
            scale.hi,
            step=scale.step,
            key=_key(row.feature_id),
            on_change=_chosen,
            args=(row.feature_id, scale),
            format="%.2f",
            help="X-rays whose activation lies in this interval are shown below.",
        )
    lo, hi = interval
    n, patients = here.explorer.evidence(row.feature_id).between(lo, hi)
    html(
        f'<div class="quiet">{number(n)} training X-rays of {number(patients)} patients from {lo:.2f} to {hi:.2f}</div>'
    )


def fetch_ahead(here: Here, feature_id: int | None, band: str, count: int) -> None:
    """Have the ``count`` X-rays of the feature that comes next worked out and fetched while this one is looked at."""
    if feature_id is None:
        return
    images = here.explorer.make_ready(feature_id, band, count)
    pictures = "".join(f'<img src="{escape(here.links.thumb(image.image_id))}" alt="">' for image in images)
    html(f'<div class="ahead">{pictures}</div>')


def _this_xray(here: Here, row: FeatureRow) -> float | None:
    """Activation of the X-ray that came along in the address (?image=)."""
    asked = st.query_params.get("image", "")
    place = here.explorer.row_of(asked) if asked else None
    return here.explorer.evidence(row.feature_id).activation_of(place) if place is not None else None


def _xrays(here: Here, row: FeatureRow, interval: tuple[float, float] | None) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute"):
        band = st.segmented_control(
            "X-rays, one a patient",
            list(BANDS),
            default=BANDS[0],
            required=True,
            key="band",
            bind="query-params",
            format_func=str.capitalize,
            help=" ".join(f"{name.capitalize()}: {says}" for name, says in _BAND_SAYS.items()),
        )
        opacity = None
        truth = here.explorer.heat_truth(row.feature_id)
        if truth.drawn:
            with st.container(horizontal=True, width="content", vertical_alignment="center"):
                heat = st.toggle(
                    "Heatmap",
                    key="heat",
                    help="Where in each X-ray the feature is active. Off until asked: a mark draws the eye. Hold H to see it for a moment.",
                )
                if heat:
                    opacity = st.slider(
                        "Opacity", 0.1, 0.9, 0.5, 0.1, key="opacity", width=130, label_visibility="collapsed"
                    )
    if opacity is not None or not truth.drawn:
        html(f'<div class="quiet heat-truth" title="{escape(SAYS)}">{escape(sentence(truth).replace("`", ""))}</div>')
    images, ms = here.explorer.top_images(row.feature_id, band or BANDS[0], SHOWN, interval)
    if not images:
        empty_state("No X-rays in this interval.", "Move its ends apart, or open the whole scale.")
        return
    html(xray_grid([xray_cell(here, row, image) for image in images], heat=opacity))
    foot(f"{len(images)} X-rays, one a patient, in {ms:.1f} ms")


def xray_cell(
    here: Here, row: FeatureRow, image: ImageRow, phrases: Sequence[str] | None = None, tag: str = ""
) -> XrayCell:
    """One X-ray with who it is, its labels and what its report says of the feature.

    Args:
        phrases: words to mark; None for those that say what the feature's description says.
        tag: on the picture; "" for the activation.
    """
    shown = ", ".join(label_name(label) for label in image.labels[:3]) + (
        ", \N{HORIZONTAL ELLIPSIS}" if len(image.labels) > 3 else ""
    )
    said = here.explorer.evidence_phrases(row, image) if phrases is None else phrases
    text = marked(image.report, said, limit=130)
    line = " \N{MIDDLE DOT} ".join(part for part in (who(image), shown) if part)
    return XrayCell(
        thumb=here.links.thumb(image.image_id),
        href=here.links.xray(image.image_id, feature=row.feature_id),
        tag=tag or (number(image.activation, 2) if image.activation is not None else ""),
        tag_says=f"Activation of feature {row.feature_id}"
        if image.activation is not None
        else f"Feature {row.feature_id} is silent",
        caption=text,
        line=line,
        heat=here.links.heat(row.feature_id, image.image_id)
        if image.activation is not None and here.explorer.heat_truth(row.feature_id).drawn
        else "",
        label=f"X-ray {image.image_id}, {line}",
    )
