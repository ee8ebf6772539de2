"""Phrases of report text, for training the encoder against text. No label and no parser of findings is used here."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer

from saerad_core.demo.study import ReportText

_SENTENCE = re.compile(r"(?<=[.;:\n])\s+")
_SAYS_NO = re.compile(
    r"\b(no|not|without|nor|negative|free|clear|normal|unremarkable|resolved|absent|within|intact|sharp)\b", re.I
)


@dataclass
class PhraseSettings:
    """Which phrases count."""

    longest: int = 3
    """Words in the longest phrase."""
    min_share: float = 0.002
    """Phrases in fewer reports than this are left out."""
    max_share: float = 0.5
    """Phrases in more reports than this are left out: they tell style, not images."""
    most: int = 1500
    """At most so many phrases, the commonest first."""


def affirmed(report: ReportText) -> str:
    """Findings and impression without the sentences that say that something isn't there."""
    sentences = _SENTENCE.split(f"{report.findings} {report.impression}")
    return " ".join(s for s in sentences if not _SAYS_NO.search(s)).lower()


def phrase_matrix(reports: list[ReportText], settings: PhraseSettings) -> tuple[np.ndarray, list[str]]:
    """Which phrases each report affirms.

    Returns:
        bool [N, W] and the W phrases.
    """
    vectorizer = CountVectorizer(
        ngram_range=(1, settings.longest),
        binary=True,
        min_df=settings.min_share,  # type: ignore[arg-type] - a share is documented, only the stub says int
        max_df=settings.max_share,
        max_features=settings.most,
        token_pattern=r"(?u)\b[a-z]{2,}\b",
    )
    matrix = vectorizer.fit_transform(affirmed(report) for report in reports)
    found = matrix.toarray().astype(bool)  # type: ignore[union-attr] - the stub leaves out that it is sparse
    return found, list(vectorizer.get_feature_names_out())
