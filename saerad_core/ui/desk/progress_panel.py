"""How far the whole is, who did how much, and every list with its address."""

from __future__ import annotations

from html import escape

import streamlit as st

from saerad_core.store.curation import STATUSES
from saerad_core.ui.components import FactItem, chip, chips, fact_strip, heading, html, number, share
from saerad_core.ui.desk.export_panel import export_panel
from saerad_core.ui.desk.import_panel import import_panel
from saerad_core.ui.desk.status import STATUS_NAMES
from saerad_core.ui.state import Here


@st.fragment
def show_progress(here: Here) -> None:
    """The page's part."""
    found, living = here.explorer.curation.progress(), len(here.explorer.worth().frequency)
    counts = dict(found.statuses)
    judged = counts["accepted"] + counts["rejected"]
    counts["pending"] = max(living - sum(n for status, n in counts.items() if status != "pending"), 0)
    html(
        fact_strip(
            [
                FactItem(
                    number(counts[status]), STATUS_NAMES[status], f"Of {living} features that fire on training X-rays."
                )
                for status in STATUSES
            ]
            + [
                FactItem(
                    share(judged / living if living else None),
                    "judged",
                    "Accepted or rejected, of the features that fire.",
                ),
                FactItem(number(found.disputed), "disputed", "Readers differ in their verdict or a field."),
            ]
        )  # fmt: skip
    )
    html(
        heading(
            "By author",
            "Events that each wrote, whether or not they still count, and the features whose last deciding word is theirs.",
        )
    )
    if not found.authors:
        html('<p class="quiet">Nobody has written anything yet.</p>')
    else:
        head = "".join(
            f'<th class="r">{name}</th>' for name in ("events", "features", "accepted", "still to do", "since", "last")
        )
        rows = "".join(
            f"<tr><td>{escape(one.author)}</td>"
            + "".join(
                f'<td class="r">{cell}</td>'
                for cell in (
                    sum(one.acts.values()),
                    one.features,
                    one.accepted,
                    one.assigned,
                    one.first[:10],
                    one.last[:16].replace("T", " "),
                )
            )
            + "</tr>"
            for one in found.authors
        )
        html(f'<table class="rows"><tr><th></th>{head}</tr>{rows}</table>')
    snapshot = here.explorer.curation.snapshot()
    link = here.links.page
    html(heading("Lists and tags", "Each leads to its queue; the address can be shared."))
    parts = [
        chip(f"list: {name} ({len(some)})", href=link("curate", queue="all", list=name))
        for name, some in snapshot.lists().items()
    ]
    parts += [chip(f"{name}: all at once", href=link("curate", part="many", list=name)) for name in snapshot.lists()]
    parts += [
        chip(f"tag: {name} ({n})", href=link("curate", queue="all", tag=name)) for name, n in snapshot.tags().items()
    ]
    html(
        chips(parts)
        if parts
        else '<p class="quiet">There are none yet; a feature\'s desk or Many at once makes them.</p>'
    )
    export_panel(here)
    import_panel(here)
