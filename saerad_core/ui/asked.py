"""Widgets that show what the address asks for, and an address that follows them."""

from __future__ import annotations

from collections.abc import Callable, Collection

import streamlit as st


def asked_for(
    name: str, default: str = "", *, options: Collection[str] | None = None, drops: Collection[str] = ()
) -> tuple[str, Callable[[], None]]:
    """Key of a widget that shows what the address says of ``name``, and what it does when it is changed: the address follows.

    Streamlit's own binding puts the options' labels into the address, counts and all, and passes over any other word; links and
    colleagues need the keys.

    Args:
        name: in the address.
        default: what a missing name stands for; it is never written.
        options: what may be asked for; anything else counts as the default. None where the caller checks.
        drops: names that a change takes out of the address.
    """
    key = f"asked_{name}"
    asked = st.query_params.get(name, default)
    st.session_state[key] = asked if options is None or asked in options else default

    def follow() -> None:
        value = st.session_state[key]
        if value in (default, "", None):
            st.query_params.pop(name, None)
        else:
            st.query_params[name] = value
        for other in drops:
            st.query_params.pop(other, None)

    return key, follow
