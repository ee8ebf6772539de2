"""Many features at once: a search, a seed's lookalikes, a list or a selection made elsewhere; one undo takes it all back."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pandas as pd
import streamlit as st

from saerad_core.errors import SaeRadError
from saerad_core.explorer import FeatureQuery
from saerad_core.store.curation import Act, Applied
from saerad_core.ui.components import empty_state, heading, html, literal, number
from saerad_core.ui.desk.acts import said, say, undo
from saerad_core.ui.desk.author import author, author_box
from saerad_core.ui.desk.status import STATUS_NAMES
from saerad_core.ui.login import may
from saerad_core.ui.state import Here

MOST = 300
"""Features that are listed."""
MOST_GIVEN = 5_000
"""The same of a list or a selection that was made elsewhere."""
IN_ADDRESS = 40
"""Features of a selection that still fit into an address (features=1,2,3)."""
_HANDED = "many_handed"
ALIKE = 12
"""Lookalikes by their words, beside those by decoder direction."""


@st.fragment
def show_bulk(here: Here) -> None:
    """The page's part."""
    left, middle, right = st.columns([1.4, 1, 1], vertical_alignment="bottom")
    with left:
        words = st.text_input(
            "Words", key="q", bind="query-params", help="In text, finding, label or phrases; or a number."
        )
    with middle:
        seed = st.text_input(
            "Lookalikes of", key="seed", bind="query-params", placeholder="a feature's number",
            help="Features with a similar decoder direction or similar words; the seed is among them.",
        )  # fmt: skip
    with right:
        author_box()
    given = _given(here)
    ids = given if given is not None else _ids(here, words or "", (seed or "").strip().lstrip("#"))
    if given is not None:
        st.button("Search instead", key="many_search", type="tertiary", on_click=_search)
    html(
        heading(
            "Features", "Choose some with the boxes on the left; the box in the head chooses all.", number(len(ids))
        )
    )
    if not ids:
        if st.query_params.get("handed"):
            says = "It belonged to a session that is over. Draw it again on the atlas, and put it on a list to keep it."
            empty_state("The selection is gone.", says)
        else:
            empty_state("No feature fits.", "Search for other words, or name another seed.")
        return
    found, ids = len(ids), ids[: MOST if given is None else MOST_GIVEN]
    if found > len(ids):
        html(f'<p class="quiet">The first {number(len(ids))} of them are listed and can be chosen.</p>')
    states = {one: here.explorer.state(one) for one in ids}
    rows = [here.explorer.row(one) for one in ids]
    frame = pd.DataFrame(
        {
            "feature": [row.feature_id for row in rows],
            "text": [row.text for row in rows],
            "state": [STATUS_NAMES[states[row.feature_id].status] for row in rows],
            "X-rays": [row.n_images for row in rows],
            "tags": [", ".join(states[row.feature_id].tags) for row in rows],
            "given to": [states[row.feature_id].assigned for row in rows],
        }
    )
    # What was selected elsewhere is chosen already.
    chosen = st.dataframe(
        frame, hide_index=True, height=420, selection_mode="multi-row", on_select="rerun",
        key=f"many_{words}_{seed}" if given is None else f"many_given_{hash(tuple(ids))}",
        selection_default={"selection": {"rows": list(range(len(ids))) if given is not None else []}},
    )  # fmt: skip
    picked = [ids[place] for place in chosen["selection"]["rows"] if place < len(ids)]
    _acts(here, picked, {one: states[one].revision for one in picked}, seed or "")
    told = said()
    if told is not None:
        (st.success if told[0] == "done" else st.error)(literal(told[1]))


def hand_over(ids: Sequence[int]) -> dict[str, str]:
    """What the address of this page says of a selection; one that is too long for an address is kept in the session."""
    if len(ids) <= IN_ADDRESS:
        return {"part": "many", "features": ",".join(map(str, ids))}
    st.session_state[_HANDED] = list(ids)
    return {"part": "many", "handed": "1"}


