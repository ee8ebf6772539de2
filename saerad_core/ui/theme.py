"""Dark by default, and one choice of theme for all pages.

Streamlit keeps the reader's choice in the browser under the path of the page that was loaded first, and follows the
system where there is none. A line of script in the page's head, ahead of Streamlit's own, settles both.
"""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_SCRIPT = b"""<script>
(() => {
  const mine = "stActiveTheme-" + location.pathname + "-v2", all = "saerad-theme";
  try {
    localStorage.setItem(mine, localStorage.getItem(all) || '"Dark"');
    addEventListener("pagehide", () => localStorage.setItem(all, localStorage.getItem(mine) || '"System"'));
  } catch {}
})();
</script>"""
_MARK = b"<head>"


class ThemeMiddleware:
    """Puts the script into pages; everything else passes untouched."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET" or not _is_page(scope):
            await self.app(scope, receive, send)
            return
        # A compressed or partial page couldn't be added to.
        unwanted = (b"accept-encoding", b"range", b"if-none-match", b"if-modified-since")
        scope = dict(scope, headers=[pair for pair in scope["headers"] if pair[0] not in unwanted])
        start: list[Message] = []
        body = bytearray()

        async def hold(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.append(message)
                return
            body.extend(message.get("body", b""))
            if message.get("more_body"):
                return
            headers = MutableHeaders(raw=start[0]["headers"])
            page = bytes(body)
            if headers.get("content-type", "").startswith("text/html"):
                page = page.replace(_MARK, _MARK + _SCRIPT, 1)
                headers["content-length"] = str(len(page))
                del headers["etag"]
            await send(start[0])
            await send({"type": "http.response.body", "body": page})

        await self.app(scope, receive, hold)


def _is_page(scope: Scope) -> bool:
    accept = next((value for name, value in scope["headers"] if name == b"accept"), b"")
    return b"text/html" in accept
