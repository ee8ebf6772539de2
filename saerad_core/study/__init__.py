"""A blinded reader study: reports of test X-rays, their sentences marked by readers who don't know who wrote them."""

from saerad_core.study.design import Design, Item, Shown, draw
from saerad_core.study.journal import MARKS, Marked, StudyJournal
from saerad_core.study.sources import SOURCES
from saerad_core.study.statistics import latest, statistics

__all__ = ["MARKS", "SOURCES", "Design", "Item", "Marked", "Shown", "StudyJournal", "draw", "latest", "statistics"]
