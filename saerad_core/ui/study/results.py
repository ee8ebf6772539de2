"""What a study says so far, and its files."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import streamlit as st

from saerad_core.study import MARKS, SOURCES, Design, Item, StudyJournal, latest, statistics
from saerad_core.study.export import as_csv, as_json
from saerad_core.ui.charts import colours, layout
from saerad_core.ui.components import FactItem, empty_state, fact_strip, heading, html, number, score
from saerad_core.ui.desk.author import author
from saerad_core.ui.login import why_not
from saerad_core.ui.state import Here
from saerad_core.ui.study.reading import sentences_of

if TYPE_CHECKING:
    import plotly.graph_objects as go


def show_results(
    here: Here, design: Design, items: list[Item], texts: dict[tuple[str, str], str], journal: StudyJournal
) -> None:
    """Rates by source, preferences, agreement; hidden from a reader who is in the middle, unless they ask."""
    marks = journal.marks(design.name)
    if not marks:
        empty_state(
            "Nobody has marked a report of this study yet.",
            "Go to Read, choose a study and begin; results grow with every mark.",
        )
        return
    lengths = {
        (item.image_id, shown.source): len(sentences_of(texts[item.image_id, shown.source]))
        for item in items
        for shown in item.reports
    }
    own = [mark for mark in latest(marks) if mark.reader == author() and mark.kind == "sentence"]
    done = len({mark.image_id for mark in own})
    if own and done < len(items) and st.query_params.get("show") != "1":
        empty_state(
            f"You have begun {done} of {len(items)} X-rays.",
            "Results name the sources; you would no longer be blind to them.",
        )
        st.button("Show them all the same", key="study_show", on_click=lambda: st.query_params.update({"show": "1"}))
        return
    found = statistics(marks, lengths)
    readers = len({mark.reader for mark in marks})
    html(
        fact_strip(
            [
                FactItem(number(readers), "readers", "Names under which marks were made."),
                FactItem(
                    number(len({mark.image_id for mark in marks})), f"of {len(items)} X-rays", "X-rays with a mark."
                ),
                FactItem(
                    number(sum(one["sentences"] for one in found["sources"].values())),
                    "sentences marked",
                    "Each reader's latest mark of a sentence.",
                ),
            ]
        )
    )
    html(heading("Marks by source", "Shares of the marked sentences, with 95% intervals over resampled patients."))
    html(_table(found))
    if found["sources"]:
        st.plotly_chart(_bars(found), key="study_bars", theme=None, config={"displayModeBar": False})
    if found["preferences"]:
        html(
            heading(
                "Preferred",
                "Share of pairs in which each was called better, with 95% intervals over resampled patients.",
            )
        )
        html(
            _rows(
                [(_title(key), _share(one), number(one["n"])) for key, one in found["preferences"].items()],
                ("Source", "share", "pairs"),
            )
        )
    html(
        heading(
            "Agreement between readers",
            "Cohen's kappa over the sentences that both marked; 0 is chance, 1 is full agreement.",
        )
    )
    if found["agreement"]:
        html(
            _rows(
                [(f"{one['first']} and {one['second']}", score(one["kappa"]), score(one["same"]), number(one["n"])) for one in found["agreement"]],
                ("Readers", "kappa", "marked alike", "sentences"),
            )
        )  # fmt: skip
    else:
        html('<p class="quiet">A second reader of the same address is needed.</p>')
    refused = why_not("export")
    manifest = here.workspace.manifest
    with st.container(horizontal=True, gap="small"):
        for ending, kind, data in (
            ("csv", "text/csv", as_csv(manifest, design, marks)),
            ("json", "application/json", as_json(manifest, design, marks, found)),
        ):
            st.download_button(
                ending.upper(), data, f"{here.name}-study-{design.name}.{ending}", kind, key=f"study_{ending}", disabled=bool(refused),
                help=refused or "Every mark with the notices; JSON with the statistics too. Texts of own reports stay here.",
            )  # fmt: skip


def _title(key: str) -> str:
    return SOURCES[key].title if key in SOURCES else "No difference"


def _share(one: dict[str, Any]) -> str:
    if one["value"] is None:
        return score(None)
    return f"{score(one['value'])} ({score(one['lo'])} to {score(one['hi'])})"


def _table(found: dict[str, Any]) -> str:
    head = (
        "Source",
        *(name for name in MARKS),
        "reports without a significant error",
        "omitted a report",
        "reports",
        "sentences",
    )
    rows = [
        (
            _title(key), *(_share(one[name]) for name in MARKS), _share(one["reports_without_significant"]), _share(one["omitted_a_report"]),
            number(one["reports_read"]), number(one["sentences"]),
        )
        for key, one in found["sources"].items()
    ]  # fmt: skip
    return _rows(rows, head)


def _rows(rows: list[tuple[str, ...]], head: tuple[str, ...]) -> str:
    top = "".join(f'<th class="{"r" if i else ""}">{escape(name)}</th>' for i, name in enumerate(head))
    body = "".join(
        "<tr>" + "".join(f'<td class="{"r" if i else ""}">{escape(cell)}</td>' for i, cell in enumerate(row)) + "</tr>"
        for row in rows
    )
    return f'<table class="rows"><tr>{top}</tr>{body}</table>'


def _bars(found: dict[str, Any]) -> go.Figure:
    """Shares of each mark by source, with their intervals."""
    import plotly.graph_objects as go

    look = colours()
    shades = {"correct": look.accent, "minor": look.bar, "significant": look.quiet}
    figure = go.Figure()
    for name in MARKS:
        ones = [one[name] for one in found["sources"].values()]
        figure.add_bar(
            name=name, x=[_title(key) for key in found["sources"]], y=[one["value"] for one in ones], marker_color=shades[name],
            error_y={"type": "data", "symmetric": False, "array": [one["hi"] - one["value"] for one in ones], "arrayminus": [one["value"] - one["lo"] for one in ones], "color": look.ink, "thickness": 1},
        )  # fmt: skip
    figure = layout(figure, x="source of the report", y="share of marked sentences", height=260)
    return figure.update_layout(showlegend=True, barmode="group", yaxis_range=[0, 1])
