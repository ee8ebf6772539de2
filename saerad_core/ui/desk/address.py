"""What the address says of the desk: which queue, narrowed how, and where in it. All of it can be shared."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import NamedTuple

import streamlit as st

from saerad_core.explorer import FeatureQuery
from saerad_core.store.curation import Queued, QueueFilter
from saerad_core.store.curation.events import STATUSES
from saerad_core.ui import asked
from saerad_core.ui.state import Here


class Queue(NamedTuple):
    """One way to work through the features."""

    name: str
    says: str
    wanted: QueueFilter
    described: bool | None = None
    """Only features that have a text, or only others."""


QUEUES: dict[str, Queue] = {
    "suggested": Queue(
        "Suggestions",
        "Described by the program and judged by nobody.",
        QueueFilter(statuses=("pending",)),
        described=True,
    ),
    "todo": Queue(
        "To do",
        "Pending, drafts, what wants a second reader other than you, and what a report's reader complained about.",
        QueueFilter(complained="too"),
    ),
    "complaints": Queue(
        "Complaints",
        "Features behind report sentences that a reader rejected, until somebody judges them anew.",
        QueueFilter(statuses=(), complained="only"),
    ),
    "undescribed": Queue(
        "Undescribed", "Neither program nor reader has a text.", QueueFilter(statuses=("pending",)), described=False
    ),
    "draft": Queue("Drafts", "A reader's text that nobody has accepted.", QueueFilter(statuses=("draft",))),
    "second": Queue("Second reader", "Somebody else called for a second reader.", QueueFilter(statuses=("second",))),
    "double": Queue(
        "Double reading", "Read by one other reader and not by you.", QueueFilter(statuses=STATUSES, readings=1)
    ),
    "disputed": Queue(
        "Disputed", "Readers differ in their verdict or a field.", QueueFilter(statuses=STATUSES, disputed=True)
    ),
    "all": Queue("All", "Whatever its state.", QueueFilter(statuses=STATUSES)),
    "done": Queue("Done", "Accepted or rejected.", QueueFilter(statuses=("accepted", "rejected"))),
}
"""Key in the address -> queue."""
KEPT = ("queue", "finding", "q", "tag", "list", "to", "marked", "blind")
"""What of the address stays from one feature to the next."""


def kept() -> dict[str, str]:
    """The queue's part of the address, for links."""
    return {name: st.query_params[name] for name in KEPT if st.query_params.get(name)}


def on(name: str) -> bool:
    """Whether the address switches something on (blind=true)."""
    return st.query_params.get(name, "").lower() in ("1", "true")


asked_for = partial(asked.asked_for, drops=("feature",))
"""As asked.asked_for; another queue begins at its first feature."""


def default_queue(here: Here) -> str:
    """The program's suggestions, where it has any."""
    return "suggested" if here.explorer.counts("finding") else "todo"


def chosen_queue(here: Here) -> Queue:
    """The address's queue, or the default one."""
    return QUEUES.get(st.query_params.get("queue", ""), QUEUES[default_queue(here)])


def queued(here: Here, author: str) -> list[Queued]:
    """The queue that the address asks for, the most valuable first."""
    ask = st.query_params.get
    double = ask("queue") == "double"
    wanted = replace(
        chosen_queue(here).wanted,
        author=author,
        unread_by=author if double else "",
        tag=ask("tag", ""),
        list=ask("list", ""),
        assigned=ask("to") or None,
        among=frozenset(here.explorer.curation.snapshot().bookmarks(author)) if on("marked") else None,
    )
    text, finding = ask("q", ""), ask("finding", "")
    described = chosen_queue(here).described
    query = FeatureQuery(text=text, finding=finding, described=described, sort="id")
    query = query if text or finding or described is not None else None
    return here.explorer.value_queue(wanted, query)
