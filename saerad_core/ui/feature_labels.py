"""Labels that a feature tells, and what is gained and lost by asking for a stronger activation."""

from __future__ import annotations

from html import escape

import streamlit as st

from saerad_core.explorer import Association, FeatureDetail, LabelScore, Share
from saerad_core.ui.components import empty_state, heading, html, number, score, share
from saerad_core.ui.feature_rows import label_name
from saerad_core.ui.feature_xrays import scale_of
from saerad_core.ui.state import Here


@st.fragment
def labels(here: Here, detail: FeatureDetail) -> None:
    """The table with its threshold, kept in the address as ?strength=."""
    row = detail.row
    html(
        heading(
            "Labels it tells",
            "AUROC: of the feature's code before the active rule, over training X-rays, with a 95 % interval over patients (Hanley and McNeil). "
            "Precision and recall: over training patients, of the X-rays from the chosen strength on, with Wilson's 95 % intervals.",
        )
    )
    if not detail.labels:
        empty_state("No labels.", "This dataset has no label that enough training patients have and some lack.")
        return
    scale = scale_of(here, row)
    strength = scale.lo
    if scale.wide:
        key = f"strength-{row.feature_id}"
        if key not in st.session_state:
            st.session_state[key] = _asked(scale.lo, scale.hi)
        strength = st.slider(
            "From this strength on",
            scale.lo,
            scale.hi,
            step=scale.step,
            key=key,
            on_change=_keep,
            args=(key, scale.lo),
            format="%.2f",
            help="X-rays count as showing the feature from this activation on. The left end is the active rule's.",
        )
    found = here.explorer.evidence(row.feature_id).associations([item.label for item in detail.labels], strength)
    html(_table(detail.labels, found))


def _asked(lo: float, hi: float) -> float:
    try:
        return min(max(float(st.query_params.get("strength", lo)), lo), hi)
    except ValueError:
        return lo


def _keep(key: str, lo: float) -> None:
    value = st.session_state[key]
    if value == lo:
        st.query_params.pop("strength", None)
    else:
        st.query_params["strength"] = f"{value:.4g}"


def _table(scores: list[LabelScore], found: list[Association]) -> str:
    head = (
        '<tr><th>Label</th><th class="r">AUROC</th><th class="r" title="Of the patients with an X-ray that fires, those with one that fires '
        'and has the label">precision</th><th class="r" title="Of the patients with the label, those with one that fires and has the '
        'label">recall</th></tr>'
    )
    rows = "".join(
        f"<tr><td>{escape(label_name(item.label))}</td>"
        f'<td class="r" title="{number(item.n_patients)} training patients with the label">{score(item.auroc)} '
        f'<span class="faint">{score(item.lo)} to {score(item.hi)}</span></td>'
        f'<td class="r">{_share(one.precision)}</td><td class="r">{_share(one.recall)}</td></tr>'
        for item, one in zip(scores, found, strict=True)
    )
    return f'<table class="rows told">{head}{rows}</table>'


def _share(value: Share) -> str:
    if value.value is None:
        return "\N{EN DASH}"
    return (
        f'{share(value.value)} <span class="faint">{number(value.n)} of {number(value.of)}, '
        f"{share(value.lo)} to {share(value.hi)}</span>"
    )
