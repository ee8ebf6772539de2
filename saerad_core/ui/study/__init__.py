"""The reader study's page, by part: address.py, reading.py, results.py."""

from saerad_core.ui.study.page import show_study

__all__ = ["show_study"]
