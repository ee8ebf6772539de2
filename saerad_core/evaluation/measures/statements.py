"""Statement precision and recall after RadFact, with statements read by rules instead of a language model.

Bannur et al., MAIRA-2, 2024 (arXiv 2406.04449): both texts become statements of one finding each; precision is the share of the generated
statements that the reference entails, recall the share of the reference's that the generated text entails. Here a statement is a finding with
side and place, present or absent. A text entails that a finding is present where it states the same or something narrower as present, and that it is
absent where it denies the same or something wider. Certainty and severity are not compared.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from saerad_core.evaluation.measures.base import Measure, Told, f1_of, share_or_zero, statements_of
from saerad_core.vocabulary import Statement


def entails(said: Sequence[Statement], statement: Statement) -> bool:
    """Whether statements say what one statement says."""
    if statement.present:
        return any(s.present and _covers(statement, s) for s in said)
    return any(not s.present and _covers(s, statement) for s in said)


def _covers(wide: Statement, narrow: Statement) -> bool:
    return wide.finding == narrow.finding and wide.side in ("", narrow.side) and wide.place in ("", narrow.place)


def _precision(told: Told) -> np.ndarray:
    rows = np.zeros((len(told.texts), 2))
    for row, (said, reference) in enumerate(zip(told.statements, told.references, strict=True)):
        if reference:
            rows[row] = sum(entails(statements_of(reference), s) for s in said), len(said)
    return rows


def _recall(told: Told) -> np.ndarray:
    rows = np.zeros((len(told.texts), 2))
    for row, (said, reference) in enumerate(zip(told.statements, told.references, strict=True)):
        if reference:
            true = statements_of(reference)
            rows[row] = sum(entails(said, s) for s in true), len(true)
    return rows


def _both(told: Told) -> np.ndarray:
    return np.concatenate([_precision(told), _recall(told)], axis=1)


def harmonic(sums: np.ndarray) -> np.ndarray:
    """F1 of (entailed, stated, entailed of the reference, stated by the reference)."""
    precision, recall = share_or_zero(sums[:2]), share_or_zero(sums[2:])
    return np.where(sums[3] > 0, 2 * precision * recall / np.maximum(precision + recall, 1e-12), np.nan)


def _positive(told: Told) -> np.ndarray:
    """As ``_both``, of findings stated as present only."""
    rows = np.zeros((len(told.texts), 4))
    for row, (some, reference) in enumerate(zip(told.statements, told.references, strict=True)):
        if reference:
            said = [s for s in some if s.present]
            true = [s for s in statements_of(reference) if s.present]
            rows[row] = sum(entails(true, s) for s in said), len(said), sum(entails(said, s) for s in true), len(true)
    return rows


_OVER = "over all statements of the generated texts, absences among them"
MEASURES: dict[str, Measure] = {
    "statement_precision": Measure(
        "statement precision", f"Share of statements that the X-ray's own report entails, {_OVER}.", _precision, share_or_zero, needs="reference"
    ),
    "statement_recall": Measure(
        "statement recall", "Share of the own report's statements that the generated text entails.", _recall, share_or_zero, needs="reference"
    ),
    "statement_f1": Measure(
        "statement F1", "Harmonic mean of statement precision and recall.", _both, harmonic, needs="reference"
    ),
    "positive_f1": Measure(
        "positive F1", "The same F1 of findings stated as present alone.", _positive, harmonic, needs="reference"
    ),
}  # fmt: skip
__all__ = ["MEASURES", "entails", "f1_of", "harmonic"]
