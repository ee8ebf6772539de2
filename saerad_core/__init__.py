"""SAE-Rad: see what a chest X-ray model has learned, and write reports from it that can be checked.

Research software. Not a medical device; never for clinical use.
"""

__version__ = "0.1.0"

NOTICE = "Research use only. Not for clinical decisions."
"""Shown on every page and written into every export."""
