"""Letters that a text must hold for a pattern to match it, read off the pattern itself.

Whether a sentence holds some letters takes Python a fiftieth of the time of trying a pattern on it; of the hundred and more patterns
that name findings, a sentence holds the letters of two or three.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from re import _constants as op  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import Any

SHORTEST = 3
"""Letters; fewer are in nearly every sentence."""


def needles(pattern: str) -> tuple[str, ...]:
    """Pieces of text of which every match holds at least one; () where that can't be said.

    Case counts, as it does in the pattern: for patterns that ignore case there are none.
    """
    found = _of(_parser.parse(pattern)) if not re.compile(pattern).flags & re.IGNORECASE else None
    return tuple(sorted(found)) if found else ()


def _of(items: Iterable[tuple[Any, Any]]) -> frozenset[str] | None:
    """The best piece of a row of items that all have to match: the one whose shortest needle is longest."""
    found: list[frozenset[str]] = []
    run = ""
    for kind, what in items:
        if kind is op.LITERAL:
            run += chr(what)
            continue
        # What matches no letter doesn't part letters; anything else does.
        if kind is op.AT or kind in (op.ASSERT, op.ASSERT_NOT):
            continue
        found, run = _with(found, run), ""
        inner = None
        if kind is op.SUBPATTERN:
            inner = _of(what[3])
        elif kind is op.BRANCH:
            branches = [_of(one) for one in what[1]]
            inner = frozenset().union(*branches) if all(branches) else None  # type: ignore[arg-type]
        elif kind in (op.MAX_REPEAT, op.MIN_REPEAT) and what[0] > 0:
            inner = _of(what[2])
        if inner:
            found.append(inner)
    found = _with(found, run)
    return max(found, key=lambda some: (min(map(len, some)), -len(some)), default=None)


def _with(found: list[frozenset[str]], run: str) -> list[frozenset[str]]:
    return [*found, frozenset({run})] if len(run) >= SHORTEST else found
