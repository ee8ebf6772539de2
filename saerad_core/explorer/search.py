"""Search over short texts as one types: all words must fit, by beginning or but for a slip of the pen; ranked by BM25.

BM25 as Lucene counts it (bm25s); slips are insertions, deletions, changes and swaps of letters (rapidfuzz's optimal string
alignment), one in words of four letters and more, two from eight on.
"""

from __future__ import annotations

import re
import threading
from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

_WORD = re.compile(r"\w+")
BEGINNING, SLIP = 0.8, 0.5
"""What a word counts that only begins with the one asked for, or differs by a slip."""
MOST_LIKE = 64
"""Words of the vocabulary that one word of a query may stand for."""


def words_of(text: str) -> list[str]:
    """Lower-case words and numbers."""
    return _WORD.findall(text.lower())


class Found(NamedTuple):
    """Answer to a query."""

    fits: np.ndarray
    """bool [n]: texts that hold every word."""
    score: np.ndarray
    """float32 [n]: BM25 summed over the words, 0 where a text doesn't fit."""


class TextIndex:
    """An index over n texts, made once. Texts that come often, as descriptions do, are indexed once."""

    def __init__(self, texts: Sequence[str]) -> None:
        import bm25s

        different: dict[str, int] = {}
        self._which = np.array([different.setdefault(text, len(different)) for text in texts], dtype=np.int64)
        self._n = len(different)
        split = [words_of(text) for text in different]
        self._vocabulary = sorted({word for words in split for word in words})
        self._number = {word: i for i, word in enumerate(self._vocabulary)}
        self._held = None
        if self._vocabulary:
            ids = [[self._number[word] for word in words] for words in split]
            # Descriptions are sentences: a longer one says it no less.
            index = bm25s.BM25(method="lucene", b=0.0)
            index.index(bm25s.tokenization.Tokenized(ids=ids, vocab=self._number), show_progress=False)
            # Scores of every word and text, by word: a query reads the few columns of its own words.
            self._held = tuple(np.asarray(index.scores[name]) for name in ("indptr", "indices", "data"))

    def find(self, query: str) -> Found:
        """Texts that hold every word of the query; all of them, with score 0, for a query without words."""
        score, fits = np.zeros(self._n, np.float32), np.ones(self._n, dtype=bool)
        for word in words_of(query):
            mine = self._scores(self._like(word))
            fits &= mine > 0
            score += mine
        return Found(fits[self._which], np.where(fits, score, 0)[self._which])

    def alike(self, text: str) -> np.ndarray:
        """float32 [n]: BM25 of every text for the words of ``text``, of which any may be missing."""
        score = np.zeros(self._n, np.float32)
        for word in dict.fromkeys(words_of(text)):
            if word in self._number:
                score += self._scores([(self._number[word], 1.0)])
        return score[self._which]

    def _scores(self, like: list[tuple[int, float]]) -> np.ndarray:
        best = np.zeros(self._n, np.float32)
        if self._held is None:
            return best
        indptr, indices, data = self._held
        for number, weight in like:
            span = slice(int(indptr[number]), int(indptr[number + 1]))
            texts = indices[span]
            # A word in every text has an idf of nearly nothing; it fits all the same.
            best[texts] = np.maximum(best[texts], np.maximum(data[span], 1e-6) * weight)
        return best

    def _like(self, word: str) -> list[tuple[int, float]]:
        """Words of the vocabulary that ``word`` may stand for, and what they count."""
        found = {}
        first = bisect_left(self._vocabulary, word)
        for number in range(first, min(first + MOST_LIKE, len(self._vocabulary))):
            if not self._vocabulary[number].startswith(word):
                break
            found[number] = 1.0 if self._vocabulary[number] == word else BEGINNING
        slips = 2 if len(word) >= 8 else 1 if len(word) >= 4 else 0
        if slips and not found and not word.isdecimal():
            from rapidfuzz import process
            from rapidfuzz.distance import OSA

            near = process.extract(word, self._vocabulary, scorer=OSA.distance, score_cutoff=slips, limit=MOST_LIKE)
            found = {number: SLIP / distance for _, distance, number in near}
        return list(found.items())


class Indexes:
    """Search over descriptions and what goes with them, with readers' few texts laid over the program's many."""

    def __init__(self, said: Sequence[str], extras: Sequence[str]) -> None:
        """Take the texts; the index is made when first asked for, or by ``warm``.

        Args:
            said: what each description says.
            extras: what is said beside it.
        """
        self._said, self._extras = list(said), list(extras)
        self._lock = threading.Lock()
        self._made: tuple[TextIndex, TextIndex] | None = None
        self._over: tuple[np.ndarray, TextIndex, TextIndex] | None = None

    def warm(self) -> None:
        """Make the index."""
        self._both()

    def _both(self) -> tuple[TextIndex, TextIndex]:
        with self._lock:
            if self._made is None:
                self._made = _pair(self._said, self._extras)
            return self._made

    def lay_over(self, places: Sequence[int], said: Sequence[str]) -> None:
        """Texts that count in place of those at ``places``."""
        if not places:
            self._over = None
            return
        self._over = np.array(places, dtype=np.int64), *_pair(said, [self._extras[place] for place in places])

    def find(self, query: str) -> tuple[Found, Found]:
        """In the descriptions themselves, and in everything."""
        found = [index.find(query) for index in self._both()]
        if self._over is not None:
            places, *indexes = self._over
            for mine, index in zip(found, indexes, strict=True):
                mine.fits[places], mine.score[places] = index.find(query)
        return found[0], found[1]

    def alike(self, text: str) -> np.ndarray:
        """float32 [n]: how much each description shares with ``text``."""
        score = self._both()[0].alike(text)
        if self._over is not None:
            places, said, _ = self._over
            score[places] = said.alike(text)
        return score


def _pair(said: Sequence[str], extras: Sequence[str]) -> tuple[TextIndex, TextIndex]:
    return TextIndex(said), TextIndex([f"{one} {other}" for one, other in zip(said, extras, strict=True)])
