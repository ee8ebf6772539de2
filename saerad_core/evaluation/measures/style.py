"""How long reports are, and whether they speak of a past that nobody showed them."""

from __future__ import annotations

import numpy as np

from saerad_core.descriptions.statements import parse_statements
from saerad_core.evaluation.measures.base import Measure, ratio
from saerad_core.evaluation.measures.overlap import words
from saerad_core.reports.check_words import PRIOR


def _each(values: list[float]) -> np.ndarray:
    return np.stack([np.array(values, dtype=np.float64), np.ones(len(values))], axis=1)


MEASURES: dict[str, Measure] = {
    "invented_prior": Measure(
        "invented prior",
        "Share of reports with a word that compares with an earlier X-ray; none was shown.",
        lambda told: _each([float(bool(PRIOR.search(text.lower()))) for text in told.texts]),
        ratio,
        "lower",
    ),
    "words": Measure(
        "words", "Words of a report, mean.", lambda told: _each([float(len(words(text))) for text in told.texts]), ratio, ""
    ),
    "sentences": Measure(
        "sentences", "Sentences of a report, mean.", lambda told: _each([float(len(parse_statements(text))) for text in told.texts]), ratio, ""
    ),
    "positive_statements": Measure(
        "findings stated", "Facts that a report states as present, mean.", lambda told: _each([float(len(some)) for some in told.stated]), ratio, ""
    ),
}  # fmt: skip
