"""Waiting for a model from code that isn't asynchronous."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

Answer = TypeVar("Answer")


def waited_for(asking: Coroutine[Any, Any, Answer]) -> Answer:
    """What a coroutine returns; its errors are raised.

    Where the thread runs an event loop already, as in a notebook, another thread runs the coroutine: ``asyncio.run`` refuses there.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(asking)
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, asking).result()
