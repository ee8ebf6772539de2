"""Start with `streamlit run app.py`: the shell, the pages and the routes that serve pictures."""

import streamlit as st

from saerad_core.ui.media import routes

# The shell lies in a folder without a sibling pages/: beside this file a deep link would run a page without its shell.
app = st.App("saerad_core/ui/shell.py", routes=routes())
