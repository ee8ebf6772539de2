"""What somebody sees who isn't signed in or may not enter, and the part of the menu that says who they are."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from pathlib import Path

import streamlit as st

from saerad_core.access import ACTS, Person, SignedOut, allows, refusal
from saerad_core.errors import SaeRadError
from saerad_core.ui.components import chip, chips, html, notice_foot
from saerad_core.ui.login.configured import gated, providers
from saerad_core.ui.login.middleware import LoginMiddleware
from saerad_core.ui.login.session import person


def let_in() -> bool:
    """Whether whoever asks may see pages; otherwise shows the way in, or why there is none."""
    if Path(sys.argv[0]).name == "shell.py" and not LoginMiddleware.stands:
        # Somebody serves the shell by itself: no address was looked at, and no route asks who is there.
        with _door(
            "Started the wrong way", "Start the app with `streamlit run app.py`; this script alone has no door."
        ):
            pass
        return False
    if not gated():
        return True
    try:
        who = person()
    except SignedOut as error:
        with _door("Sign in", *_says(str(error))):
            _services()
        return False
    except SaeRadError as error:
        with _door("Nobody can enter just now", str(error)):
            pass
        return False
    if allows(who.role, "browse"):
        return True
    with _door("You may not enter", f"You are signed in as {who.name}. {refusal(who.role, 'browse')}"):
        st.button("Sign out", key="sign_out", on_click=st.logout)
    return False


def _says(why: str) -> tuple[str, bool]:
    """What the sign-in page says, and whether it is a warning."""
    if st.query_params.get("signin") == "failed":
        return "The sign-in didn't go through; try again, or ask whoever runs this server.", True
    if st.user.get("is_logged_in") is True:
        return why, True
    return "Whoever works here signs in, so that every word has an author.", False


def _services() -> None:
    for number, (name, label) in enumerate(providers().items()):
        # browser.js keeps the address for the way back when a button of this key is pressed.
        kind = "primary" if number == 0 else "secondary"
        st.button(label, key=f"sign_in_{number}", type=kind, width="stretch", on_click=_leave, args=(name,))


def _leave(provider: str) -> None:
    st.query_params.pop("signin", None)
    st.login(provider)


@contextmanager
def _door(title: str, says: str, warn: bool = False) -> Iterator[None]:
    with st.container(key="door"):
        html(
            f'<div class="door"><div class="brand">SAE-Rad</div><div class="hero">{escape(title)}</div>'
            f'<p class="{"warning" if warn else "lead"}">{escape(says)}</p></div>'
        )
        yield
        notice_foot()


def who_box() -> None:
    """In the menu: who is signed in, what they may do, and the way out. Nothing where there is no login."""
    if not gated():
        return
    try:
        who = person()
    except SaeRadError:
        return
    # browser.js loads the page anew when the sign-in runs out: the server alone would leave on the screen what was there.
    left = round(who.until - time.time()) + 1
    html(
        f'<div class="who" data-left="{left}"><div class="quiet" title="{escape(who.name)}">{escape(who.name)}</div>'
        f"{chips([chip(who.role, says=_may(who))])}</div>"
    )
    st.button("Sign out", key="sign_out", type="tertiary", on_click=st.logout)


def _may(who: Person) -> str:
    return f"You may {'; '.join(act.says for name, act in ACTS.items() if allows(who.role, name))}."
