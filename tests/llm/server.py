"""A server on this machine that speaks OpenAI's chat completions, and behaves as badly as it is told to."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class ModelServer(ThreadingHTTPServer):
    """`answer` is what it says; `behaves` is how."""

    daemon_threads = True

    def __init__(self, answer: str = "", behaves: str = "well") -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer, self.behaves = answer, behaves
        self.script: Callable[[dict], tuple[str, str]] | None = None
        """Answer and behaviour for each question, where they differ."""
        self.asked: list[dict] = []
        self.headers_seen: list[dict[str, str]] = []
        self.release = threading.Event()
        """What a hanging answer waits for."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def handle_error(self, request, client_address) -> None:
        """A client that went away is what these tests are about."""


class _Handler(BaseHTTPRequestHandler):
    server: ModelServer

    def log_message(self, *_) -> None:
        pass

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(body)
        self.server.headers_seen.append(dict(self.headers))
        assert self.path == "/v1/chat/completions"
        behaves, answer = self.server.behaves, self.server.answer
        if self.server.script is not None:
            answer, behaves = self.server.script(body)
        if behaves == "fails":
            self.send_error(500)
            return
        if behaves == "redirects":
            self.send_response(302)
            self.send_header("Location", "http://127.0.0.1:9/v1/chat/completions")
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        if behaves == "never ends a line":
            while not self.server.release.is_set():
                self.wfile.write(b"x" * 100_000)
            return
        if behaves == "no events":
            self.wfile.write(b'data: {"error": "out of memory"}\n\n')
            return
        if behaves == "binary":
            self.wfile.write(bytes(range(256)) * 20)
            return
        if behaves == "silent":
            self.server.release.wait(60)
            return
        for start in range(0, len(answer), 7):
            self._piece(answer[start : start + 7])
            if behaves == "hangs" and start > len(answer) // 2:
                self.server.release.wait(60)
                return
            if behaves == "breaks off" and start > len(answer) // 2:
                self.connection.shutdown(2)
                return
        if behaves == "never stops":
            while not self.server.release.is_set():
                self._piece("and so on " * 50)
        self.wfile.write(b"data: [DONE]\n\n")

    def _piece(self, text: str) -> None:
        event = json.dumps({"choices": [{"delta": {"content": text}}]})
        self.wfile.write(f"data: {event}\n\n".encode())
        self.wfile.flush()


@contextmanager
def answering(answer: str = "", behaves: str = "well") -> Iterator[ModelServer]:
    server = ModelServer(answer, behaves)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.release.set()
        server.shutdown()
        server.server_close()
