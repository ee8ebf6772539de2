"""The cookie in which Streamlit keeps who signed in: read and checked for pages and for every route alike."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from streamlit.auth_util import get_cookie_with_chunks, get_origin_from_redirect_uri
from streamlit.web.server.server_util import get_cookie_secret
from streamlit.web.server.starlette.starlette_app_utils import decode_signed_value
from streamlit.web.server.starlette.starlette_server_config import USER_COOKIE_NAME

from saerad_core.access import Person, person_of
from saerad_core.ui.login.configured import rules


def person_with(cookies: Mapping[str, str]) -> Person:
    """Who asks with these cookies.

    Raises:
        SignedOut: nobody, or nobody any longer.
        SaeRadError: roles.toml can't be read, so that nobody may do anything.
    """
    return person_of(claims_of(cookies), rules(), time.time())


def claims_of(cookies: Mapping[str, str]) -> dict[str, Any] | None:
    """The ID token's claims that Streamlit signed for this address; None where there are none or the signature doesn't hold."""
    secret = get_cookie_secret()

    def unsigned(name: str) -> bytes | None:
        given = cookies.get(name)
        # Headers are latin-1; a name is its own salt, so that no cookie stands in for another.
        return None if given is None else decode_signed_value(secret, name, given.encode("latin-1", "replace"))

    held = get_cookie_with_chunks(unsigned, USER_COOKIE_NAME)
    try:
        told = json.loads(held) if held is not None else None
    except ValueError:
        return None
    if not isinstance(told, dict) or told.get("is_logged_in") is not True:
        return None
    return told if told.get("origin") == get_origin_from_redirect_uri() else None
