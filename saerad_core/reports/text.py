"""The sentences of reports, from the vocabulary's wording."""

from __future__ import annotations

from saerad_core.descriptions.realise import impression, phrase, realise, realise_negatives, realise_pair
from saerad_core.descriptions.statements import facts_of
from saerad_core.vocabulary import Statement


class Wording:
    """How statements are put into words; a language model could stand here."""

    def phrase(self, statement: Statement) -> str:
        """As it reads within a sentence."""
        return phrase(statement)

    def one(self, statement: Statement) -> str:
        """A sentence of one statement."""
        return realise(statement)

    def pair(self, right: Statement, left: Statement) -> str:
        """A sentence of both sides of a finding."""
        return realise_pair(right, left)

    def negatives(self, statements: tuple[Statement, ...]) -> str:
        """A sentence of several absences."""
        return realise_negatives(list(statements))

    def impression(self, statements: tuple[Statement, ...]) -> str:
        """A line of the impression."""
        return impression(list(statements))

    def nothing(self) -> str:
        """That no finding is supported."""
        return "The active features support no finding."

    def nothing_impression(self) -> str:
        return "No finding supported."

    def findings_in(self, text: str) -> set[str]:
        """Findings that a text states as present."""
        return {statement.finding for statement in facts_of(text).values() if statement.present}
