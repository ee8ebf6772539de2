"""Phrases that reports of firing X-rays use and matched others don't: what a person sees beside a description."""

from __future__ import annotations

import re

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer

from saerad_core.descriptions.comparison import strip_comparisons
from saerad_core.descriptions.matching import count, tail, z_of
from saerad_core.descriptions.matrices import Csr

_SENTENCE = re.compile(r"(?<=[.;:\n])\s+")
_DENIES = re.compile(
    r"\b(no|not|without|nor|negative|free|clear|normal|unremarkable|resolved|absent|within|intact|sharp)\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"[a-z]{2,}")
_FUNCTION = frozenset((
    "a", "an", "and", "are", "at", "be", "been", "by", "for", "from", "has", "have", "in", "is", "it", "of", "on",
    "or", "than", "that", "the", "there", "this", "to", "was", "with",
))  # fmt: skip
LONGEST = 3
"""Words in the longest phrase."""
FEWEST = 5
"""Reports that a phrase must be in."""
MOST = 1_500
"""Phrases compared, the commonest first."""
BAR = 2.58
"""Smallest z of a phrase that is shown (one-sided 0.5%); phrases illustrate a description and found none."""
BLOCK = 1_024


def phrases_of(text: str) -> list[str]:
    """Runs of up to LONGEST words within the sentences that don't say that something is absent or normal.

    A run neither begins nor ends with a function word. What compares with an earlier study is left out.
    """
    found = []
    for sentence in _SENTENCE.split(strip_comparisons(text)):
        if _DENIES.search(sentence):
            continue
        words = _WORD.findall(sentence.lower())
        for first in range(len(words)):
            for last in range(first, min(first + LONGEST, len(words))):
                if words[first] not in _FUNCTION and words[last] not in _FUNCTION:
                    found.append(" ".join(words[first : last + 1]))
    return found


def enriched_terms(
    active: Csr,
    features: np.ndarray,
    texts: list[str],
    patients: np.ndarray,
    stratum: np.ndarray,
    most: int = 5,
) -> list[list[str]]:
    """Up to ``most`` phrases of each feature, the most enriched first; none within another.

    Args:
        active: [N, m] over the training split.
        features: the features wanted, [F].
        texts: N report texts.
        patients: patient number of each X-ray, [N].
        stratum: stratum number of each X-ray, [N].
    """
    vectorizer = CountVectorizer(
        analyzer=phrases_of,  # type: ignore[arg-type] - a function is allowed
        binary=True,
        min_df=FEWEST,
        max_features=MOST,
    )
    if not len(features):
        return []
    try:
        phrases: Csr = vectorizer.fit_transform(texts)
    except ValueError:  # scikit-learn's way to say that no phrase is common enough
        return [[] for _ in features]
    names = vectorizer.get_feature_names_out()
    found = []
    for start in range(0, len(features), BLOCK):
        counts = count(active[:, features[start : start + BLOCK]], phrases, patients, stratum)
        z = z_of(tail(counts))
        z[counts.firing_with < 3] = 0
        found += [_distinct(row, names, most) for row in z]
    return found


def _distinct(z: np.ndarray, names: np.ndarray, most: int) -> list[str]:
    kept: list[str] = []
    for index in np.argsort(-z, kind="stable")[: 8 * most]:
        name = str(names[index])
        if z[index] < BAR or len(kept) == most:
            break
        words = f" {name} "
        if not any(words in f" {other} " or f" {other} " in words for other in kept):
            kept.append(name)
    return kept
