"""What curators have typed and not saved yet, so that a reload or a restart loses nothing.

Drafts are no part of the record: each is a small file of its author's, replaced as they type and gone when they save.
"""

from __future__ import annotations

import json
import os
import threading
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from saerad_core.errors import SaeRadError, WorkspaceError
from saerad_core.store.curation.events import LONGEST_NAME, Fields, one_line
from saerad_core.workspace import Workspace

LONGEST = 4000
"""Characters kept of a text that isn't saved yet; a description proper is shorter."""


@dataclass(frozen=True)
class Draft:
    """One author's unsaved words on one feature."""

    feature_id: int
    author: str
    text: str
    fields: Fields
    base: int
    """Revision that the author saw when they began."""
    at: str
    """When it was last kept; UTC, ISO 8601."""


_DRAFT = TypeAdapter(Draft)


class Drafts:
    """The drafts of a workspace; safe to share between threads and processes."""

    def __init__(self, workspace: Workspace) -> None:
        self._root = workspace.root / "drafts"
        self._lock = threading.Lock()

    def keep(self, draft: Draft) -> None:
        """Write a draft in place of the author's earlier one of the feature.

        Raises:
            SaeRadError: the name won't do. WorkspaceError: it can't be written.
        """
        one_line(draft.author, "name", LONGEST_NAME)
        if len(draft.text) > LONGEST:
            raise SaeRadError(f"The text is too long; {LONGEST} characters is the most.")
        path = self._path(draft.author, draft.feature_id)
        part = path.with_suffix(f".{os.getpid()}.part")
        try:
            with self._lock:
                path.parent.mkdir(parents=True, exist_ok=True)
                with part.open("w", encoding="utf-8", errors="replace") as file:
                    json.dump(asdict(draft), file, ensure_ascii=False)
                    file.flush()
                    os.fsync(file.fileno())
                part.replace(path)
        except OSError as error:
            raise WorkspaceError("The draft could not be written to the disk; make room there.") from error

    def get(self, author: str, feature_id: int) -> Draft | None:
        """The author's draft of a feature; None where there is none or it can't be read."""
        return _read(self._path(author, feature_id))

    def of(self, author: str) -> list[Draft]:
        """The author's drafts, by feature."""
        folder = self._folder(author)
        found = [_read(path) for path in folder.glob("*.json")] if folder.exists() else []
        return sorted((one for one in found if one is not None), key=lambda one: one.feature_id)

    def drop(self, author: str, feature_id: int) -> None:
        """Forget a draft, as after saving."""
        self._path(author, feature_id).unlink(missing_ok=True)

    def _folder(self, author: str) -> Path:
        # A hash: whatever somebody calls themselves is no path.
        return self._root / sha256(author.strip().encode(errors="replace")).hexdigest()[:20]

    def _path(self, author: str, feature_id: int) -> Path:
        return self._folder(author) / f"{int(feature_id)}.json"


def _read(path: Path) -> Draft | None:
    try:
        return _DRAFT.validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None
