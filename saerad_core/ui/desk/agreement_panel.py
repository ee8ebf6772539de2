"""How far readers agree who read the same features on their own."""

from __future__ import annotations

from html import escape

import streamlit as st

from saerad_core.store.curation import Agreement, agreement
from saerad_core.ui.components import chip, chips, empty_state, heading, html, score, share
from saerad_core.ui.state import Here

_SAYS = (
    "Krippendorff's alpha for nominal data, all readers together, and Cohen's kappa of each pair: 1 is agreement throughout, 0 what chance "
    "gives. Over each reader's latest reading of a feature; one without any field filled in says nothing of fields."
)


@st.fragment
def show_agreement(here: Here) -> None:
    """The page's part."""
    states = here.explorer.curation.snapshot().all()
    blind = st.toggle("Blind readings only", value=True, key="blindonly", bind="query-params")
    found = agreement(states.values(), blind_only=blind)
    html(heading("Agreement by field", _SAYS))
    if not any(one.features for one in found):
        empty_state(
            "No feature has been read by two readers yet.",
            "On the desk, switch on Narrow, Blind reading; a second reader takes the queue Double reading.",
        )
    else:
        head = "".join(
            f'<th class="r">{name}</th>' for name in ("features", "readers", "same", "alpha", "kappa of pairs")
        )
        html(f'<table class="rows"><tr><th></th>{head}</tr>{"".join(_row(one) for one in found)}</table>')
    disputed = [state.feature_id for state in states.values() if state.disputed]
    html(
        heading(
            "To be decided",
            "Features on which readers differ; each opens where one reading is taken.",
            str(len(disputed)),
        )
    )
    link = here.links.page
    html(
        chips(chip(f"#{one}", href=link("curate", queue="disputed", feature=one)) for one in disputed[:60])
        if disputed
        else '<p class="quiet">Readers differ on no feature.</p>'
    )


def _row(one: Agreement) -> str:
    pairs = ", ".join(f"{pair.first} and {pair.second} {score(pair.kappa)} (n {pair.n})" for pair in one.pairs)
    cells = (str(one.features), str(one.readers), share(one.same), score(one.alpha), escape(pairs) or "\N{EN DASH}")
    return (
        f"<tr><td>{one.field.replace('_', ' ')}</td>"
        + "".join(f'<td class="r">{cell}</td>' for cell in cells)
        + "</tr>"
    )
