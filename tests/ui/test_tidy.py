"""Collections are kept short, and nothing that died stays for good."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest
from streamlit import config

from saerad_core.ui import tidy
from saerad_core.ui.tidy import NowAndThen, Tidy, keep_tidy


class Ring:
    def __init__(self) -> None:
        self.itself = self


class Clock:
    """Goes on by ``step`` each time it is read."""

    def __init__(self, step: float = 0.0) -> None:
        self.now, self.step = 0.0, step

    def __call__(self) -> float:
        self.now += self.step
        return self.now


@pytest.fixture
def callbacks() -> Iterator[None]:
    before = list(gc.callbacks)
    gc.unfreeze()
    yield
    gc.callbacks[:] = before
    gc.unfreeze()


@pytest.mark.usefixtures("callbacks")
def test_a_long_collection_sets_aside_what_survives_it() -> None:
    gc.callbacks[:] = [Tidy(Clock(tidy.LONG), Clock())]
    kept, ring = Ring(), Ring()
    gone = weakref.ref(ring)
    del ring
    gc.collect()
    assert gone() is None, "what is set aside has been looked through first"
    assert gc.get_freeze_count() > 1_000
    assert not any(one is kept for one in gc.get_objects()), "the next collection doesn't look at it"


@pytest.mark.usefixtures("callbacks")
def test_a_short_collection_and_those_of_the_young_set_nothing_aside() -> None:
    gc.callbacks[:] = [Tidy(Clock(tidy.LONG / 10), Clock())]
    gc.collect()
    assert gc.get_freeze_count() == 0
    gc.callbacks[:] = [Tidy(Clock(tidy.LONG), Clock())]
    gc.collect(0)
    gc.collect(1)
    assert gc.get_freeze_count() == 0


@pytest.mark.usefixtures("callbacks")
def test_what_dies_after_it_was_set_aside_is_freed_when_all_is_looked_through_again() -> None:
    clock = Clock()
    gc.callbacks[:] = [Tidy(Clock(tidy.LONG), clock)]
    ring = Ring()
    gone = weakref.ref(ring)
    gc.collect()
    del ring
    gc.collect()
    assert gone() is not None
    clock.now += tidy.AGAIN
    gc.collect()
    assert gone() is None


@pytest.mark.usefixtures("callbacks")
def test_once_a_process() -> None:
    keep_tidy()
    keep_tidy()
    assert sum(isinstance(one, Tidy) for one in gc.callbacks) == 1


def test_after_pages_at_most_once_a_second() -> None:
    clock = Clock()
    now_and_then = NowAndThen(clock)
    ring = Ring()
    gone = weakref.ref(ring)
    del ring
    assert now_and_then.collect() and gone() is None
    clock.now = tidy.EVERY / 2
    ring = Ring()
    gone = weakref.ref(ring)
    del ring
    assert not now_and_then.collect()
    clock.now = tidy.EVERY
    assert now_and_then.collect() and gone() is None


def test_streamlit_itself_does_not_collect_after_each_page() -> None:
    assert config.get_option("runner.postScriptGC") is False
