"""What a reader makes of a report's sentences: accepted, edited, rejected. Their words are theirs; the program's sentence stays on record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from saerad_core.reports.report import Report, ReportSentence

VERDICTS = ("accepted", "edited", "rejected")
PARTS = ("findings", "impression", "changes")
LONGEST = 1_000
"""Characters of a reader's sentence."""


class Act(NamedTuple):
    """One verdict of a reader on one sentence; of several on the same one the last counts."""

    part: str
    """findings, impression or changes."""
    text: str
    """The sentence as the program or a language model wrote it."""
    verdict: str
    """One of VERDICTS; "" takes an earlier one back."""
    words: str = ""
    """What the reader writes in its place, where it is edited."""
    reason: str = ""
    """Why it is rejected."""


def reviewed(report: Report, acts: Sequence[Act]) -> Report:
    """The report with the reader's verdicts on its sentences.

    A rejected finding takes its line of the impression with it. What the checker flagged can't be accepted, only edited: the
    words are then the reader's, and no evidence is claimed for them.

    Args:
        report: without verdicts.
        acts: in order of time; those on sentences that aren't there are passed over.
    """
    last = {(act.part, act.text): act for act in acts}
    parts = {part: [_judged(one, last.get((part, one.text))) for one in getattr(report, part)] for part in PARTS}
    gone = {s for one in parts["findings"] if one.verdict == "rejected" for s in one.statements}
    parts["impression"] = [
        replace(one, verdict="rejected", reason="Its finding was rejected.")
        if one.statements and not one.verdict and set(one.statements) <= gone
        else one
        for one in parts["impression"]
    ]
    return replace(report, **parts, acts=tuple(acts))


def _judged(sentence: ReportSentence, act: Act | None) -> ReportSentence:
    if act is None or act.verdict not in VERDICTS or (act.verdict == "accepted" and sentence.flags):
        return sentence
    words = act.words[:LONGEST].strip() if act.verdict == "edited" else ""
    if act.verdict == "edited" and not words:
        return sentence
    return replace(sentence, verdict=act.verdict, words=words, reason=act.reason if act.verdict == "rejected" else "")
