"""X-rays that belong to one session: uploads and X-rays drawn on request. They are gone when the session is.

The browser asks for them under a name that nobody can guess; this module only remembers them as long as the session does.
"""

from __future__ import annotations

import secrets
import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from saerad_core.ui.viewer.values import Values


@dataclass(eq=False)
class Held:
    """One session's X-ray. Whoever makes it keeps it in the session's state and nowhere else."""

    pixels: np.ndarray
    """float32 [H, W] in [0, 1], as the encoder's preprocessing got them: for heatmaps."""
    measure: Callable[[], Values]
    """The real values, decoded when the browser first asks."""
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def __post_init__(self) -> None:
        _held[self.token] = self

    @cached_property
    def _answer(self) -> tuple[Values, bytes]:
        values = self.measure()
        return values, values.body()

    def answer(self) -> tuple[Values, bytes]:
        """Values and their body; raises ImageRefused where the file can't be read."""
        with self._lock:
            return self._answer


_held: weakref.WeakValueDictionary[str, Held] = weakref.WeakValueDictionary()


def held(token: str) -> Held | None:
    """The X-ray of that name, as long as its session lives."""
    return _held.get(token)
