"""Without a login the app is for its own machine: it doesn't start elsewhere, and doesn't answer to elsewhere."""

from __future__ import annotations

import os

import streamlit as st

from saerad_core.errors import SaeRadError
from saerad_core.ui.login.configured import check_login, gated, is_loopback

SWITCH = "SAERAD_OPEN_TO_EVERYONE"
WORDS = "yes, anyone may read and write"
"""What the switch has to say."""
HOW = f'configure a login (docs/deploying.md), or set {SWITCH}="{WORDS}"'


def open_to_everyone() -> bool:
    """Whether whoever runs the server said in words that nobody needs to sign in.

    Raises:
        SaeRadError: the switch says something else.
    """
    said = os.environ.get(SWITCH, "").strip()
    if said and said != WORDS:
        raise SaeRadError(f'{SWITCH} says {said[:60]!r}; only "{WORDS}" opens the app to everyone, nothing else does.')
    return bool(said)


def check_start() -> None:
    """End the program in one sentence where it would listen to other machines without a login, or with one that doesn't hold."""
    try:
        check_login()
        if not gated() and not open_to_everyone():
            _check_address()
    except SaeRadError as error:
        raise SystemExit(f"SAE-Rad doesn't start: {error}") from error


def _check_address() -> None:
    # Streamlit takes no address for every address.
    address = str(st.get_option("server.address") or "")
    if not is_loopback(address):
        where = f"on {address}" if address else "on every address"
        raise SaeRadError(
            f"it would listen {where} of this machine, where anyone could read and write; give --server.address localhost, or {HOW}."
        )


def refuses(host: str | None, asked: str) -> str:
    """Why a request isn't answered where there is no login; "" where it is.

    Args:
        host: this machine's address that it came to; None where the server doesn't know.
        asked: its Host header. A name that isn't this machine's own means a proxy in front, or another site's page
            that leads a browser here (DNS rebinding).
    """
    if gated() or open_to_everyone():
        return ""
    name = asked.rpartition(":")[0] if asked.rpartition(":")[2].isdigit() else asked
    # A path is a socket's in the file system.
    if (host is None or host.startswith("/") or is_loopback(host)) and is_loopback(name):
        return ""
    return f"This server has no login, so it answers its own machine only. Whoever runs it may {HOW}."
