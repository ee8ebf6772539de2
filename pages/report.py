"""Report: an X-ray, what the model says of it, and every sentence followed back to features and training X-rays."""

import streamlit as st

from saerad_core.errors import SaeRadError
from saerad_core.ui import report_source
from saerad_core.ui.components import literal
from saerad_core.ui.report_chooser import choose
from saerad_core.ui.report_view import show_report
from saerad_core.ui.state import Here, here, warm_engine


def open_xray(now: Here) -> None:
    try:
        source = report_source.asked_source(now)
        # Always there, filled or not: a part of the page that only its first run has would have all that follows drawn anew by
        # the second, and what is open in it closed.
        with st.container(key="stages"):
            analysis = report_source.analyse(now, source) if source is not None else None
    except SaeRadError as error:
        report_source.forget()
        st.error(literal(str(error)))
        choose(now)
        return
    if source is None or analysis is None:
        warm_engine(now.workspace)
        choose(now)
        return
    show_report(now, source, analysis)


open_xray(here())
