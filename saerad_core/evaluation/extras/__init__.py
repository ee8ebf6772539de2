"""Metrics of other programs, run only when asked for by name. One more is a file here and a line in EXTRAS."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from saerad_core.evaluation.extras.with_radeval import radeval
from saerad_core.evaluation.measures import Told

EXTRAS: dict[str, Callable[[Mapping[str, Told]], dict[str, Any]]] = {"radeval": radeval}
"""Name -> figures of each way of reporting, and in one sentence each what couldn't be had."""
