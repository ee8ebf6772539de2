"""Whether a login is configured, and whether it can be relied on: [auth] in Streamlit's secrets.toml, and roles.toml."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache, lru_cache
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import streamlit as st
from streamlit.auth_util import is_authlib_installed, validate_auth_credentials
from streamlit.errors import StreamlitAuthError, StreamlitSecretNotFoundError

from saerad_core.access import Rules, read_rules
from saerad_core.errors import SaeRadError
from saerad_core.ui.place import data_folder

SHORTEST_SECRET = 32
"""Characters of cookie_secret: whoever guesses it is whoever they like."""


def roles_file() -> Path:
    """Where the roles stand: SAERAD_ROLES, or roles.toml beside the workspaces."""
    return Path(os.environ.get("SAERAD_ROLES") or data_folder() / "roles.toml").resolve()


@cache
def gated() -> bool:
    """Whether people have to sign in. Decided once: a server that began with a login never goes on without it."""
    return _auth() is not None


def rules() -> Rules:
    """What roles.toml says now; raises SaeRadError where it can't be read, and then nobody may do anything."""
    path = roles_file()
    try:
        stamp = path.stat()
    except OSError:
        return read_rules(path)
    return _read(path, stamp.st_mtime_ns, stamp.st_size)


@lru_cache(maxsize=2)
def _read(path: Path, stamp: int, size: int) -> Rules:
    return read_rules(path)


def providers() -> dict[str, str]:
    """Login services: Streamlit's name -> what a button says."""
    section = _auth() or {}
    named = [name for name, value in section.items() if isinstance(value, Mapping) and "client_id" in value]
    default = {"default": "Sign in"} if "client_id" in section else {}
    return default | {name: f"Sign in with {name}" for name in named}


def check_login() -> None:
    """Raise SaeRadError where a login is meant and wouldn't hold; the message says what to mend."""
    section = _auth()
    if section is None:
        if roles_file().exists():
            raise SaeRadError(
                f"{roles_file().name} gives people roles, but no login is configured that tells who they are; add [auth] to "
                "secrets.toml as docs/deploying.md shows, or move the file away."
            )
        return
    if not is_authlib_installed():
        raise SaeRadError(
            "A login is configured, but Authlib isn't installed; run `pip install -r requirements.txt` again."
        )
    secret = section.get("cookie_secret", "")
    if not isinstance(secret, str) or len(secret) < SHORTEST_SECRET:
        raise SaeRadError(
            f"cookie_secret in secrets.toml has fewer than {SHORTEST_SECRET} characters; take what "
            '`python -c "import secrets; print(secrets.token_hex(32))"` prints.'
        )
    if not providers():
        raise SaeRadError(
            "[auth] in secrets.toml names no login service; give client_id, client_secret and server_metadata_url."
        )
    for name in providers():
        try:
            validate_auth_credentials(name)
        except StreamlitAuthError as error:
            raise SaeRadError(f"The login can't be used: {' '.join(str(error).split())}") from error
    address = urlsplit(str(section.get("redirect_uri", "")))
    if not address.path.endswith("/oauth2callback"):
        raise SaeRadError(
            "redirect_uri in secrets.toml ends in /oauth2callback; mend it there and at the login service."
        )
    if address.scheme != "https" and not is_loopback(address.hostname or ""):
        raise SaeRadError(
            "redirect_uri in secrets.toml starts with https://, or whoever listens on the network can take over a sign-in."
        )
    rules()


def is_loopback(host: str) -> bool:
    """Whether an address or a name can be reached from this machine alone."""
    try:
        address = ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return host.lower().rstrip(".") == "localhost"
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


def _auth() -> Mapping[str, Any] | None:
    """[auth] of secrets.toml; None where there are no secrets or no such part."""
    try:
        return st.secrets.get("auth")
    except StreamlitSecretNotFoundError as error:
        if error.error_id == "no-secrets-found":
            return None
        # A file that can't be read may well be the one that holds the login.
        raise SaeRadError("secrets.toml can't be read, so nobody knows whether a login is meant; mend it.") from error
