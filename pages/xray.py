"""X-rays: with ?image=NAME the page of one, else a way to open one."""

import streamlit as st

from saerad_core.ui.state import here
from saerad_core.ui.xray_page import choose_xray, show_xray

if st.query_params.get("image", "") != "":
    show_xray(here(), st.query_params["image"])
else:
    choose_xray(here())
