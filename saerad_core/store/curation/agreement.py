"""How far readers who read the same features on their own agree, field by field."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

from saerad_core.store.curation.events import FIELDS, Fields
from saerad_core.store.curation.state import FeatureState, Reading, latest_readings, reading_value

COMPARED = ("verdict", *FIELDS)
"""What readings are compared in. Free text isn't: two wordings of one thing would count as two things."""


class Pair(NamedTuple):
    """Two readers on one field."""

    first: str
    second: str
    n: int
    """Features that both read."""
    kappa: float | None
    """Cohen's kappa; None where both used one and the same value throughout, so that chance alone explains it."""


@dataclass(frozen=True)
class Agreement:
    """All readers on one field."""

    field: str
    features: int
    """Features that at least two read."""
    readers: int
    same: float | None
    """Share of pairs of readings of one feature that say the same; None without any."""
    alpha: float | None
    """Krippendorff's alpha for nominal data; None where it isn't defined (fewer than two readings, or one value throughout)."""
    pairs: tuple[Pair, ...]


def agreement(states: Iterable[FeatureState], *, blind_only: bool = True) -> list[Agreement]:
    """Agreement in each of COMPARED, over each reader's latest reading of a feature.

    Args:
        states: of all features, such as Snapshot.all().values().
        blind_only: leave out readings that were written after others' words were shown.
    """
    units = [
        latest_readings(one for one in state.readings if one.blind or not blind_only) for state in states if state.readings
    ]  # fmt: skip
    return [_agreement(name, units) for name in COMPARED]


def _agreement(name: str, units: Sequence[Sequence[Reading]]) -> Agreement:
    said = [{one.author: str(value) for one in unit if (value := _said(one, name)) is not None} for unit in units]
    said = [unit for unit in said if len(unit) > 1]
    readers = sorted({author for unit in said for author in unit})
    pairs = []
    for first, second in combinations(readers, 2):
        both = [(unit[first], unit[second]) for unit in said if first in unit and second in unit]
        if both:
            pairs.append(Pair(first, second, len(both), cohen_kappa(both)))
    matches = [a == b for unit in said for a, b in combinations(unit.values(), 2)]
    same = sum(matches) / len(matches) if matches else None
    return Agreement(name, len(said), len(readers), same, krippendorff_alpha(said), tuple(pairs))


def _said(reading: Reading, name: str) -> object | None:
    """None where the reader said nothing: no verdict, or no field at all. A field left empty among others says that there is none."""
    if name == "verdict":
        return reading.verdict or None
    return None if reading.fields == Fields() else reading_value(reading, name)


def cohen_kappa(pairs: Sequence[tuple[str, str]]) -> float | None:
    """Cohen's kappa (1960) of two readers, given their values for each unit; None where it isn't defined."""
    if len({value for pair in pairs for value in pair}) < 2:
        return None
    from sklearn.metrics import cohen_kappa_score  # a second that nobody else need wait for

    first, second = zip(*pairs, strict=True)
    return float(cohen_kappa_score(first, second))


def krippendorff_alpha(units: Sequence[Mapping[str, str]]) -> float | None:
    """Krippendorff's alpha for nominal data, any number of readers, readings may be missing.

    Computed from the coincidence matrix as in Krippendorff, Computing Krippendorff's Alpha-Reliability (2011), section C.
    The packages that have it are under the GPL or take no missing readings.

    Args:
        units: for each feature reader -> value; those with one reading don't count.

    Returns:
        1 for agreement throughout, 0 for chance, below 0 for less; None where fewer than two values were used.
    """
    seen: Counter[str] = Counter()
    differing = 0.0
    for unit in units:
        values = Counter(unit.values())
        m = sum(values.values())
        if m < 2:
            continue
        seen.update(values)
        differing += sum(count * (m - count) for count in values.values()) / (m - 1)
    n = sum(seen.values())
    by_chance = sum(count * (n - count) for count in seen.values())
    return 1 - (n - 1) * differing / by_chance if by_chance else None
