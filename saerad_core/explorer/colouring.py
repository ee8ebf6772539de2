"""A column of the features' table as a small code for each feature: what a map colours by."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import numpy as np

MOST_NAMES = 11
"""Different words that get a colour of their own; the rest are "other"."""
STEPS = 254
"""Steps of a number's scale."""
TAIL = 0.005
"""Share of the features at either end of a scale that its ends stand for: one outlier would leave all others one colour."""
LOG_FROM = 50.0
"""A scale whose upper end is this many times its lower one goes by the logarithm."""


class Colouring(NamedTuple):
    """Codes of n features. Code 0 is always: nothing is known."""

    codes: np.ndarray
    """uint8 [n]. Of words: 1 + the place in ``names``; of numbers: 1 to 255 along the scale."""
    names: tuple[tuple[str, int], ...]
    """Words and how many features have each, the most frequent first; empty for numbers."""
    unknown: int
    """Features without a value."""
    lo: float = 0.0
    """Ends of a number's scale; values beyond them have the colour of the end."""
    hi: float = 0.0
    log: bool = False

    @property
    def numeric(self) -> bool:
        return not self.names and self.hi > self.lo


def colour_codes(values: np.ndarray) -> Colouring:
    """Codes for a column of words, of truth values or of numbers; "" and what isn't finite are unknown."""
    if values.dtype == bool:
        return _named(np.where(values, "yes", "no").astype(object))
    if values.dtype.kind in "iuf":
        return _numbered(values.astype(np.float64))
    return _named(np.array(["" if _nothing(one) else str(one) for one in values], dtype=object))


def _nothing(value: object) -> bool:
    return value is None or value != value


def _named(words: np.ndarray) -> Colouring:
    counts = Counter(words.tolist())
    unknown = counts.pop("", 0)
    # Of equally frequent ones the first by name, so that a map keeps its colours.
    order = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    names, rest = order[:MOST_NAMES], order[MOST_NAMES:]
    place = {word: i + 1 for i, (word, _) in enumerate(names)}
    if rest:
        place |= {word: len(names) + 1 for word, _ in rest}
        names.append(("other", sum(n for _, n in rest)))
    codes = np.array([place.get(word, 0) for word in words], dtype=np.uint8)
    return Colouring(codes, tuple(names), unknown)


def _numbered(values: np.ndarray) -> Colouring:
    known = np.isfinite(values)
    codes = np.zeros(len(values), dtype=np.uint8)
    found = values[known]
    unknown = int(len(values) - len(found))
    if not len(found):
        return Colouring(codes, (), unknown)
    lo, hi = (float(one) for one in np.quantile(found, (TAIL, 1 - TAIL)))
    if lo >= hi:
        lo, hi = float(found.min()), float(found.max())
    above = found[found > 0]
    # Counts and shares go down to 0, which a logarithm can't show: those take the lower end.
    log = bool(len(above) and found.min() >= 0 and hi > LOG_FROM * max(lo, float(np.quantile(above, TAIL))))
    if log:
        lo = max(lo, float(np.quantile(above, TAIL)))
        at = np.log(np.clip(found, lo, hi) / lo) / np.log(hi / lo)
    else:
        at = np.clip((found - lo) / (hi - lo), 0, 1) if hi > lo else np.zeros(len(found))
    codes[known] = 1 + np.round(at * STEPS).astype(np.uint8)
    # A column of one value still has a scale: twice its size, or one.
    return Colouring(codes, (), unknown, lo, hi if hi > lo else lo + max(abs(lo), 1.0), log)
