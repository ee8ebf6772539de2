"""Who sits at the page that runs, and what they may do."""

from __future__ import annotations

import streamlit as st

from saerad_core.access import LOCAL, Person, SignedOut, act_of, allows, refusal
from saerad_core.errors import SaeRadError
from saerad_core.store.curation import Author
from saerad_core.ui.login.configured import gated
from saerad_core.ui.login.cookie import person_with


def person() -> Person:
    """Whoever the running script works for.

    Raises:
        SignedOut: a login is configured, and nobody is signed in.
        SaeRadError: roles.toml can't be read.
    """
    if not gated():
        return LOCAL
    # Streamlit's own word first: it knows of a sign-out in this session, and checks against forged requests.
    if st.user.get("is_logged_in") is not True:
        raise SignedOut("You are not signed in; sign in to go on.")
    return person_with(st.context.cookies)


def may(act: str) -> bool:
    """Whether they may do an act of saerad_core.access.ACTS."""
    return not why_not(act)


def why_not(act: str) -> str:
    """One sentence on why they may not; "" where they may."""
    try:
        role = person().role
    except SaeRadError as error:
        return str(error)
    return "" if allows(role, act) else refusal(role, act)


def require(act: str) -> Person:
    """Who they are; raises SaeRadError where they may not do the act."""
    who = person()
    who.check(act)
    return who


def admit(author: Author, kinds: frozenset[str]) -> Author:
    """Every curation event of the app passes here (CurationStore's ``admit``): who acts is who signed in, whatever a page says.

    Raises:
        SaeRadError: they may not.
    """
    who = person()
    for kind in sorted(kinds):
        who.check(act_of(kind))
    return Author(who.name, who.verified, who.means) if gated() else Author(author.name)
