"""The first start: build the demo in another process, show how far it is, and take up what was interrupted."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from html import escape
from pathlib import Path

import streamlit as st

from saerad_core import progress
from saerad_core.demo.workspace import ROOT as DEMO_ROOT
from saerad_core.errors import WorkspaceError
from saerad_core.ui import state
from saerad_core.ui.components import chips, empty_state, html, literal, simulated_chip
from saerad_core.ui.login import may, why_not
from saerad_core.ui.place import PROJECT, data_folder
from saerad_core.workspace import Workspace


class Builder:
    """Starts the demo's build at most once by itself; after that a person decides."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self._lock = threading.Lock()
        self._process: subprocess.Popen | None = None

    @property
    def begun(self) -> bool:
        """Whether this server has started a build."""
        return self._process is not None

    def start(self) -> None:
        """Start the build in a process of its own, unless one runs already."""
        with self._lock:
            if self.running():
                return
            self.out.mkdir(parents=True, exist_ok=True)
            command = [sys.executable, "-m", "saerad_core", "demo"]
            if self.out != DEMO_ROOT:
                command += ["--out", str(self.out)]
            with (self.out / "build.log").open("ab") as log:
                # A session of its own: the build goes on when the app is stopped.
                self._process = subprocess.Popen(  # noqa: S603 - our own command line
                    command, cwd=PROJECT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
                )

    def running(self) -> bool:
        """Whether a build is at work, be it this server's or another's."""
        if self._process is not None and self._process.poll() is None:
            return True
        reading = self.reading()
        if reading is None or reading.finished or reading.error:
            return False
        if self._process is not None and reading.pid == self._process.pid:
            return False
        return _alive(reading.pid)

    def reading(self) -> progress.State | None:
        return progress.read(self.out / "build.json")

    def unfinished(self) -> bool:
        """Whether there is something left to make."""
        try:
            return "atlas" not in Workspace.open(self.out).manifest.stages
        except WorkspaceError:
            return True


def _alive(pid: int) -> bool:
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@st.cache_resource(show_spinner=False)
def builder() -> Builder:
    """One for the whole server."""
    return Builder(data_folder() / state.DEFAULT)


def possible() -> bool:
    """Whether the demo is wanted when nobody names a workspace: it is begun, or there is nothing else."""
    out = data_folder() / state.DEFAULT
    others = [workspace for workspace in state.browsable() if workspace.root.name != state.DEFAULT]
    return not others or (out / "build.json").exists()


def ensure_demo(asked: str | None, workspaces: Sequence[Workspace]) -> None:
    """Start, or take up again, the demo's build where the demo is what a person is about to see."""
    browsable = any(workspace.root.name == state.DEFAULT for workspace in workspaces)
    wanted = asked == state.DEFAULT or (not asked and (browsable or possible()))
    if wanted and may("manage") and not builder().begun and builder().unfinished():
        builder().start()


def show(asked: str | None) -> None:
    """What a person sees who asked for a workspace that can't be browsed yet."""
    if asked and asked != state.DEFAULT:
        empty_state(
            f"There is no workspace called {asked} here.",
            "It may still be in the making, or its folder was renamed. Build it with `python -m saerad_core build`, "
            "or open this page without ?ws= in the address.",
        )
        return
    html(chips([simulated_chip()]))
    html(
        '<div class="hero">Making the demo</div>'
        '<p class="lead">About two thousand chest X-rays are being drawn by a program, read by a small vision model and taken apart '
        "into features. It needs no network and happens once; features can be browsed as soon as they are described.</p>"
    )
    _follow()


@st.fragment(run_every=1)
def _follow() -> None:
    build = builder()
    if any(workspace.root.name == state.DEFAULT for workspace in state.browsable()):
        st.rerun(scope="app")
    reading = build.reading()
    if not build.running():
        why = (
            reading.error
            if reading is not None and reading.error
            else "It was interrupted; nothing that was done is lost."
        )
        st.warning(literal(f"The build has stopped. {why}"))
        refused = why_not("manage")
        if refused:
            html(f'<div class="warning">{escape(refused)}</div>')
        elif st.button("Resume", type="primary", key="resume"):
            build.start()
            st.rerun(scope="fragment")
        return
    if reading is None or not reading.stages:
        st.progress(0.0, "Starting")
        return
    done = reading.done / reading.total if reading.total else 0.0
    html(
        f'<div class="quiet">Stage {reading.stage_number} of {reading.stages}</div>'
        f'<div style="font-size:1.1rem">{escape(reading.stage)}</div>'
    )
    st.progress(min(done, 1.0), _status(reading))


def _status(reading: progress.State) -> str:
    count = f"{reading.done} of {reading.total}" if reading.total else "working"
    if reading.seconds_left is None:
        return count
    seconds = round(reading.seconds_left)
    left = f"{seconds} s" if seconds < 90 else f"{round(seconds / 60)} min"
    return f"{count} \N{MIDDLE DOT} about {left} left in this stage"
