"""What somebody sees who isn't signed in or may not enter, and the part of the menu that says who they are."""

from __future__ import annotations

from html import escape

import streamlit as st

from saerad_core import NOTICE
from saerad_core.access import ACTS, Person, SignedOut, allows, refusal
from saerad_core.errors import SaeRadError
from saerad_core.ui.components import chip, chips, html
from saerad_core.ui.login.configured import gated, providers
from saerad_core.ui.login.session import person


def let_in() -> bool:
    """Whether whoever asks may see pages; otherwise shows the way in, or why there is none."""
    if not gated():
        return True
    try:
        who = person()
    except SignedOut as error:
        _sign_in(str(error))
        return False
    except SaeRadError as error:
        _panel("Nobody can enter just now", str(error))
        return False
    if not allows(who.role, "browse"):
        _panel("You may not enter", f"You are signed in as {who.name}. {refusal(who.role, 'browse')}")
        st.button("Sign out", key="sign_out", on_click=st.logout)
        return False
    return True


def _sign_in(says: str) -> None:
    failed = st.query_params.get("signin") == "failed"
    if failed:
        says = "The sign-in didn't go through; try again, or ask whoever runs this server."
    elif st.user.get("is_logged_in") is not True:
        says = "Whoever works here signs in, so that every word has an author."
    _panel("Sign in", says, warn=failed)
    with st.container(horizontal=True, gap="small"):
        for number, (name, label) in enumerate(providers().items()):
            # browser.js keeps the address for the way back when a button of this name is pressed.
            st.button(
                label, key=f"sign_in_{number}", type="primary" if number == 0 else "secondary", on_click=_go_and_sign_in, args=(name,)
            )  # fmt: skip


def _go_and_sign_in(provider: str) -> None:
    st.query_params.pop("signin", None)
    st.login(provider)


def _panel(title: str, says: str, *, warn: bool = False) -> None:
    html(
        f'<div class="door"><div class="brand">SAE-Rad</div><div class="hero">{escape(title)}</div>'
        f'<p class="{"warning" if warn else "lead"}">{escape(says)}</p><p class="research">{escape(NOTICE)}</p></div>'
    )


def who_box() -> None:
    """In the menu: who is signed in, what they may do, and the way out. Nothing where there is no login."""
    if not gated():
        return
    try:
        who = person()
    except SaeRadError:
        return
    html(
        f'<div class="who"><div class="quiet" title="{escape(who.name)}">{escape(who.name)}</div>'
        f"{chips([chip(who.role, says=_may(who))])}</div>"
    )
    st.button("Sign out", key="sign_out", type="tertiary", on_click=st.logout)


def _may(who: Person) -> str:
    return f"You may {'; '.join(act.says for name, act in ACTS.items() if allows(who.role, name))}."
