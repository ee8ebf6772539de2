"""An OpenID Connect provider on loopback, small and real: discovery, authorisation with PKCE, token, keys, RS256.

Follows OpenID Connect Core 1.0 (code flow, section 3.1), Discovery 1.0 and RFC 7636. Who signs in is chosen on its page.
"""

from __future__ import annotations

import base64
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT = "saerad"
SECRET = "a secret between the client and the provider"
LIFE = 300
"""Seconds of an ID token."""


class Provider:
    """What it knows; change it between sign-ins."""

    def __init__(self) -> None:
        self.issuer = ""
        self.key = RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"}, auto_kid=True)
        self.signs_with = self.key
        """Another one than it publishes makes a token that must be refused."""
        self.people: dict[str, dict[str, Any]] = {}
        """E-mail address -> more claims, such as email_verified."""
        self.codes: dict[str, dict[str, str]] = {}
        self.signed_in = 0

    def token(self, email: str, nonce: str) -> str:
        now = int(time.time())
        claims = {
            "iss": self.issuer, "sub": sha256(email.encode()).hexdigest()[:12], "aud": CLIENT, "iat": now, "exp": now + LIFE,
            "nonce": nonce, "email": email, "email_verified": True,
        } | self.people.get(email, {})  # fmt: skip
        return jwt.encode({"alg": "RS256", "kid": self.key.kid}, claims, self.signs_with)


class _Handler(BaseHTTPRequestHandler):
    provider: Provider

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        asked = {key: values[0] for key, values in parse_qs(url.query).items()}
        if url.path == "/.well-known/openid-configuration":
            self._json(self._discovery())
        elif url.path == "/keys":
            self._json({"keys": [self.provider.key.as_dict(private=False)]})
        elif url.path == "/authorize":
            self._authorize(asked)
        else:
            self._send(404, b"")

    def do_POST(self) -> None:
        if urlsplit(self.path).path != "/token":
            self._send(404, b"")
            return
        length = int(self.headers.get("Content-Length", 0))
        given = {key: values[0] for key, values in parse_qs(self.rfile.read(length).decode()).items()}
        id_, secret = given.get("client_id"), given.get("client_secret")
        kind, _, basic = self.headers.get("Authorization", "").partition(" ")
        if kind == "Basic":
            id_, _, secret = base64.b64decode(basic).decode().partition(":")
        code = self.provider.codes.pop(given.get("code", ""), None)
        challenge = (
            base64.urlsafe_b64encode(sha256(given.get("code_verifier", "").encode()).digest()).rstrip(b"=").decode()
        )
        if (id_, secret) != (CLIENT, SECRET):
            self._json({"error": "invalid_client"}, 401)
        elif code is None or code["redirect_uri"] != given.get("redirect_uri") or code["code_challenge"] != challenge:
            self._json({"error": "invalid_grant"}, 400)
        else:
            self.provider.signed_in += 1
            token = self.provider.token(code["email"], code["nonce"])
            self._json(
                {"access_token": secrets.token_urlsafe(), "token_type": "Bearer", "expires_in": LIFE, "id_token": token}
            )

    def _discovery(self) -> dict[str, Any]:
        issuer = self.provider.issuer
        return {
            "issuer": issuer,
            "authorization_endpoint": f"{issuer}/authorize",
            "token_endpoint": f"{issuer}/token",
            "jwks_uri": f"{issuer}/keys",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        }

    def _authorize(self, asked: dict[str, str]) -> None:
        if (
            asked.get("client_id") != CLIENT
            or asked.get("code_challenge_method") != "S256"
            or "redirect_uri" not in asked
        ):
            self._send(400, b"not a request of ours")
            return
        state, back = asked["state"], asked["redirect_uri"]
        if "deny" in asked:
            self._leave(back, {"error": "access_denied", "state": state})
        elif "as" in asked:
            code = secrets.token_urlsafe()
            kept = {name: asked[name] for name in ("nonce", "redirect_uri", "code_challenge")}
            self.provider.codes[code] = kept | {"email": asked["as"]}
            self._leave(back, {"code": code, "state": state})
        else:
            links = [
                f'<li><a href="?{escape(urlencode(asked | {"as": one}))}">{escape(one)}</a>'
                for one in self.provider.people
            ]
            links.append(f'<li><a href="?{escape(urlencode(asked | {"deny": "1"}))}">nobody</a>')
            page = f'<!doctype html><link rel="icon" href="data:,"><title>Sign in</title><ul>{"".join(links)}</ul>'
            self._send(200, page.encode(), "text/html; charset=utf-8")

    def _leave(self, back: str, told: dict[str, str]) -> None:
        self.send_response(302)
        self.send_header("Location", f"{back}?{urlencode(told)}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _json(self, body: dict[str, Any], status: int = 200) -> None:
        self._send(status, json.dumps(body).encode(), "application/json")

    def _send(self, status: int, body: bytes, kind: str = "text/plain") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def providing(*people: str, **more: dict[str, Any]) -> Iterator[Provider]:
    """A provider at work that knows ``people``."""
    provider = Provider()
    provider.people = dict.fromkeys(people, {}) | more
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"provider": provider}))
    provider.issuer = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()


def secrets_for(provider: Provider, url: str, cookie_secret: str) -> str:
    """Streamlit's secrets.toml of an app at ``url`` that asks this provider."""
    return f"""[auth]
redirect_uri = "{url}/oauth2callback"
cookie_secret = "{cookie_secret}"
client_id = "{CLIENT}"
client_secret = "{SECRET}"
server_metadata_url = "{provider.issuer}/.well-known/openid-configuration"
"""
