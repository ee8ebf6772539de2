"""A login that is configured in this process, and cookies as Streamlit signs them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from itsdangerous import URLSafeTimedSerializer
from streamlit import config
from streamlit.runtime.secrets import secrets_singleton

from saerad_core.ui.login import configured

ORIGIN = "http://localhost:8501"
COOKIE_SECRET = "0123456789abcdef0123456789abcdef"
ROLES = """
[roles]
admin = ["ada@example.org"]
curator = ["cy@example.org"]
reader = ["rita@example.org"]
"""
AUTH = f"""[auth]
redirect_uri = "{ORIGIN}/oauth2callback"
cookie_secret = "{COOKIE_SECRET}"
client_id = "saerad"
client_secret = "x"
server_metadata_url = "http://127.0.0.1:1/.well-known/openid-configuration"
"""

Configure = Callable[[str | None, str | None], Path]


@pytest.fixture
def configure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Configure]:
    """Let secrets.toml and roles.toml hold these texts; None: there is no such file. Returns their folder."""
    before = config.get_option("secrets.files")

    def configuring(secrets: str | None, roles: str | None) -> Path:
        for name, text in (("secrets.toml", secrets), ("roles.toml", roles)):
            path = tmp_path / name
            path.unlink(missing_ok=True)
            if text is not None:
                path.write_text(text, encoding="utf-8")
        forget()
        return tmp_path

    def forget() -> None:
        secrets_singleton._reset()
        configured.gated.cache_clear()

    config.set_option("secrets.files", [str(tmp_path / "secrets.toml")])
    monkeypatch.setenv("SAERAD_DATA", str(tmp_path))
    monkeypatch.delenv("SAERAD_ROLES", raising=False)
    monkeypatch.delenv("SAERAD_OPEN_TO_EVERYONE", raising=False)
    configuring(None, None)
    yield configuring
    config.set_option("secrets.files", before)
    forget()


@pytest.fixture
def login(configure: Configure) -> Path:
    """The folder of a login that holds."""
    return configure(AUTH, ROLES)


def claims(email: str, **more: Any) -> dict[str, Any]:
    return {
        "iss": "http://127.0.0.1:1", "sub": "1", "iat": time.time() - 5, "email": email, "email_verified": True,
        "origin": ORIGIN, "is_logged_in": True, "provider": "default",
    } | more  # fmt: skip


def signed(told: object, secret: str = COOKIE_SECRET, name: str = "_streamlit_user") -> str:
    """The cookie's value, by the library that Streamlit signs with rather than by Streamlit's own function."""
    return URLSafeTimedSerializer(secret, salt=name).dumps(told if isinstance(told, str) else json.dumps(told))
