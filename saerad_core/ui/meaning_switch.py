"""The switch between search by words and search by meaning, where a sentence model is set up."""

from __future__ import annotations

import streamlit as st

from saerad_core.errors import SaeRadError
from saerad_core.llm.sentences import sentence_model
from saerad_core.ui.components import html

KEY = "meaning"


def meaning_switch() -> bool:
    """Whether the reader wants the nearest descriptions instead of those that hold the words; the address says so (meaning=true)."""
    try:
        there = sentence_model() is not None
    except SaeRadError:
        there = True  # Set up wrongly: the search says so in a sentence.
    if not there:
        if st.query_params.get(KEY) == "true":
            html('<p class="quiet">No sentence model is set up here: searched by words.</p>')
        return False
    return st.toggle(
        "By meaning",
        key=KEY,
        bind="query-params",
        help="Descriptions that mean something similar, nearest first, whatever their words (cosine of sentence embeddings).",
    )
