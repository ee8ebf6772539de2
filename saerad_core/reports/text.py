"""The sentences of reports, in the vocabulary's own wording."""

from __future__ import annotations

from saerad_core.descriptions.realise import (
    IMPORTANCE,
    NOTHING_FOUND,
    impression,
    phrase,
    realise,
    realise_negatives,
    realise_pair,
)
from saerad_core.descriptions.statements import facts_of
from saerad_core.vocabulary import Statement


class Wording:
    """How statements are put into words; a language model could stand here."""

    def phrase(self, statement: Statement) -> str:
        """As it reads within a sentence."""
        return phrase(statement)

    def finding(self, statements: tuple[Statement, ...]) -> str:
        """A sentence of one statement, or of both sides of one finding."""
        return realise(statements[0]) if len(statements) == 1 else realise_pair(*statements)

    def absences(self, findings: list[str]) -> list[list[str]]:
        """Absent findings in groups that one sentence can deny."""
        groups: list[list[str]] = []
        for finding in findings:
            # realise_negatives writes one sentence a region of the chest.
            group = next((g for g in groups if realise_negatives([*g, finding]).count(".") == 1), None)
            if group is None:
                groups.append([finding])
            else:
                group.append(finding)
        return groups

    def absent(self, findings: list[str]) -> str:
        """A sentence that denies such a group."""
        return realise_negatives(findings)

    def nothing(self) -> str:
        """That no finding is supported."""
        return "The active features support no finding."

    def nothing_impression(self) -> str:
        """The same for the impression, or where only minor findings are supported."""
        return NOTHING_FOUND

    def not_excluded(self, beside: bool) -> str:
        """Where no finding is supported, ``beside`` minor ones that are, but having none isn't likely either."""
        none = "No other finding" if beside else "No finding"
        return f"{none} is supported by the active features; this does not exclude one."

    def impression(self, statements: tuple[Statement, ...]) -> str:
        """A line of the impression."""
        return " ".join(line for line in impression(list(statements)) if line != NOTHING_FOUND)

    def change(self, kind: str, statement: Statement) -> str:
        """A sentence on what changed since a prior X-ray."""
        words = phrase(statement)
        if kind == "gone":
            many = statement.finding in ("multiple_nodules", "sternal_wires")
            return f"The {words} of the prior X-ray {'are' if many else 'is'} no longer seen."
        hedged = words if statement.certainty == "certain" else f"{statement.certainty} {words}"
        since = "new since the prior X-ray" if kind == "new" else "as on the prior X-ray"
        return f"{hedged[:1].upper()}{hedged[1:]}, {since}."

    def is_minor(self, finding: str) -> bool:
        """Whether an impression mentions the finding only where there is little else."""
        return impression([Statement(finding)])[0] == NOTHING_FOUND

    def importance(self, finding: str) -> int:
        """Place in the order of an impression, the most important first."""
        return IMPORTANCE.index(finding)

    def findings_in(self, text: str) -> set[str]:
        """Findings that a text states as present."""
        return {statement.finding for statement in facts_of(text).values() if statement.present}
