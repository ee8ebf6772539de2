"""JSON lines: a first line that says what the file is, then one a feature."""

from __future__ import annotations

import json

from saerad_core.errors import SaeRadError
from saerad_core.exchange.table import COLUMNS, Export, Line

FORMAT = "saerad-curation"
VERSION = 2


def write(export: Export) -> bytes:
    """The file's bytes."""
    head = {
        "format": FORMAT, "version": VERSION, "notices": export.notices, "workspace": export.workspace.root.name, "sae": export.sae,
    }  # fmt: skip
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in (head, *export.lines)).encode()


def read(data: bytes) -> list[Line]:
    """The lines of a file; raises SaeRadError where it isn't such a file."""
    try:
        head, *lines = [json.loads(line) for line in data.decode().split("\n") if line.strip()]
        if head["format"] != FORMAT:
            raise ValueError(head["format"])
        version = int(head["version"])
    except (ValueError, KeyError, TypeError) as error:
        raise SaeRadError("The file isn't an export of curation; choose one that `export` wrote.") from error
    if version > VERSION:
        raise SaeRadError(f"The file is of format {version}, this program reads up to {VERSION}; update the program.")
    if not all(isinstance(line, dict) for line in lines):
        raise SaeRadError("The file isn't an export of curation; choose one that `export` wrote.")
    return [{name: value for name, value in line.items() if name in COLUMNS} for line in lines]
