"""The curator's desk: a queue by value, one feature at a time, everything by keys; nothing is overwritten."""

from collections.abc import Callable
from typing import NamedTuple

from saerad_core.ui.desk.agreement_panel import show_agreement
from saerad_core.ui.desk.bulk_panel import show_bulk
from saerad_core.ui.desk.desk import show_desk
from saerad_core.ui.desk.past_panel import show_past
from saerad_core.ui.desk.pinned_panel import show_pinned
from saerad_core.ui.desk.progress_panel import show_progress
from saerad_core.ui.state import Here


class Part(NamedTuple):
    """One part of the page."""

    name: str
    show: Callable[[Here], None]


PARTS = {
    "desk": Part("Desk", show_desk),
    "many": Part("Many at once", show_bulk),
    "agreement": Part("Agreement", show_agreement),
    "progress": Part("Progress", show_progress),
    "pinned": Part("Pinned", show_pinned),
    "past": Part("Past", show_past),
}
"""Key in the address -> part."""
