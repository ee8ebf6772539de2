"""What a reader saw when they began with a feature, and what they have typed since."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import streamlit as st

from saerad_core.errors import SaeRadError
from saerad_core.store.curation import FIELDS, Draft, FeatureState, Fields
from saerad_core.ui.state import Here

_KEY = "desk_began"


@dataclass(frozen=True)
class Began:
    """One feature on one reader's desk."""

    workspace: str
    feature_id: int
    author: str
    base: int
    """Revision of what they saw; where another one counts by the time they save, they are asked."""
    text: str
    """That the box was filled with."""
    fields: Fields
    turn: int
    """Another one makes Streamlit fill the box anew."""
    blind: bool = False
    """Whether other words were kept out of sight."""
    draft_of: str = ""
    """When the draft that filled the box was kept; "" where none did."""

    @property
    def box(self) -> str:
        """Key of the text box; desk.js reads feature and base out of it."""
        return f"desk_text_{self.feature_id}_{self.base}_{self.turn}"

    @property
    def reason(self) -> str:
        """Key of the box for why it is rejected or wants a second reader."""
        return f"desk_reason_{self.feature_id}_{self.turn}"

    def field_key(self, name: str) -> str:
        return f"desk_{name}_{self.feature_id}_{self.base}_{self.turn}"

    def typed_text(self) -> str:
        """What the box holds."""
        return " ".join(str(st.session_state.get(self.box, self.text) or "").split())

    def typed_fields(self) -> Fields:
        """What the structured fields hold."""
        held = {name: st.session_state.get(self.field_key(name), getattr(self.fields, name)) for name in FIELDS}
        return Fields(**{name: "" if value is None else value for name, value in held.items()})  # pyright: ignore[reportArgumentType]

    @property
    def typed(self) -> bool:
        """Whether the box holds something else than it was filled with, or a draft."""
        return bool(self.draft_of) or self.typed_text() != self.text or self.typed_fields() != self.fields


def begin(here: Here, state: FeatureState, author: str, *, empty: bool = False) -> Began:
    """The feature as this session began with it; a draft of the reader's fills the box, else what counts.

    Args:
        here: the page's workspace.
        state: what counts now; followed as long as nothing was typed.
        author: whose draft.
        empty: show an empty box whatever counts, for blind reading.
    """
    kept: Began | None = st.session_state.get(_KEY)
    wanted = (here.name, state.feature_id, empty)
    same = kept is not None and (kept.workspace, kept.feature_id, kept.blind) == wanted
    if kept is not None and same and (kept.typed or (kept.base, kept.author) == (state.revision, author)):
        return kept
    turn = 0 if kept is None else kept.turn + 1
    draft = here.explorer.drafts.get(author, state.feature_id) if author else None
    text, fields = ("", Fields()) if empty else (state.text, state.fields)
    if draft is not None and (draft.text, draft.fields) != (text, fields):
        made = Began(here.name, state.feature_id, author, draft.base, draft.text, draft.fields, turn, empty, draft.at)
    else:
        made = Began(here.name, state.feature_id, author, state.revision, text, fields, turn, empty)
    st.session_state[_KEY] = made
    return made


def fill(here: Here, feature_id: int, author: str, base: int, text: str, fields: Fields) -> None:
    """Put words into the box that aren't saved, as if they had been typed."""
    kept: Began | None = st.session_state.get(_KEY)
    turn = 0 if kept is None else kept.turn + 1
    now = datetime.now(UTC).isoformat(timespec="seconds")
    st.session_state[_KEY] = Began(here.name, feature_id, author, base, text, fields, turn, draft_of=now)
    if author:
        here.explorer.drafts.keep(Draft(feature_id, author, text, fields, base, now))


def forget(here: Here, feature_id: int, author: str) -> None:
    """The words are saved, or not wanted."""
    st.session_state.pop(_KEY, None)
    if author:
        here.explorer.drafts.drop(author, feature_id)


def keep_typed(here: Here, began: Began) -> str:
    """Keep what was typed as a draft; a sentence where that can't be done."""
    if not began.author or not began.typed:
        return ""
    text, fields = began.typed_text(), began.typed_fields()
    last = (began.box, text, fields)
    if st.session_state.get("desk_kept") == last or (text, fields) == (began.text, began.fields):
        return ""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    try:
        here.explorer.drafts.keep(Draft(began.feature_id, began.author, text, fields, began.base, now))
    except SaeRadError as error:
        return str(error)
    st.session_state["desk_kept"] = last
    return ""
