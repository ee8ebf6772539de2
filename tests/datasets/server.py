"""A web server on loopback that fails in the ways servers do."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Shelf:
    """What a server serves and how; and what it was asked."""

    files: dict[str, bytes]
    etag: str | None = '"one"'
    modified: str | None = None
    ranges: bool = True
    """Whether it answers Range at all."""
    length: bool = True
    """Whether it tells Content-Length."""
    breaks: list[int] = field(default_factory=list)
    """Bytes after which the next connections break, one each."""
    lies: int = 0
    """Bytes that Content-Length claims beyond what comes."""
    wrong_piece: bool = False
    status: int = 200
    redirect: str = ""
    sent: int = 0
    """Bytes of bodies so far."""
    asked: list[dict[str, str]] = field(default_factory=list)
    """Headers of each request."""
    url: str = ""


@contextmanager
def serving(shelf: Shelf) -> Iterator[Shelf]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

        def do_GET(self) -> None:
            shelf.asked.append(dict(self.headers.items()))
            body = shelf.files.get(self.path.lstrip("/"))
            if shelf.redirect:
                self.send_response(302)
                self.send_header("Location", shelf.redirect)
                self.end_headers()
                return
            if body is None or shelf.status != 200:
                self.send_error(404 if body is None else shelf.status)
                return
            first = self._first(body)
            if first >= len(body) and first:
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(body)}")
                self.end_headers()
                return
            self.send_response(206 if first else 200)
            for name, value in (("ETag", shelf.etag), ("Last-Modified", shelf.modified)):
                if value:
                    self.send_header(name, value)
            if first:
                told = first + 1 if shelf.wrong_piece else first
                self.send_header("Content-Range", f"bytes {told}-{len(body) - 1}/{len(body)}")
            if shelf.length:
                self.send_header("Content-Length", str(len(body) - first + shelf.lies))
            self.end_headers()
            rest = body[first:]
            if shelf.breaks:
                rest = rest[: shelf.breaks.pop(0)]
            # Counted before it goes out: the client may have it all, and the test look, before this thread goes on.
            shelf.sent += len(rest)
            self.wfile.write(rest)
            self.close_connection = True
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_WR)

        def _first(self, body: bytes) -> int:
            found = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
            if not found or not shelf.ranges:
                return 0
            valid = self.headers.get("If-Range")
            return int(found[1]) if valid is None or valid in (shelf.etag, shelf.modified) else 0

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    shelf.url = f"http://127.0.0.1:{server.server_port}/"
    try:
        yield shelf
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
