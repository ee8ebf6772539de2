"""How long work says where it is: stage, share done, estimate. Readable by another process."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol, TypeVar

T = TypeVar("T")


@dataclass
class State:
    """One reading of a running job."""

    stage: str = ""
    """Name of the running stage, as a person reads it."""
    stage_number: int = 0
    stages: int = 0
    done: int = 0
    """Items of this stage that are done."""
    total: int = 0
    """Items of this stage; 0 where it can't be counted."""
    seconds_left: float | None = None
    """Estimate for this stage from its rate so far; None before there is one."""
    updated: float = 0.0
    """Unix time of the reading, so that a reader can tell a dead job from a slow one."""
    finished: bool = False
    error: str = ""
    pid: int = 0


class Progress(Protocol):
    """What stages report to."""

    def stage(self, name: str, total: int, number: int = 0, of: int = 0) -> None: ...
    def advance(self, n: int = 1) -> None: ...
    def finish(self, error: str = "") -> None: ...


class Silent:
    """Reports to nobody."""

    def stage(self, name: str, total: int, number: int = 0, of: int = 0) -> None:
        pass

    def advance(self, n: int = 1) -> None:
        pass

    def finish(self, error: str = "") -> None:
        pass


class Reporter(Silent):
    """Writes the state to a JSON file (atomically, at most four times a second) and a line to stderr.

    The file is how the app's progress page follows a build that runs in another process.
    """

    def __init__(self, path: Path | None, *, console: bool = True) -> None:
        self.path = path
        self.console = console
        self.state = State(pid=os.getpid())
        self._began = 0.0
        self._written = 0.0

    def stage(self, name: str, total: int, number: int = 0, of: int = 0) -> None:
        self._end_line()
        self.state = State(stage=name, total=total, stage_number=number, stages=of, pid=os.getpid())
        self._began = time.monotonic()
        self._write(force=True)

    def advance(self, n: int = 1) -> None:
        self.state.done += n
        seconds = time.monotonic() - self._began
        if self.state.total and self.state.done:
            self.state.seconds_left = seconds / self.state.done * (self.state.total - self.state.done)
        self._write()

    def finish(self, error: str = "") -> None:
        self.state.finished, self.state.error, self.state.seconds_left = not error, error, None
        self._write(force=True)
        self._end_line()

    def _end_line(self) -> None:
        if self.console and self.state.stage:
            sys.stderr.write("\n")

    def _write(self, *, force: bool = False) -> None:
        now = time.monotonic()
        if not force and now - self._written < 0.25:
            return
        self._written = now
        self.state.updated = time.time()
        if self.path is not None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            part = self.path.with_suffix(".part")
            part.write_text(json.dumps(asdict(self.state)), encoding="utf-8")
            part.replace(self.path)
        if self.console:
            s = self.state
            count = f" {s.done}/{s.total}" if s.total else ""
            left = f", {s.seconds_left:.0f} s left" if s.seconds_left is not None else ""
            which = f"[{s.stage_number}/{s.stages}] " if s.stages else ""
            sys.stderr.write(f"\r{which}{s.stage}{count}{left}".ljust(72))
            sys.stderr.flush()


def read(path: Path) -> State | None:
    """The last state written to ``path``, or None where there is none that can be read."""
    try:
        return State(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def track(items: Iterable[T], progress: Progress) -> Iterator[T]:
    """Yield ``items``, advancing ``progress`` by one after each."""
    for item in items:
        yield item
        progress.advance()
