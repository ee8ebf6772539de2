"""What readers put beside a feature without changing its words: why, notes, tags, lists, and sentences of reports that they refused."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from saerad_core.store.curation import FeatureState
from saerad_core.ui.components import chip, chips, heading, html
from saerad_core.ui.state import Here


def notes(here: Here, feature_id: int) -> None:
    """The part of the page; where there is nothing, how to add some."""
    state = here.explorer.state(feature_id)
    curate = here.links.page("curate", feature=feature_id)
    html(
        heading(
            "Notes",
            "What readers put beside the feature on the Curate page: why they judged as they did, notes, tags, lists, and sentences of "
            "reports that rested on the feature and that a reader refused. Its texts and verdicts are under History.",
        )
    )
    said = list(_said(state))
    marked = _marked(here, state)
    if not said and not marked:
        html(
            f'<p class="quiet">Nobody has noted anything yet. <a class="link nav" href="{escape(curate)}">Add a note, tag or list on the '
            "Curate page</a>.</p>"
        )
        return
    if marked:
        html(chips(marked))
    rows = "".join(
        f'<tr><td class="faint">{escape(at[:10])}</td><td>{kind}</td><td class="wrap">{escape(text)}</td>'
        f'<td class="r">{escape(author)}</td></tr>'
        for at, kind, text, author in sorted(said, reverse=True)
    )
    more = f'<a class="link nav quiet" href="{escape(curate)}">Open on the Curate page</a>'
    html(f'<table class="rows">{rows}</table>{more}' if rows else more)


def _said(state: FeatureState) -> Iterable[tuple[str, str, str, str]]:
    """Date, kind, words, author."""
    if state.reason:
        yield state.at, "why", state.reason, state.author
    for note in state.notes:
        yield note.at, "note", note.text, note.author
    for one in state.complaints:
        yield one.at, "refused in a report", f"{one.sentence} {one.reason}".strip(), one.author


def _marked(here: Here, state: FeatureState) -> list[str]:
    link = here.links.page
    found = [chip(f"tag: {one}", href=link("curate", queue="all", tag=one)) for one in state.tags]
    found += [chip(f"list: {one}", href=link("curate", queue="all", list=one)) for one in state.lists]
    if state.assigned:
        found.append(chip(f"given to {state.assigned}", href=link("curate", queue="all", to=state.assigned)))
    return found
