"""The course of a training, line by line, so that a page can draw it while it runs."""

from __future__ import annotations

import json
from pathlib import Path


class RunLog:
    """Appends JSON lines to a file; each is on its way to the disk before the next step. None writes nothing."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)

    def write(self, **entry: float | int | str | None) -> None:
        """Add one line."""
        if self.path is None:
            return
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
            file.flush()


def read_run(path: Path) -> list[dict]:
    """The lines that are whole; the last may be in the writing. After a resumed run a step counts as it was last written."""
    found: dict[tuple[str, int], dict] = {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    for line in lines:
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        found[entry.get("kind", ""), entry.get("step", 0)] = entry
    return list(found.values())
