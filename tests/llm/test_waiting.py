from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from saerad_core.llm.waiting import waited_for


def within_a_loop(asking: Coroutine[Any, Any, str]) -> str:
    # In a thread of its own: a browser test before this one may have left a loop running in the tests' thread.
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, asking).result()


async def answering(after: float) -> str:
    await asyncio.sleep(after)
    if after > 0.01:
        raise TimeoutError("too late")
    return "answer"


def test_it_is_waited_for_with_and_without_a_running_loop():
    async def in_a_notebook() -> str:
        return waited_for(answering(0.0))

    assert waited_for(answering(0.0)) == within_a_loop(in_a_notebook()) == "answer"


def test_its_errors_are_raised_in_either():
    async def in_a_notebook() -> str:
        return waited_for(answering(0.02))

    with pytest.raises(TimeoutError, match="too late"):
        waited_for(answering(0.02))
    with pytest.raises(TimeoutError, match="too late"):
        within_a_loop(in_a_notebook())
