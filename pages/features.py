"""Features: the list, or with ?feature=ID the page of one."""

import streamlit as st

from saerad_core.ui.feature_list import show_list
from saerad_core.ui.feature_page import show_feature
from saerad_core.ui.state import here

if st.query_params.get("feature", "") != "":
    show_feature(here(), st.query_params["feature"])
else:
    show_list(here())
