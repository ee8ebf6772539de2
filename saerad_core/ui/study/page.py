"""The page: a study's beginning, one of its items, or what came out."""

from __future__ import annotations

import streamlit as st

from saerad_core.errors import SaeRadError
from saerad_core.study import SOURCES, Design, Item, StudyJournal, draw
from saerad_core.study.design import MOST, MOST_SEED
from saerad_core.ui.asked import asked_for
from saerad_core.ui.components import chip, chips, foot, heading, html, literal, pseudo_chip, simulated_chip
from saerad_core.ui.desk.author import author_box
from saerad_core.ui.login import why_not
from saerad_core.ui.state import Here
from saerad_core.ui.study.address import design_of, go, item_of, words_of
from saerad_core.ui.study.reading import show_item
from saerad_core.ui.study.results import show_results

PARTS = {"read": "Read", "results": "Results"}
KINDS = {"single": "One report an X-ray", "pair": "Two reports an X-ray"}


@st.cache_data(max_entries=8, show_spinner="Writing the reports of the study")
def written(
    root: str, version: str, kind: str, sources: tuple[str, ...], n: int, seed: int, _here: Here
) -> tuple[list[Item], dict[tuple[str, str], str]]:
    """The items of a study and the texts of all its reports by X-ray and source."""
    items = draw(_here.explorer.store, Design(kind, sources, n, seed))
    texts: dict[tuple[str, str], str] = {}
    for source in sources:
        wanted = [item for item in items if any(shown.source == source for shown in item.reports)]
        found = SOURCES[source].write(_here.workspace, [item.row for item in wanted])
        texts |= {(item.image_id, source): text for item, text in zip(wanted, found, strict=True)}
    return items, texts


def show_study(here: Here) -> None:
    """Whatever the address asks for."""
    refused = why_not("mark")
    if refused:
        st.warning(literal(refused))
        return
    notices = [simulated_chip()] * here.simulated + [pseudo_chip()] * here.pseudo_reports
    html(chips([*notices, chip("Research use only", "notice", "Nothing on this page is for clinical decisions.")]))
    design = design_of(st.query_params.to_dict())
    key, follow = asked_for("part", "read", options=PARTS)
    part = st.segmented_control(
        "Part",
        list(PARTS),
        key=key,
        format_func=PARTS.__getitem__,
        required=True,
        label_visibility="collapsed",
        on_change=follow,
    )
    try:
        items, texts = written(
            str(here.workspace.root), here.links.version, design.kind, design.sources, design.n, design.seed, here
        )
        journal = StudyJournal(here.workspace.root)
        number = item_of(st.query_params.to_dict(), len(items))
        if part == "results":
            show_results(here, design, items, texts, journal)
        elif number is None:
            _beginning(here, design, len(items))
        else:
            show_item(here, design, items, number, texts, journal)
    except SaeRadError as error:
        st.error(literal(str(error)))
        return
    foot(
        f"Study {design.name}, {len(items)} X-rays of the test split, one a patient, drawn with seed {design.seed}",
        "study.jsonl of this workspace",
    )


def _beginning(here: Here, design: Design, n: int) -> None:
    html(
        heading(
            "A blinded study",
            "Every reader of the same address gets the same reports in the same order; sources are shown under Results.",
        )
    )
    html(
        '<p class="lead">Mark each sentence of each report as correct, a minor or a significant error, and name what a report omits. '
        "Who wrote a report is hidden until you are through.</p>"
    )
    left, right = st.columns([1, 1.4], gap="large")
    with left:
        kind = st.segmented_control(
            "What is shown",
            list(KINDS),
            default=design.kind,
            format_func=KINDS.__getitem__,
            required=True,
            key="study_kind",
        )
        sources = st.multiselect(
            "Sources", list(SOURCES), default=list(design.sources), format_func=lambda name: SOURCES[name].title, key="study_sources",
            help="Which of them wrote a report is drawn by the seed; pairs take two.",
        )  # fmt: skip
        count = st.number_input(
            "X-rays", 1, MOST, value=design.n, key="study_n", help="Of the test split, one a patient."
        )
        seed = st.number_input(
            "Seed",
            0,
            MOST_SEED,
            value=design.seed,
            key="study_seed",
            help="Another seed draws other X-rays and orders.",
        )
        author_box()
        chosen = Design(kind or "single", tuple(sources), int(count), int(seed))

        def begin() -> None:
            try:
                chosen.check(tuple(SOURCES))
            except SaeRadError as error:
                st.session_state["study_problem"] = str(error)
                return
            st.query_params.update(words_of(chosen))
            go(1)

        st.button("Begin", type="primary", key="study_begin", on_click=begin, shortcut="Enter")
        problem = st.session_state.pop("study_problem", "")
        if problem:
            st.error(literal(problem))
    with right:
        html(heading("Marks", "What a sentence can be marked as."))
        html(
            '<table class="rows"><tr><td>Correct</td><td>nothing to change</td></tr>'
            "<tr><td>Minor</td><td>wrong in a way that changes nothing for the patient</td></tr>"
            "<tr><td>Significant</td><td>wrong in a way that could change what is done</td></tr>"
            "<tr><td>Omitted</td><td>a finding that the report should have, in your words</td></tr></table>"
        )
        html(
            '<p class="quiet">Keys: 1, 2, 3 mark and go on; N and P are the next and the previous X-ray; E, Q, W tell which of two is better.</p>'
        )
