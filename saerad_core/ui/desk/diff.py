"""Two texts as one, with what went and what came."""

from __future__ import annotations

from html import escape

from saerad_core.store.curation import changed_words


def word_diff(before: str, after: str, none: str = "") -> str:
    """HTML of ``after`` with the words that came and those of ``before`` that went; ``none`` stands for an empty text."""
    if not before or not after:
        return escape(after or none)
    tags = {"same": "span", "removed": "del", "added": "ins"}
    return " ".join(f"<{tags[what]}>{escape(words)}</{tags[what]}>" for what, words in changed_words(before, after))
