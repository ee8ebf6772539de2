from __future__ import annotations

import asyncio

import pytest

from saerad_core.llm.waiting import waited_for


async def answering(after: float) -> str:
    await asyncio.sleep(after)
    if after > 0.01:
        raise TimeoutError("too late")
    return "answer"


def test_it_is_waited_for_with_and_without_a_running_loop():
    async def in_a_notebook() -> str:
        return waited_for(answering(0.0))

    assert waited_for(answering(0.0)) == asyncio.run(in_a_notebook()) == "answer"


def test_its_errors_are_raised_in_either():
    async def in_a_notebook() -> str:
        return waited_for(answering(0.02))

    with pytest.raises(TimeoutError, match="too late"):
        waited_for(answering(0.02))
    with pytest.raises(TimeoutError, match="too late"):
        asyncio.run(in_a_notebook())
