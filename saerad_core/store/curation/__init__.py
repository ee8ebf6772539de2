"""What curators say about features: events in a journal, and what counts as a view over them. See docs/workspace-format.md."""

from saerad_core.store.curation.agreement import Agreement, Pair, agreement
from saerad_core.store.curation.compare import Change
from saerad_core.store.curation.conflict import (
    ConflictError,
    Difference,
    ManyConflictsError,
    Mine,
    changed_words,
    three_way,
)
from saerad_core.store.curation.drafts import Draft, Drafts
from saerad_core.store.curation.events import DECIDING, FIELDS, STATUSES, WORKSPACE, Author, Event, Fields, Status
from saerad_core.store.curation.progress import AuthorProgress, Progress
from saerad_core.store.curation.queue import Queued, QueueFilter, Worth, place_in, queue_by_value
from saerad_core.store.curation.snapshot import Snapshot
from saerad_core.store.curation.state import Complaint, FeatureState, Note, Proposal, Reading, Score
from saerad_core.store.curation.store import Act, Admit, Applied, CurationStore, Release, sae_id

__all__ = [
    "DECIDING",
    "FIELDS",
    "STATUSES",
    "WORKSPACE",
    "Act",
    "Admit",
    "Agreement",
    "Applied",
    "Author",
    "AuthorProgress",
    "Change",
    "Complaint",
    "ConflictError",
    "CurationStore",
    "Difference",
    "Draft",
    "Drafts",
    "Event",
    "FeatureState",
    "Fields",
    "ManyConflictsError",
    "Mine",
    "Note",
    "Pair",
    "Progress",
    "Proposal",
    "QueueFilter",
    "Queued",
    "Reading",
    "Release",
    "Score",
    "Snapshot",
    "Status",
    "Worth",
    "agreement",
    "changed_words",
    "place_in",
    "queue_by_value",
    "sae_id",
    "three_way",
]
