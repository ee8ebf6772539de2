"""A real server and a real browser for the tests and for the README's pictures."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

PROJECT = Path(__file__).resolve().parents[2]
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # The map of features is WebGL; SwiftShader draws it without a graphics card.
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
]


def chromium() -> str | None:
    """The system's Chromium."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """`streamlit run app.py` over a data folder."""

    def __init__(self, data: Path, *options: str, log: Path | None = None) -> None:
        self.data = data
        self.options = options
        self.log = log
        self.port = free_port()
        self.url = f"http://localhost:{self.port}"
        self._process: subprocess.Popen | None = None

    def start(self) -> float:
        """Start and wait until it answers; seconds that it took."""
        began = time.monotonic()
        command = [sys.executable, "-m", "streamlit", "run", "app.py"]
        options = ["--server.port", str(self.port), "--server.headless", "true", "--server.fileWatcherType", "none"]
        said = subprocess.DEVNULL if self.log is None else self.log.open("wb")
        self._process = subprocess.Popen(
            [*command, *options, *self.options],
            cwd=PROJECT,
            env=os.environ | {"SAERAD_DATA": str(self.data), "OMP_NUM_THREADS": "1"},
            stdout=said,
            stderr=subprocess.STDOUT,
        )
        if not isinstance(said, int):
            said.close()
        self.wait(self.port, self._process)
        return time.monotonic() - began

    @staticmethod
    def wait(port: int, process: subprocess.Popen) -> None:
        """Until a server of Streamlit's answers."""
        began = time.monotonic()
        while time.monotonic() - began < 60:
            assert process.poll() is None, "the server ended while it started"
            try:
                with urlopen(f"http://localhost:{port}/_stcore/health", timeout=1):
                    return
            except OSError:
                time.sleep(0.1)
        raise AssertionError("the server didn't answer within 60 s")

    def stop(self) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait(timeout=20)


@contextmanager
def serving(data: Path) -> Iterator[Server]:
    server = Server(data)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def settle(page, timeout: float = 60_000) -> None:  # noqa: ANN001 - playwright's Page, imported by callers
    """Wait until the script has run, links and keys are listened to, and every picture in sight is there."""
    page.wait_for_function("() => window.saeradReady === true", timeout=timeout)
    # A click or key needs a moment to reach the server.
    page.wait_for_timeout(150)
    page.wait_for_selector('[data-testid="stApp"][data-test-script-state="notRunning"]', timeout=timeout)
    page.wait_for_function(
        "() => [...document.images].filter(i => i.loading !== 'lazy' && i.src).every(i => i.complete)", timeout=timeout
    )
