"""Pages are made one after the other, in the order in which they were asked for, instead of all at once and all late.

Python runs on one core. Where ten pages are made at once, each is ready when nearly all are; one after the other, half of the time
goes by before a page is there. A page that takes long keeps its turn for a moment only: those behind it go on beside it.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

AT_ONCE = 1
"""Pages that are made at the same time."""
LONGEST = 0.5
"""Seconds after which a page no longer counts as being made: whoever waits for it goes on. No page waits longer than so long for each
page before it, whatever that page does."""


class Turns:
    """Who comes first is let in first. Any number of threads may ask; a thread that has a turn must not ask for another."""

    def __init__(
        self, at_once: int = AT_ONCE, longest: float = LONGEST, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._at_once, self._longest, self._clock = at_once, longest, clock
        self._lock = threading.Lock()
        self._waiting: deque[_Place] = deque()
        self._inside: list[_Place] = []
        """In the order in which they were let in."""
        self.asked = 0
        """Turns that were asked for."""

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for one's turn, and give it back however the body ends."""
        place = _Place()
        with self._lock:
            self.asked += 1
            self._waiting.append(place)
            self._let_in()
            before = len(self._waiting)
        try:
            # Who goes lets the next one in. Only where somebody doesn't go in time has the next to see to it, and nobody sooner.
            while not place.opened.acquire(timeout=self._longest * max(before, 1)):
                before = 1
                with self._lock:
                    self._let_in()
            yield
        finally:
            with self._lock:
                if place in self._inside:
                    self._inside.remove(place)
                if place in self._waiting:
                    self._waiting.remove(place)
                self._let_in()

    def _let_in(self) -> None:
        """The first in the row, while there is room. The lock is held."""
        now = self._clock()
        self._inside = [one for one in self._inside if now - one.since < self._longest]
        while self._waiting and len(self._inside) < self._at_once:
            first = self._waiting.popleft()
            first.since = now
            self._inside.append(first)
            first.opened.release()


class _Place:
    """In the row of those who wait."""

    def __init__(self) -> None:
        self.since = 0.0
        self.opened = threading.Lock()
        """Held until it is let in."""
        self.opened.acquire()


turns = Turns()
"""Of this process."""
