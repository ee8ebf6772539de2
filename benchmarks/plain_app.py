"""A plain Streamlit page that ours is compared with, in a server of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from saerad_core.workspace import Workspace
from tests.e2e.browser import PROJECT, Server, free_port


@contextmanager
def plain_app(page: str, workspace: Workspace, **given: str) -> Iterator[str]:
    """Serve ``benchmarks/<page>.py`` over a workspace; its address.

    Args:
        page: name of the file.
        workspace: told to the page as PLAIN_WORKSPACE.
        given: what else its environment has.
    """
    port = free_port()
    command = [sys.executable, "-m", "streamlit", "run", f"benchmarks/{page}.py", "--server.port", str(port)]
    command += ["--server.headless", "true", "--server.fileWatcherType", "none"]
    env = os.environ | {"PLAIN_WORKSPACE": str(workspace.root), "PYTHONPATH": str(PROJECT), **given}
    process = subprocess.Popen(command, cwd=PROJECT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
    try:
        Server.wait(port, process)
        yield f"http://localhost:{port}"
    finally:
        process.terminate()
        process.wait(timeout=20)
