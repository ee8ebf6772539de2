"""Memory is looked through for unused objects, but neither all of it nor after each page.

With a workspace of 49,152 features open, millions of objects live as long as the server, and looking through them took two
thirds of a page's processor time. What is alive after such a collection is set aside (gc.freeze), so that the next ones look only
at what has come since. Now and then all is looked through again, so that what has died among it is freed as well. Streamlit would
collect after each run (runner.postScriptGC, off in .streamlit/config.toml); once a second does as well where many read at once.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

LONG = 0.005
"""Seconds of processor time of one collection, from which what survived it is set aside."""
AGAIN = 120.0
"""Seconds after which a collection looks through everything again: for so long, unused rings of objects may stay in memory."""


EVERY = 1.0
"""Seconds at least between two collections after pages."""


class Tidy:
    """A callback for gc.callbacks."""

    def __init__(
        self, spent: Callable[[], float] = time.thread_time, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._spent, self._clock = spent, clock
        self._began = 0.0
        self._whole = clock()

    def __call__(self, phase: str, info: dict[str, int]) -> None:
        if info["generation"] < 2:
            return
        if phase == "start":
            if self._clock() - self._whole >= AGAIN:
                self._whole = self._clock()
                gc.unfreeze()
            self._began = self._spent()
        elif self._spent() - self._began >= LONG:
            gc.freeze()


def keep_tidy() -> None:
    """Once a process; a second call does nothing."""
    if not any(isinstance(one, Tidy) for one in gc.callbacks):
        gc.callbacks.append(Tidy())


class NowAndThen:
    """Collects, unless it has just been done."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last = -EVERY

    def collect(self) -> bool:
        """After a page; whether it was done."""
        now = self._clock()
        if now - self._last < EVERY:
            return False
        self._last = now
        gc.collect()
        return True


after_pages = NowAndThen()
"""Of this process."""
