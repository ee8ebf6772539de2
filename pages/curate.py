"""Curate: the desk, the readers' agreement, many features at once, and who did how much."""

from html import escape

import streamlit as st

from saerad_core.ui.components import literal
from saerad_core.ui.desk import PARTS
from saerad_core.ui.desk.address import asked_for
from saerad_core.ui.login import why_not
from saerad_core.ui.state import here

now = here()
for sentence in now.explorer.notices:
    st.warning(literal(sentence))
refused = why_not("curate")
if refused:
    st.html(f'<div class="warning">{escape(refused)}</div>')
if st.query_params.get("part", "desk") not in PARTS:
    st.query_params.pop("part")
key, follow = asked_for("part", "desk")
part = st.segmented_control(
    "Part",
    list(PARTS),
    required=True,
    key=key,
    format_func=lambda name: PARTS[name].name,
    label_visibility="collapsed",
    on_change=follow,
)
PARTS[part or "desk"].show(now)
