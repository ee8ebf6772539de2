"""Have a language model word the findings, where one was set up: sentences as they come, and a way to stop."""

from __future__ import annotations

from dataclasses import replace
from html import escape
from typing import TYPE_CHECKING

import streamlit as st

from saerad_core.llm import ModelError, chosen_model
from saerad_core.reports.report import Report
from saerad_core.reports.review import reviewed
from saerad_core.reports.writer import EXAMPLES, Writing, prompt, prompt_hash, to_word, worded
from saerad_core.ui.components import heading, html, literal
from saerad_core.ui.report_source import Source
from saerad_core.ui.report_verdicts import acts_on
from saerad_core.ui.state import Here

if TYPE_CHECKING:
    from saerad_core.engine import Analysis

LOOK_SECONDS = 0.3
"""Between two looks at what the model has written."""


def final(source: Source, analysis: Analysis) -> Report:
    """The report that is shown and leaves in files: the template's, the model's words where it has some, the reader's verdicts."""
    report = analysis.report
    kept = st.session_state.get("written")
    if kept is not None and kept[0] == _key(source, report):
        report = worded(report, kept[1])
    acts = acts_on(source)
    return reviewed(report, acts) if acts else report


def _key(source: Source, report: Report) -> tuple[str, str]:
    # Of the same findings: numbers in an answer mean nothing among others.
    return source.key, prompt_hash(prompt(replace(report, written=None)))


def writing_panel(here: Here, source: Source, analysis: Analysis) -> None:
    """Nothing where no model was set up."""
    try:
        model = chosen_model()
    except ModelError as error:
        st.warning(literal(str(error)))
        return
    if model is None or not to_word(analysis.report):
        return
    key = _key(source, analysis.report)
    running = st.session_state.get("writing")
    if running is not None and running[0] == key:
        _watch(key, running[1])
        return
    problem = st.session_state.pop("writing_problem", "")
    if problem:
        st.warning(literal(problem))
    kept = st.session_state.get("written")
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        if kept is not None and kept[0] == key:
            st.button(
                "Back to the template", key="write_back", on_click=lambda: st.session_state.pop("written", None),
                help="The program's own wording of the same findings.",
            )  # fmt: skip
            return
        style = st.toggle(
            "House style", key="write_style",
            help=f"Show the model the reports of {EXAMPLES} similar training X-rays as examples of wording. They leave this machine if "
            "the model's server is another one.",
        )  # fmt: skip

        def begin() -> None:
            examples = _examples(here, source, analysis) if style else ()
            st.session_state["writing"] = (key, Writing(model, analysis.report, examples).start())

        st.button(
            "Word it with the language model", key="write", on_click=begin,
            help=f"{model.name} gets the findings as data, without X-ray, features or indication. Each of its sentences is checked.",
        )  # fmt: skip


@st.fragment(run_every=LOOK_SECONDS)
def _watch(key: tuple[str, str], writing: Writing) -> None:
    if not writing.running:
        st.session_state.pop("writing", None)
        if writing.problem:
            st.session_state["writing_problem"] = writing.problem
        elif writing.written is not None:
            st.session_state["written"] = (key, writing.written)
        st.rerun()
    html(heading("The language model writes", "Its sentences as they come; the report changes when it is done."))
    found = writing.written
    said = writing.so_far.findings if found is not None else []
    html("".join(f'<p class="quiet">{_struck(one)}</p>' for one in said))
    st.button("Stop", key="write_stop", on_click=writing.cancel, help="The template's report stands.")


def _struck(one) -> str:  # noqa: ANN001 - a ReportSentence
    return f"<s>{escape(one.text)}</s>" if one.flags else escape(one.text)


def _examples(here: Here, source: Source, analysis: Analysis) -> list[str]:
    """Reports of the most similar training X-rays of other patients."""
    own = source.image.patient_id if source.image is not None else None
    images = here.explorer.images([row for row, _ in analysis.similar])
    return [one.findings for one in images if one.split == "train" and one.patient_id != own and one.findings][
        :EXAMPLES
    ]
