"""One item of a study: the X-ray, and its report or two, sentence by sentence."""

from __future__ import annotations

from dataclasses import replace
from html import escape

import streamlit as st

from saerad_core.descriptions.statements import parse_statements
from saerad_core.errors import SaeRadError
from saerad_core.study import MARKS, Design, Item, Marked, Shown, StudyJournal, latest
from saerad_core.study.journal import LONGEST
from saerad_core.ui.components import chip, chips, empty_state, heading, html, literal
from saerad_core.ui.desk.author import author, author_box
from saerad_core.ui.login import person, require
from saerad_core.ui.state import Here
from saerad_core.ui.study.address import at_of, go
from saerad_core.ui.viewer import stored_picture, xray_viewer

KEYS = {"correct": "1", "minor": "2", "significant": "3"}
PREFERRED = {"A": ("A is better", "Q"), "equal": ("No difference", "E"), "B": ("B is better", "W")}
CHIPS = {"correct": "accepted", "minor": "edited", "significant": "rejected"}
"""Mark -> look of its chip."""


def sentences_of(text: str) -> list[str]:
    """Sentences as they are marked; an empty report is one that says nothing."""
    return [" ".join(sentence.text.split())[:LONGEST] for sentence in parse_statements(text)] or [
        "(The report is empty.)"
    ]


def show_item(
    here: Here, design: Design, items: list[Item], number: int, texts: dict[tuple[str, str], str], journal: StudyJournal
) -> None:
    """The item ``number``, from 1."""
    item = items[number - 1]
    reader = author()
    mine = [mark for mark in latest(journal.marks(design.name)) if mark.reader == reader]
    here_marks = [mark for mark in mine if mark.image_id == item.image_id]
    reports = {shown.letter: sentences_of(texts[item.image_id, shown.source]) for shown in item.reports}
    done = {(m.source, m.sentence, m.text): m.mark for m in here_marks if m.kind == "sentence"}
    letter, sentence = at_of(st.query_params.to_dict())
    if letter not in reports or sentence >= len(reports[letter]):
        letter, sentence = "A", 0

    top, way = st.columns([3, 1.3], vertical_alignment="center")
    with top:
        images = {mark.image_id for mark in mine if mark.kind == "sentence"}
        html(
            chips(
                [
                    chip(f"X-ray {number} of {len(items)}", says="In the order that the seed drew."),
                    chip(f"{len(images)} begun", says="X-rays of which you marked a sentence."),
                    chip("sources hidden", says="Who wrote a report is shown under Results, once you are through."),
                ]
            )
        )
    with way, st.container(horizontal=True, gap="xsmall", horizontal_alignment="right"):
        st.button("Previous", key="study_previous", shortcut="P", on_click=go, args=(number - 1,), disabled=number == 1)
        last = number == len(items)
        st.button("Next", key="study_next", shortcut="N", on_click=go, args=(number + 1,), disabled=last)
        st.button(
            "Leave", key="study_leave", type="tertiary", on_click=go, help="Marks are kept; the address leads back."
        )
    left, right = st.columns([1, 1.25], gap="medium")
    with left:
        xray_viewer(
            stored_picture(here, item.image_id, label=f"X-ray {number} of the study"), key="study_viewer", share=False
        )
    with right:
        if not reader:
            empty_state("Nobody marks yet.", "Say who you are; every mark is kept under that name.")
            author_box()
            return
        columns = st.columns(len(item.reports), gap="medium")
        for column, shown in zip(columns, item.reports, strict=True):
            with column:
                _report(here, number, shown, reports[shown.letter], done, (letter, sentence))
                _omitted(design, item, shown, here_marks, journal)
        _marking(design, items, number, reports, (letter, sentence), done, journal)
        if design.kind == "pair":
            _preference(design, item, here_marks, journal)
    problem = st.session_state.pop("study_problem", "")
    if problem:
        st.error(literal(problem))


def _report(here: Here, number: int, shown: Shown, sentences: list[str], done: dict, chosen: tuple[str, int]) -> None:
    html(heading(f"Report {shown.letter}", "A report of this X-ray; its source is hidden."))
    kept = {name: value for name, value in st.query_params.to_dict().items() if name not in ("ws", "at", "item")}
    rows = ""
    for i, text in enumerate(sentences):
        mark = done.get((shown.source, i, text), "")
        on = " on" if chosen == (shown.letter, i) else ""
        href = here.links.page("study", **kept, item=number, at=f"{shown.letter}{i}")
        tag = chip(mark, CHIPS[mark]) if mark else ""
        rows += f'<a class="sentence nav{on}" data-stay href="{escape(href)}"><span>{escape(text)}</span><span class="p">{tag}</span></a>'
    html(rows)


