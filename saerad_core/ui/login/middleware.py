"""In front of everything that the server answers: without a sign-in only what shows the sign-in page is given out.

Streamlit's login covers what a script shows, not its routes: files under /media, uploads, and routes of our own answer to anyone.
So all is closed but for a list, and what isn't on it needs somebody who may browse.
"""

from __future__ import annotations

import asyncio
import re
import time
from http.cookies import CookieError, SimpleCookie
from urllib.parse import unquote

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.web.server.starlette.starlette_server_config import USER_COOKIE_NAME

from saerad_core.access import Person, SignedOut
from saerad_core.errors import SaeRadError
from saerad_core.ui.links import base
from saerad_core.ui.login.configured import gated
from saerad_core.ui.login.cookie import person_with
from saerad_core.ui.login.listening import refuses
from saerad_core.ui.registry import PAGES

NEXT = "saerad_next"
"""Cookie of browser.js: the address that was asked for before signing in."""
FAILED = "signin=failed"
_PAGES = "|".join(entry.name for entry in PAGES)
_OPEN = re.compile(
    # The shell's HTML, scripts and styles: the same for everybody, without a word of data.
    rf"/(?:{_PAGES})?|/index\.html|/favicon[^/]*|/manifest\.json|/static/.+|/_stcore/bidi-components/.+"
    # Whether the server lives; Streamlit's client looks under a page's path too.
    rf"|(?:/(?:{_PAGES}))?/_stcore/(?:health|host-config)"
    # Signing in and out. The stream shows the sign-in page until somebody has.
    r"|/auth/(?:login|logout)|/oauth2callback|/_stcore/stream"
)
_CALLBACK = "/oauth2callback"


class LoginMiddleware:
    """Refuses what needs a sign-in: 401 where nobody is signed in (or no longer), 403 where somebody without a role is."""

    stands = False
    """Whether this process has put it in front of its answers."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        LoginMiddleware.stands = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        path = scope["path"].removeprefix(base()) or "/"
        headers = Headers(scope=scope)
        says = refuses((scope.get("server") or (None,))[0], headers.get("host", ""))
        if says:
            await _refuse(scope, receive, send, 403, says)
        elif not gated():
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._stream(scope, receive, send)
        elif path == _CALLBACK:
            await self.app(scope, receive, _back_to(HTTPConnection(scope).cookies.get(NEXT), send))
        elif _OPEN.fullmatch(path):
            await self.app(scope, receive, send)
        else:
            try:
                await _browsing(scope)
            except SaeRadError as error:
                await _refuse(scope, receive, send, 401 if isinstance(error, SignedOut) else 403, str(error))
                return
            await self.app(scope, receive, _for_this_person(send))

    async def _stream(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            who = await _browsing(scope)
        except SaeRadError:
            # Whoever may not enter starts anew; what an earlier session held is not theirs. The shell shows them the way in.
            await self.app(_without_session(scope), receive, send)
            return
        deadline = asyncio.get_running_loop().time() + who.until - time.time()

        async def receive_while_allowed() -> Message:
            try:
                async with asyncio.timeout_at(deadline):
                    message = await receive()
                if message["type"] == "websocket.receive":
                    # Parts of a page run without the shell: the role may have been taken away since.
                    await _browsing(scope)
                return message
            except (TimeoutError, SaeRadError):
                # The browser comes again at once, and is asked who it is.
                await send({"type": "websocket.close", "code": 1012})
                return {"type": "websocket.disconnect", "code": 1012}

        await self.app(scope, receive_while_allowed, send)


async def _browsing(scope: Scope) -> Person:
    """Who asks; raises SaeRadError where they may not look at anything."""
    # roles.toml may have to be read again.
    who = await run_in_threadpool(person_with, HTTPConnection(scope).cookies)
    who.check("browse")
    return who


async def _refuse(scope: Scope, receive: Receive, send: Send, status: int, says: str) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
        return
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    await PlainTextResponse(says, status, headers)(scope, receive, send)


def _for_this_person(send: Send) -> Send:
    """What a browser keeps is for the one who was signed in."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).add_vary_header("Cookie")
        await send(message)

    return sending


def _back_to(wanted: str | None, send: Send) -> Send:
    """After signing in one lands where one wanted to go; Streamlit leads to the first page."""
    target = safe_path(wanted)

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start" and 300 <= message["status"] < 400:
            headers = MutableHeaders(scope=message)
            if not _signs_in(headers):
                address = target or f"{base()}/"
                headers["location"] = f"{address}{'&' if '?' in address else '?'}{FAILED}"
            elif target:
                headers["location"] = target
            headers.append("set-cookie", f"{NEXT}=; Max-Age=0; Path=/; SameSite=Lax")
        await send(message)

    return sending


def _signs_in(headers: Headers) -> bool:
    for line in headers.getlist("set-cookie"):
        try:
            found = SimpleCookie(line).get(USER_COOKIE_NAME)
        except CookieError:
            continue
        if found is not None and found.value:
            return True
    return False


def safe_path(wanted: str | None) -> str | None:
    """An address of this server's pages as browser.js wrote it, percent-encoded; None for anything else."""
    if not wanted or len(wanted) > 2000:
        return None
    path = unquote(wanted)
    if not path.isascii() or not path.isprintable() or " " in path or "\\" in path:
        return None
    at = path.partition("?")[0]
    if not at.startswith(f"{base()}/") or not re.fullmatch(rf"/(?:{_PAGES})?", at.removeprefix(base())):
        return None
    return path.partition("#")[0]


def _without_session(scope: Scope) -> Scope:
    """The same without the name of an earlier session, which Streamlit's client sends as its third subprotocol."""
    name = b"sec-websocket-protocol"
    headers = [(key, b",".join(value.split(b",")[:2]) if key == name else value) for key, value in scope["headers"]]
    return dict(scope, headers=headers, subprotocols=list(scope.get("subprotocols", []))[:2])
