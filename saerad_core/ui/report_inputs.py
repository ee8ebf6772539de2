"""What a reader may give beside the X-ray: the indication, a prior X-ray, a prior report. Only the prior X-ray is evidence."""

from __future__ import annotations

from html import escape

import streamlit as st

from saerad_core.ui.components import html, literal, marked
from saerad_core.ui.report_source import LIMIT, Source
from saerad_core.ui.state import Here

LONGEST = 2_000
"""Characters of an indication or a prior report."""


def inputs(here: Here, source: Source) -> None:
    """Folded away until asked for, or until there is something in it."""
    refused = st.session_state.pop("refused_prior", "")
    if refused:
        st.error(literal(f"The prior X-ray can't be read. {refused}"))
    given = source.image.indication if source.image is not None else ""
    if given:
        html(
            f'<p class="quiet" title="Shown only: a question is no finding."><span class="faint">Indication</span> {marked(given)}</p>'
        )
    with st.expander("Indication and prior"):
        if not given:
            st.text_area(
                "Indication", key="own_indication", max_chars=LONGEST, height=68,
                help="Shown on this page only. It is never evidence, and goes into no report, file, log or prompt.",
            )  # fmt: skip
        _prior_xray(here, source)
        st.text_area(
            "Prior report", key="own_prior_report", max_chars=LONGEST, height=90,
            help="Shown on this page only, to be read beside the report. Changes are stated from the features of two X-rays, never from "
            "this text.",
        )  # fmt: skip
    # Text areas are forgotten when they aren't drawn; the expander draws them always.
    for name, key in (("Indication", "own_indication"), ("Prior report", "own_prior_report")):
        text = str(st.session_state.get(key, "")).strip()
        if text:
            html(
                f'<p class="quiet" title="As you typed it; not evidence."><span class="faint">{name}</span> {escape(text)}</p>'
            )


def _prior_xray(here: Here, source: Source) -> None:
    if source.image is not None:
        others = here.explorer.of_patient(source.image.image_id)
        if not others:
            html('<p class="quiet">This patient has no other X-ray in the workspace.</p>')
            return
        names = [one.image_id for one in others]
        asked = st.query_params.get("prior", "")

        def follow() -> None:
            chosen = st.session_state["own_prior"]
            st.query_params.pop("sentence", None)
            if chosen:
                st.query_params["prior"] = chosen
            else:
                st.query_params.pop("prior", None)

        st.session_state["own_prior"] = asked if asked in names else ""
        st.selectbox(
            "Prior X-ray", ["", *names], key="own_prior", format_func=lambda one: one or "None", on_change=follow,
            help="Another X-ray of this patient. What is new, gone or the same is stated where the features of both bear it out.",
        )  # fmt: skip
        return

    def keep() -> None:
        file = st.session_state.get("own_prior_file")
        st.query_params.pop("sentence", None)
        if file is None:
            st.session_state.pop("prior_upload", None)
        else:
            # Its bytes alone: the file's name may name the patient.
            st.session_state["prior_upload"] = file.getvalue()

    st.file_uploader(
        "Prior X-ray", key="own_prior_file", on_change=keep, max_upload_size=LIMIT,
        help="An earlier frontal X-ray of the same patient: PNG, JPEG or DICOM. Only its pixels are read. Nobody checks that it is the "
        "same patient.",
    )  # fmt: skip
