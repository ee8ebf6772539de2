"""Word overlap with the X-ray's own report: BLEU by sacrebleu, ROUGE-L by rapidfuzz's LCS, METEOR by NLTK.

All three compare lower-case words. They reward a house style as much as a finding: docs/evaluation.md says what they are worth.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache

import numpy as np
from rapidfuzz.distance import LCSseq

from saerad_core.evaluation.measures.base import Counts, Figure, Measure, Told, ratio

_WORD = re.compile(r"[a-z0-9]+")


@lru_cache(maxsize=100_000)
def words(text: str) -> tuple[str, ...]:
    """Lower-case letters and digits, as rouge-score splits them."""
    return tuple(_WORD.findall(text.lower()))


ORDER = 4
"""Words of BLEU's longest n-grams."""


@lru_cache(maxsize=100_000)
def _bleu_statistics(text: str, reference: str) -> tuple[tuple[int, ...], tuple[int, ...], int, int]:
    """Matches and n-grams of each order, and both lengths, by sacrebleu (tokens 13a, lower case)."""
    found = _bleu().sentence_score(text, [reference])
    return tuple(found.counts), tuple(found.totals), found.sys_len, found.ref_len


@cache
def _bleu():  # noqa: ANN202 - loaded when first asked for
    from sacrebleu.metrics.bleu import BLEU

    return BLEU(lowercase=True, max_ngram_order=ORDER, effective_order=True)


def bleu_counts(order: int) -> Counts:
    """Matches and n-grams of 1 to ``order`` words, and both lengths: [N, 2 order + 2]; zeros where there is no reference."""

    def counts(told: Told) -> np.ndarray:
        rows = np.zeros((len(told.texts), 2 * order + 2))
        for row, (text, reference) in enumerate(zip(told.texts, told.references, strict=True)):
            if reference:
                right, total, said, wanted = _bleu_statistics(text, reference)
                rows[row] = [*right[:order], *total[:order], said, wanted]
        return rows

    return counts


def bleu_figure(sums: np.ndarray) -> np.ndarray:
    """Corpus BLEU of summed counts, 0 to 1, without smoothing (Papineni et al., 2002)."""
    order = (len(sums) - 2) // 2
    right, total, (said, wanted) = sums[:order], sums[order : 2 * order], sums[2 * order :]
    with np.errstate(invalid="ignore", divide="ignore"):
        precision = np.exp(np.log(right / total).mean(axis=0))
        brevity = np.exp(np.minimum(0.0, 1 - wanted / said))
        found = precision * brevity
    return np.where(wanted > 0, np.nan_to_num(found), np.nan)


def _rouge(told: Told) -> np.ndarray:
    rows = np.zeros((len(told.texts), 2))
    for row, (text, reference) in enumerate(zip(told.texts, told.references, strict=True)):
        if reference:
            rows[row] = rouge_l(text, reference), 1
    return rows


def rouge_l(text: str, reference: str) -> float:
    """F1 of the longest common subsequence of words (Lin, 2004, with beta 1; as rouge-score without stemming)."""
    said, true = words(text), words(reference)
    common = LCSseq.similarity(said, true)
    return 2 * common / (len(said) + len(true)) if common else 0.0


class _NoSynonyms:
    """Stands where NLTK wants WordNet, whose data would have to be downloaded: no word has a synonym."""

    def synsets(self, word: str) -> list:
        return []


class _Stemmer:
    """Porter's stems; reports repeat their words, so they are kept."""

    def __init__(self) -> None:
        from nltk.stem.porter import PorterStemmer

        self.stem = lru_cache(maxsize=20_000)(PorterStemmer().stem)


@cache
def _stemmer() -> _Stemmer:
    return _Stemmer()


@lru_cache(maxsize=100_000)
def meteor(text: str, reference: str) -> float:
    """METEOR of exact and stemmed matches (Banerjee and Lavie, 2005), without the stage of WordNet's synonyms."""
    from nltk.translate.meteor_score import single_meteor_score

    said, true = words(text), words(reference)
    if not said or not true:
        return 0.0
    return float(single_meteor_score(true, said, stemmer=_stemmer(), wordnet=_NoSynonyms()))  # type: ignore[arg-type]


def _meteor(told: Told) -> np.ndarray:
    rows = np.zeros((len(told.texts), 2))
    for row, (text, reference) in enumerate(zip(told.texts, told.references, strict=True)):
        if reference:
            rows[row] = meteor(text, reference), 1
    return rows


_BLEU: Figure = bleu_figure
MEASURES: dict[str, Measure] = {
    "bleu1": Measure("BLEU-1", "Corpus BLEU of single words, with brevity penalty.", bleu_counts(1), _BLEU, needs="reference"),
    "bleu4": Measure("BLEU-4", "Corpus BLEU of up to four words, with brevity penalty.", bleu_counts(4), _BLEU, needs="reference"),
    "rouge_l": Measure("ROUGE-L", "F1 of the longest common subsequence of words, mean over X-rays.", _rouge, ratio, needs="reference"),
    "meteor": Measure(
        "METEOR, no synonyms",
        "Exact and stemmed word matches, mean over X-rays; without WordNet's synonyms, so a little under published METEOR.",
        _meteor,
        ratio,
        needs="reference",
    ),
}  # fmt: skip
