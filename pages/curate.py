"""Curate: the desk, the readers' agreement, many features at once, and who did how much."""

import streamlit as st

from saerad_core.ui.desk import PARTS
from saerad_core.ui.state import here

now = here()
for sentence in now.explorer.notices:
    st.warning(sentence)
part = st.segmented_control(
    "Part",
    list(PARTS),
    default="desk",
    required=True,
    key="part",
    bind="query-params",
    format_func=lambda key: PARTS[key].name,
    label_visibility="collapsed",
)
PARTS[part or "desk"].show(now)
