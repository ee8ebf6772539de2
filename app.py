"""Start with `streamlit run app.py`: the shell, the pages and the routes that serve pictures."""

import streamlit as st
from starlette.middleware import Middleware

from saerad_core.ui.login import LoginMiddleware, check_start
from saerad_core.ui.media import ThumbMiddleware, routes
from saerad_core.ui.theme import ThemeMiddleware
from saerad_core.ui.tidy import keep_tidy

# The shell lies in a folder without a sibling pages/: beside this file a deep link would run a page without its shell.
app = st.App(
    "saerad_core/ui/shell.py",
    routes=routes(),
    middleware=[Middleware(LoginMiddleware), Middleware(ThumbMiddleware), Middleware(ThemeMiddleware)],
)
# After the app knows where its settings lie, before anything is answered.
check_start()
keep_tidy()
