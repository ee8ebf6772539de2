"""What a feature is said to be: status, text, whose it is, how well it is supported, and the way to edit it."""

from __future__ import annotations

from html import escape

import streamlit as st

from saerad_core.explorer import Edit, FeatureRow
from saerad_core.ui.components import chip, chips, heading, html, pseudo_chip, score, simulated_chip, status_chip
from saerad_core.ui.feature_score import score_strip
from saerad_core.ui.state import Here, go_to
from saerad_core.vocabulary import TERMS


def words(here: Here, row: FeatureRow) -> None:
    """The left column of the page."""
    html(chips(_labels(here, row)))
    html(f'<div class="hero">{escape(row.text)}</div>' if row.text else '<div class="hero none">Not described</div>')
    history = here.explorer.history(row.feature_id)
    html(f'<div class="quiet">{_whose(row, history)}</div>')
    html(f'<div class="machine-text">{machine_words(row)}</div>')
    if st.button(
        "Edit description", key="edit", type="primary", shortcut="E", help="Opens this feature on the Curate page."
    ):
        go_to(here, "curate", feature=row.feature_id)
    score_strip(here, row)
    if row.terms:
        html(
            heading(
                "Phrases",
                "Phrases said more often in reports of training X-rays that show the feature than of matched ones that don't.",
            )
        )
        html(chips(chip(term) for term in row.terms))
    if history:
        html(heading("History", "What readers wrote and judged, the latest first.", str(len(history))))
        html(_history(here, row, history))


def _labels(here: Here, row: FeatureRow) -> list[str]:
    found = [status_chip(row.status)]
    if row.finding:
        name = TERMS[row.finding].name if row.finding in TERMS else row.finding
        says = "Finding of the description; lists the others."
        found.append(chip(name, says=says, href=here.links.page("features", finding=row.finding)))
    if row.side:
        says = "The patient's side: the patient's right is the left half of the picture."
        found.append(chip(f"patient's {row.side}", says=says))
    found += [chip(part) for part in (row.place, row.severity) if part]
    if here.simulated:
        found.append(simulated_chip())
    if here.pseudo_reports:
        found.append(pseudo_chip())
    return found


def _whose(row: FeatureRow, history: list[Edit]) -> str:
    """Human or machine, author, version."""
    if not history:
        return (
            "The program's text, version 0; no reader has judged it." if row.text else "No reader has written a text."
        )
    last = history[-1]
    judged = "back to the program's text" if last.status == "suggested" else last.status
    whose = "A reader's text" if last.text else "The program's text"
    return f"{whose}, version {last.revision}: {escape(judged)} by {escape(last.author)}, {escape(last.when[:10])}"


def machine_words(row: FeatureRow) -> str:
    """The program's text with the counts behind it; stays in view whatever readers write."""
    if not row.machine_text:
        return "The program found no description: no statement is clearly commoner in the reports of X-rays that show this feature."
    said = f"Suggested: <b>{escape(row.machine_text)}</b>"
    if not row.n_firing:
        return said
    return (
        f"{said}<br>said of {row.n_with} of {row.n_firing} patients who show the feature and of "
        f"{row.n_control_with} of {row.n_control} matched patients who don't (z {score(row.z)})"
    )


def _history(here: Here, row: FeatureRow, history: list[Edit]) -> str:
    rows = "".join(
        f'<tr><td>{escape(act.when[:10])}</td><td class="wrap">{escape(act.text) if act.text else escape(act.status)}</td>'
        f'<td class="r">{escape(act.author)}</td></tr>'
        for act in history[:-6:-1]
    )
    more = f'<a class="link nav quiet" href="{escape(here.links.page("curate", feature=row.feature_id))}">Open on the Curate page</a>'
    return f'<table class="rows">{rows}</table>{more}'
