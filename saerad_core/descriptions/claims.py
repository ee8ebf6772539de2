"""What a description claims, as statements that a report can bear out."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from saerad_core.descriptions.statements import facts_of
from saerad_core.vocabulary import Statement

WITHOUT = "X-rays reported without any finding."
"""Description of a feature that is active where reports state nothing; its finding is empty."""
_EITHER = re.compile(r"\bor\b|/", re.IGNORECASE)
_NORMAL = 6
"""Absences from which words that claim nothing else mean an X-ray without findings ("normal chest")."""


class Claims(NamedTuple):
    """Of one description."""

    statements: tuple[Statement, ...] = ()
    either: bool = False
    """Whether one of the statements will do ("effusion or atelectasis"); else all of them are claimed."""
    nothing: bool = False
    """Whether the claim is that reports state no finding."""

    @property
    def told(self) -> bool:
        """Whether a report can say anything to it."""
        return self.nothing or bool(self.statements)


@lru_cache(maxsize=65_536)
def claims_of(text: str) -> Claims:
    """The claims of a description's words, read as reports are; none where they name no finding of the vocabulary."""
    if text == WITHOUT:
        return Claims(nothing=True)
    statements = tuple(facts_of(text).values())
    if len(statements) >= _NORMAL and not any(one.present for one in statements):
        return Claims(nothing=True)
    # Doubt in a description is about how often it holds, not about what the report must say.
    sure = tuple(dict.fromkeys(one._replace(certainty="certain") for one in statements))
    return Claims(sure, either=len(sure) > 1 and bool(_EITHER.search(text)))
