"""Descriptions out of a file: first what it would change and what it can't, then the button."""

from __future__ import annotations

from html import escape
from pathlib import PurePath

import streamlit as st

from saerad_core.errors import SaeRadError
from saerad_core.exchange import FORMATS, incoming, read_bytes
from saerad_core.exchange.incoming import Plan
from saerad_core.ui.components import heading, html, literal, number
from saerad_core.ui.desk.acts import said, say
from saerad_core.ui.desk.author import author
from saerad_core.ui.login import why_not
from saerad_core.ui.state import Here

_KEY = "files_in"


def import_panel(here: Here) -> None:
    """A file, what it would change here, and the button; only for those who may."""
    html(
        heading(
            "Import",
            "A CSV, Parquet or JSONL file that was exported, or a table with the columns feature_id and text. First it is only looked at.",
        )
    )
    refused = why_not("manage")
    if refused:
        html(f'<p class="quiet">{escape(refused)}</p>')
        return
    given = st.file_uploader(
        "File", [form.suffix.removeprefix(".") for form in FORMATS.values() if form.read], key=_KEY, width=420
    )
    told = said()
    if told is not None:
        (st.success if told[0] == "done" else st.error)(literal(told[1]))
    if given is None:
        return
    try:
        lines = read_bytes(given.getvalue(), PurePath(given.name).suffix)
        plan = incoming.plan(lines, here.explorer.curation, here.explorer.n_features)
    except SaeRadError as error:
        st.error(literal(str(error)))
        return
    _shown(here, plan)
    changes = sum(bool(step.events or step.acts) for step in plan.steps)
    st.button(
        f"Take in {number(changes)} features",
        key="files_take_in",
        type="primary",
        disabled=not changes or not author(),
        on_click=_carry_out,
        args=(here, plan),
        help="Conflicts are left out. Nothing is written over: what was said before stays in the history.",
    )
    if not author():
        html('<div class="warning">Type your name: acts are kept under it.</div>')


def _shown(here: Here, plan: Plan) -> None:
    rows = "".join(
        f'<tr><td class="wrap">{escape(says)}</td><td class="r">{number(plan.count(what))} features</td></tr>'
        for what, says in incoming.SAYS.items()
    )
    html(f'<table class="rows">{rows}</table>')
    if plan.conflicts:
        html(heading("Conflicts", "Here and in the file something else was written; settle them on the desk."))
        html(
            '<table class="rows"><tr><th></th><th>here</th><th>in the file</th></tr>'
            + "".join(
                f'<tr><td><a class="link nav" href="{escape(here.links.page("curate", feature=one.feature_id))}">#{one.feature_id}</a></td>'
                f'<td class="wrap">{escape(one.here)}</td><td class="wrap">{escape(one.there)}</td></tr>'
                for one in plan.conflicts[:100]
            )
            + "</table>"
        )


def _carry_out(here: Here, plan: Plan) -> None:
    try:
        n = incoming.carry_out(plan, here.explorer.curation, author())
    except SaeRadError as error:
        say("error", str(error))
        return
    say("done", f"{number(n)} events were taken in.")
