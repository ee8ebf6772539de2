"""Label F1 over CheXpert's observations, both texts read by the program's own labeller (docs/labeller.md).

The rule is that of the CheXbert F1 as published work computes it: present and uncertain count as positive, absent and not mentioned as
negative; "No Finding" is one of the fourteen. A stricter one beside it counts only present as positive. An observation takes part in a
macro mean where some reference has it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from saerad_core.descriptions.observations import OBSERVATIONS
from saerad_core.evaluation.measures.base import Counts, Figure, Measure, Told, f1_of, observed_in

FIVE = ("Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Pleural Effusion")
"""The five that CheXpert's competition scores."""
LOOSE = frozenset({"present", "uncertain"})
STRICT = frozenset({"present"})


def positives(text: str, positive: frozenset[str], names: Sequence[str]) -> np.ndarray:
    """bool [L]: which observations a text has."""
    found = dict(observed_in(text))
    return np.array([found.get(name, "") in positive for name in names])


def _counted(names: Sequence[str], positive: frozenset[str]) -> Counts:
    def counts(told: Told) -> np.ndarray:
        """Right, wrong and missed of each observation, side by side [N, 3 L]; zeros where there is no reference."""
        rows = np.zeros((len(told.texts), 3, len(names)))
        for row, (text, reference) in enumerate(zip(told.texts, told.references, strict=True)):
            if reference:
                said, true = positives(text, positive, names), positives(reference, positive, names)
                rows[row] = said & true, said & ~true, ~said & true
        return rows.reshape(len(told.texts), -1)

    return counts


def _micro(sums: np.ndarray) -> np.ndarray:
    return f1_of(sums.reshape(3, -1, *sums.shape[1:]).sum(axis=1))


def macro(sums: np.ndarray) -> np.ndarray:
    """Mean over the observations that some reference has."""
    right, wrong, missed = sums.reshape(3, -1, *sums.shape[1:])
    each = np.where(right + missed > 0, 2 * right / np.maximum(2 * right + wrong + missed, 1e-12), np.nan)
    n = (~np.isnan(each)).sum(axis=0)
    return np.where(n > 0, np.nansum(each, axis=0) / np.maximum(n, 1), np.nan)


def _measure(names: Sequence[str], how: str, positive: frozenset[str]) -> Measure:
    figure: Figure = _micro if how == "micro" else macro
    counted = "present or uncertain" if positive == LOOSE else "present"
    return Measure(
        f"label F1, {len(names)}, {how}" + ("" if positive == LOOSE else ", sure ones"),
        f"{how.capitalize()} F1 over {len(names)} CheXpert observations; {counted} counts as positive in either text.",
        _counted(names, positive),
        figure,
        needs="reference",
    )


MEASURES: dict[str, Measure] = {
    f"label{len(names)}_{how}{'' if positive == LOOSE else '_sure'}": _measure(names, how, positive)
    for positive in (LOOSE, STRICT)
    for names in (OBSERVATIONS, FIVE)
    for how in ("micro", "macro")
}
