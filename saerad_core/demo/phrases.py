"""Phrases of report text, for training the encoder against text. No label and no parser of findings is used here."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, CountVectorizer

from saerad_core.demo.study import ReportText

_SENTENCE = re.compile(r"(?<=[.;:\n])\s+")
_HEADING = re.compile(r"\b[A-Za-z][A-Za-z ]{0,30}:")
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
    content: bool = False
    """Leave out headings and phrases that begin or end with a function word: most of them tell house style."""


def affirmed(report: ReportText, headings: bool = True) -> str:
    """Findings and impression without the sentences that say that something isn't there."""
    text = f"{report.findings} {report.impression}"
    if not headings:
        text = _HEADING.sub(" ", text)
    return " ".join(s for s in _SENTENCE.split(text) if not _SAYS_NO.search(s)).lower()


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
        max_features=None if settings.content else settings.most,
        token_pattern=r"(?u)\b[a-z]{2,}\b",
    )
    matrix = vectorizer.fit_transform(affirmed(report, not settings.content) for report in reports)
    found = matrix.toarray().astype(bool)  # type: ignore[union-attr] - the stub leaves out that it is sparse
    names = np.array(vectorizer.get_feature_names_out())
    if settings.content:
        telling = np.array([not {name.split()[0], name.split()[-1]} & ENGLISH_STOP_WORDS for name in names])
        # Commonest first, and of phrases that always occur together only one.
        order = np.argsort(-found[:, telling].sum(0), kind="stable")
        found, names = found[:, telling][:, order], names[telling][order]
        _, first = np.unique(np.packbits(found, axis=0), axis=1, return_index=True)
        first = np.sort(first)[: settings.most]
        found, names = found[:, first], names[first]
    return found, [str(name) for name in names]