def _marking(
    design: Design, items: list[Item], number: int, reports: dict[str, list[str]], chosen: tuple[str, int], done: dict, journal: StudyJournal
) -> None:  # fmt: skip
    """Buttons for the chosen sentence; a mark goes on to the next sentence that has none, then to the next X-ray."""
    item = items[number - 1]
    letter, place = chosen
    source = next(shown.source for shown in item.reports if shown.letter == letter)
    text = reports[letter][place]
    order = [(one.letter, one.source, i, words) for one in item.reports for i, words in enumerate(reports[one.letter])]

    def mark(value: str) -> None:
        if not _keep(journal, _mark(design, item, "sentence", source, place, text, value)):
            return
        now = {(one, i, words) for one, i, words in done} | {(source, place, text)}
        at = next(i for i, (one, _, j, _) in enumerate(order) if (one, j) == (letter, place))
        left = [one for one in (*order[at + 1 :], *order[:at]) if (one[1], one[2], one[3]) not in now]
        if left:
            go(number, left[0][0], left[0][2])
        elif design.kind == "single" and number < len(items):
            go(number + 1)

    html(
        heading("This sentence", "The one that is highlighted; a click on another chooses it.", f"{letter}{place + 1}")
    )
    with st.container(horizontal=True, gap="xsmall"):
        for name, says in MARKS.items():
            st.button(
                name.capitalize(), key=f"study_{name}", shortcut=KEYS[name], on_click=mark, args=(name,), help=says
            )
    marked = sum((one[1], one[2], one[3]) in done for one in order)
    more = " This X-ray is done." if marked == len(order) else ""
    html(f'<p class="quiet">{marked} of {len(order)} sentences of this X-ray are marked.{more}</p>')


def _omitted(design: Design, item: Item, shown: Shown, marks: list[Marked], journal: StudyJournal) -> None:
    """Findings that a report should have."""
    own = [mark for mark in marks if mark.kind == "omitted" and mark.source == shown.source]
    key = f"study_omitted_{shown.letter}"

    def add(weight: str) -> None:
        words = " ".join(str(st.session_state.get(key, "")).split())
        if _keep(journal, _mark(design, item, "omitted", shown.source, -1, words, weight)):
            st.session_state[key] = ""

    with st.popover(f"Omitted ({len(own)})" if own else "Omitted", help="Name a finding that the report should have."):
        st.text_input("Finding", key=key, max_chars=LONGEST, placeholder="such as: left pleural effusion")
        with st.container(horizontal=True, gap="xsmall"):
            for weight in ("minor", "significant"):
                st.button(weight.capitalize(), key=f"{key}_{weight}", on_click=add, args=(weight,))
        for i, mark in enumerate(own):
            st.button(
                f"Take back: {literal(mark.text)} ({mark.mark})", key=f"{key}_back_{i}", type="tertiary", on_click=_act,
                args=(journal, _mark(design, item, "omitted", shown.source, -1, mark.text, "")),
            )  # fmt: skip


def _preference(design: Design, item: Item, marks: list[Marked], journal: StudyJournal) -> None:
    said = next((mark.mark for mark in marks if mark.kind == "preferred"), "")
    html(heading("Which is better?", "As a report of this X-ray, all in all."))
    sources = {shown.letter: shown.source for shown in item.reports} | {"equal": "equal"}
    with st.container(horizontal=True, gap="xsmall"):
        for name, (title, key) in PREFERRED.items():
            st.button(
                title, key=f"study_prefer_{name}", shortcut=key, type="primary" if said == name else "secondary", on_click=_act,
                args=(journal, _mark(design, item, "preferred", sources[name], -1, "", name)),
            )  # fmt: skip


def _mark(design: Design, item: Item, kind: str, source: str, sentence: int, text: str, mark: str) -> Marked:
    return Marked(design.name, kind, author(), item.image_id, item.patient_id, source, sentence, text, mark)


def _act(journal: StudyJournal, mark: Marked) -> None:
    """What a button does."""
    _keep(journal, mark)


def _keep(journal: StudyJournal, mark: Marked) -> bool:
    """Write a mark as whoever signed in; False where it couldn't be, and the page then says why."""
    try:
        require("mark")
        who = person()
        journal.add(replace(mark, reader=who.name or mark.reader, verified=who.verified))
    except SaeRadError as error:
        st.session_state["study_problem"] = str(error)
        return False
    return True