def _given(here: Here) -> list[int] | None:
    """The features that the address or the session names; None where it names none and a search is wanted."""
    ask = st.query_params.get
    if named := ask("features", ""):
        ids = [int(one) for one in named.split(",") if one.isdecimal() and len(one) < 8]
    elif ask("handed"):
        ids = st.session_state.get(_HANDED, [])
    elif name := ask("list", ""):
        ids = here.explorer.curation.snapshot().lists().get(name, [])
    else:
        return None
    return [one for one in dict.fromkeys(ids) if one in here.explorer]


def _search() -> None:
    for name in ("features", "handed", "list"):
        st.query_params.pop(name, None)


def _ids(here: Here, words: str, seed: str) -> list[int]:
    explorer = here.explorer
    if seed.isdecimal() and len(seed) < 8 and int(seed) in explorer:
        number_ = int(seed)
        alike = [one.feature_id for one in explorer.feature(number_).similar]
        alike += [one.feature_id for one in explorer.similar_texts(number_, ALIKE)]
        return list(dict.fromkeys([number_, *alike]))
    return [int(one) for one in explorer.catalogue.find(FeatureQuery(text=words, sort="strength"))]


def _acts(here: Here, picked: Sequence[int], seen: dict[int, int], seed: str) -> None:
    curation, who = here.explorer.curation, author()
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        word = st.text_input("Tag, list or name", key="many_word", width=220)
        none, bare = not picked or not may("curate"), not (word or "").strip()

        def act(label: str, says: str, does: Callable[[], Applied], off: bool) -> None:
            st.button(label, key=f"many_{label}", on_click=_do, args=(label, does), disabled=off, help=says)

        name = (word or "").strip()
        act("Tag", "Adds the tag.", lambda: curation.tag(picked, who, add=[name]), none or bare)
        act("List", "Puts them on the list.", lambda: curation.list_(picked, name, who), none or bare)
        act("Give to", "Gives them to the named curator.", lambda: curation.assign(picked, name, who), none or bare)
        act("Accept", "Accepts the text that counts, or the program's; those without text are left out.",
            lambda: _accept(here, picked, seen), none)  # fmt: skip
        act(
            "Reject",
            "Rejects them.",
            lambda: curation.bulk([Act(one, "rejected", {}, seen[one]) for one in picked], who),
            none,
        )
        into = int(seed) if seed.isdecimal() and len(seed) < 8 else -1
        others = [one for one in picked if one != into]
        bases = seen | ({into: here.explorer.state(into).revision} if into in here.explorer else {})
        act(f"Merge into #{into}" if into >= 0 else "Merge", "They say what the seed says, now and later.",
            lambda: curation.merge(into, others, who, bases), none or into not in here.explorer or not others)  # fmt: skip
        act(
            "Take out",
            "Out of their groups; each keeps the group's words as a draft.",
            lambda: curation.split(picked, who, seen),
            none,
        )
        st.button(
            "Undo",
            key="many_undo",
            type="tertiary",
            shortcut="U",
            on_click=undo,
            args=(here,),
            disabled=not may("curate"),
            help="Your latest act, all of it.",
        )
    if not who:
        html('<div class="warning">Type your name: acts are kept under it.</div>')


def _accept(here: Here, picked: Sequence[int], seen: dict[int, int]) -> Applied:
    acts = []
    for one in picked:
        row, state = here.explorer.row(one), here.explorer.state(one)
        if row.text:
            acts.append(Act(one, "accepted", {"machine": "" if state.text else row.machine_text}, seen[one]))
    return here.explorer.curation.bulk(acts, author())


def _do(label: str, does: Callable[[], Applied]) -> None:
    try:
        done = does()
    except SaeRadError as error:
        say("error", str(error))
        return
    n = len({event.feature_id for event in done.events})
    say("done", f"{label}: {n} features; U takes all of it back." if n else f"{label}: nothing to change.")
