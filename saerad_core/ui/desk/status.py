"""What the states of a feature are called."""

from __future__ import annotations

from saerad_core.ui.components import chip

STATUS_NAMES = {
    "pending": "pending",
    "draft": "draft",
    "accepted": "accepted",
    "rejected": "rejected",
    "second": "needs second reader",
}
_SAYS = {
    "pending": "No reader has judged it; the program's text is only a suggestion.",
    "draft": "A reader's text that nobody has accepted.",
    "accepted": "A reader found that the text fits the X-rays.",
    "rejected": "A reader found that the text doesn't fit the X-rays; reports use the feature no more.",
    "second": "A reader asks for a second one.",
}


def state_chip(status: str) -> str:
    return chip(STATUS_NAMES[status], status, _SAYS[status])
