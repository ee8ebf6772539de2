"""Measures of generated reports. One more is a function in a module here and an entry in its MEASURES."""

from saerad_core.evaluation.measures import labels, overlap, statements, style, truths
from saerad_core.evaluation.measures.base import Measure, Told

MEASURES: dict[str, Measure] = {
    **truths.MEASURES, **statements.MEASURES, **labels.MEASURES, **overlap.MEASURES, **style.MEASURES
}  # fmt: skip
"""Key in evaluation.json -> measure, in the order of tables."""
__all__ = ["MEASURES", "Measure", "Told"]
