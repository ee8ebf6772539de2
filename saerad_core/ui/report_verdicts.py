"""Accept, edit or reject the chosen sentence. A rejected one goes to the curators with the features that it rests on."""

from __future__ import annotations

import streamlit as st

from saerad_core.errors import SaeRadError
from saerad_core.reports.exports.document import clean
from saerad_core.reports.report import ReportSentence
from saerad_core.reports.review import LONGEST, Act
from saerad_core.store.curation.events import LONGEST_TEXT
from saerad_core.ui.components import html, literal
from saerad_core.ui.desk.author import author, author_box
from saerad_core.ui.login import may
from saerad_core.ui.report_source import Source
from saerad_core.ui.state import Here

PARTS = {"f": "findings", "i": "impression", "c": "changes"}
"""First letter of a sentence's name in the address -> its part of the report."""


def acts_on(source: Source) -> list[Act]:
    """The reader's verdicts on the X-ray that is open, oldest first."""
    kept = st.session_state.get("acts")
    return kept[1] if kept is not None and kept[0] == source.key else []


def verdicts(here: Here, source: Source, name: str, sentence: ReportSentence) -> None:
    """The buttons, under the heading of the evidence."""
    part = PARTS[name[:1]]

    def judge(verdict: str, words: str = "", reason: str = "") -> None:
        acts = [*acts_on(source), Act(part, sentence.text, verdict, words, reason)]
        st.session_state["acts"] = (source.key, acts)

    def edit() -> None:
        judge("edited", clean(str(st.session_state.get("verdict_words", ""))))

    def reject() -> None:
        reason = clean(str(st.session_state.get("verdict_reason", "")))[:LONGEST_TEXT]
        judge("rejected", reason=reason)
        features = [one.feature_id for one in sentence.evidence if one.fires] or [
            e.feature_id for e in sentence.evidence
        ]
        try:
            here.explorer.curation.complain(features, clean(sentence.text), author() or "A reader", reason)
        except SaeRadError as error:
            st.session_state["verdict_problem"] = (
                f"The sentence is rejected here, but the curators aren't told: {error}"
            )

    with st.container(horizontal=True, gap="xsmall"):
        if sentence.verdict:
            st.button(
                "Take back", key="verdict_back", on_click=judge, args=("",), help="The sentence is as it was compiled."
            )
        st.button(
            "Accept", key="verdict_accept", on_click=judge, args=("accepted",), shortcut="A",
            disabled=bool(sentence.flags) or sentence.verdict == "accepted",
            help="You agree with the sentence. What the checker flagged can't be accepted, only edited.",
        )  # fmt: skip
        with st.popover("Edit", help="Your words take its place, in files too, and are marked as yours."):
            st.text_area("Your words", value=sentence.said, key="verdict_words", max_chars=LONGEST)
            st.button("Save", key="verdict_edit", on_click=edit, type="primary")
        with st.popover(
            "Reject", help="It leaves the report; the features behind it come sooner in the curators' queue."
        ):
            st.text_area(
                "Why", key="verdict_reason", max_chars=LONGEST_TEXT, placeholder="what is wrong with it",
                help="Kept with the features behind the sentence. Name no patient.",
            )  # fmt: skip
            if not author():
                author_box()
            st.button("Reject the sentence", key="verdict_reject", on_click=reject, type="primary")
    problem = st.session_state.pop("verdict_problem", "")
    if problem:
        st.warning(literal(problem))
    if sentence.verdict == "rejected":
        told = " The features behind it are in the curators' queue." if may("curate") else ""
        html(f'<p class="quiet">Rejected: it leaves no file.{told}</p>')
