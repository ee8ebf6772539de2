"""What if: switch features off or up and see at once how the report differs. What is switched stands in the address."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import streamlit as st

from saerad_core.reports.counterfactual import MOST, Difference, compare, parse, written
from saerad_core.ui.components import heading, html, score
from saerad_core.ui.report_source import Source, prior_of
from saerad_core.ui.state import Here, engine_of

if TYPE_CHECKING:
    from saerad_core.engine import Analysis
    from saerad_core.reports.report import ReportSentence

AT_ONCE = 12
"""Features that are switched at once: each has a slider."""
OFFERED = 60
"""Features that can be switched: those behind the chosen sentence, then the active ones."""
_SIGN = {"added": "+", "removed": "\N{MINUS SIGN}", "changed": "\N{ALMOST EQUAL TO}"}


def switches(here: Here, source: Source, analysis: Analysis, behind: list[int]) -> None:
    """The panel. The whole page runs again when a feature is switched: its links carry what the address holds."""
    width = engine_of(here.workspace).composer.tables.width
    asked = dict(list(parse(st.query_params.get("switch", ""), width).items())[:AT_ONCE])
    code = analysis.reading.code
    active = [feature for feature, _ in analysis.active]
    offered = list(dict.fromkeys([*asked, *behind, *active]))[:OFFERED]
    html(
        heading(
            "What if",
            "Switch features off or up and see what the report would say. Nothing is saved, and files hold the report as it is.",
        )
    )

    def follow() -> None:
        chosen = st.session_state["switch_features"]
        now = {f: st.session_state.get(f"switch_{f}", asked.get(f, 0.0)) for f in chosen}
        if now:
            st.query_params["switch"] = written(now)
        else:
            st.query_params.pop("switch", None)

    st.session_state["switch_features"] = [f for f in asked if f in offered]
    st.multiselect(
        "Features", offered, key="switch_features", on_change=follow, format_func=lambda f: _name(here, f),
        placeholder="Choose features to switch", label_visibility="collapsed", max_selections=AT_ONCE,
        help="Those behind the chosen sentence first. A feature that is added is switched off to begin with.",
    )  # fmt: skip
    for feature, times in asked.items():
        st.session_state[f"switch_{feature}"] = times
        fires = code[feature] > 0
        st.slider(
            f"#{feature}", 0.0, MOST, step=0.25, key=f"switch_{feature}", on_change=follow, format="%.2f \N{MULTIPLICATION SIGN}",
            help="Times its activation on this X-ray; 0 is off." if fires
            else "It is silent here: times half of its strongest activation on a training X-ray; 0 is silent.",
        )  # fmt: skip
    if not asked:
        return
    _, prior = prior_of(here, source)
    other = engine_of(here.workspace).report_of(analysis.reading, prior, analysis.facts, asked)
    found = compare(analysis.report, other)
    told = [one for one in found if one.part != "impression"] or found
    html(
        "".join(map(_row, told))
        if told
        else '<p class="quiet">The report says the same: other features carry its sentences.</p>'
    )
    if other.coverage is not None and other.coverage.abstains:
        html(f'<p class="quiet">{escape(other.coverage.reason)}</p>')


def _name(here: Here, feature_id: int) -> str:
    text = here.explorer.row(feature_id).text
    return f"#{feature_id} {text}" if text else f"#{feature_id}"


def _sure(sentence: ReportSentence) -> str:
    return score(sentence.probability) if sentence.calibrated else "not calibrated"


def _row(one: Difference) -> str:
    before = f'<del>{escape(one.before.text)}</del> <span class="p">{_sure(one.before)}</span>' if one.before else ""
    after = f'<ins>{escape(one.after.text)}</ins> <span class="p">{_sure(one.after)}</span>' if one.after else ""
    return f'<div class="sentence diff {one.kind}" title="{one.kind}"><span>{_SIGN[one.kind]} {before} {after}</span></div>'
