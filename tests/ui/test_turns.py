"""One page after the other, first come first, and nobody waits for ever."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from saerad_core.ui.turns import Turns

PATIENCE = 30.0


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Page:
    """A page that is made in a thread until ``end`` says that it is done."""

    def __init__(self, turns: Turns, fails: bool = False) -> None:
        self.began, self._ends = threading.Event(), threading.Event()
        self._turns, self._fails = turns, fails
        self._thread = threading.Thread(target=self._made, daemon=True)
        self._thread.start()

    def _made(self) -> None:
        try:
            with self._turns.turn():
                self.began.set()
                self._ends.wait(PATIENCE)
                if self._fails:
                    raise KeyError
        except KeyError:
            pass

    def end(self) -> None:
        self._ends.set()
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()


def until(true: Callable[[], bool]) -> None:
    for _ in range(int(PATIENCE / 0.005)):
        if true():
            return
        threading.Event().wait(0.005)
    raise AssertionError


def in_row(turns: Turns, n: int) -> list[Page]:
    """Pages that were asked for one after the other."""
    pages = []
    for _ in range(n):
        before = turns.asked
        pages.append(Page(turns))
        until(lambda before=before: turns.asked > before)
    return pages


@pytest.mark.parametrize("at_once", [1, 2])
def test_pages_are_made_in_the_order_in_which_they_were_asked_for(at_once: int) -> None:
    pages = in_row(Turns(at_once, clock=Clock()), 6)
    for i, page in enumerate(pages):
        assert page.began.wait(PATIENCE)
        assert not any(later.began.is_set() for later in pages[i + at_once :])
        page.end()


def test_a_page_that_fails_gives_its_turn_back() -> None:
    turns = Turns(clock=Clock())
    failing = Page(turns, fails=True)
    assert failing.began.wait(PATIENCE)
    (after,) = in_row(turns, 1)
    failing.end()
    assert after.began.wait(PATIENCE)
    after.end()


def test_a_page_that_takes_long_is_not_waited_for() -> None:
    clock = Clock()
    turns = Turns(longest=0.02, clock=clock)
    long, second, third = in_row(turns, 3)
    assert long.began.wait(PATIENCE) and not second.began.is_set()
    clock.now = 0.02
    assert second.began.wait(PATIENCE)
    assert not third.began.is_set(), "the second's own turn counts"
    long.end()
    assert not third.began.wait(0.05), "an end that nobody waits for lets nobody in"
    second.end()
    assert third.began.wait(PATIENCE)
    third.end()
