"""Where a reader edits one description: text, judgement, history. Every act is an event; nothing is overwritten."""

from __future__ import annotations

from html import escape

import streamlit as st

from saerad_core.ui.components import XrayCell, chips, foot, heading, html, marked, number, status_chip, xray_grid
from saerad_core.ui.feature_page import machine_words
from saerad_core.ui.state import Here

LONGEST = 500
"""Characters of a description."""
