"""A folder that one process at a time may write, and that is on the disk when that is said."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def only_one(path: Path, taken: Exception) -> Iterator[None]:
    """Hold the lock file ``path``, made where it doesn't exist; raises ``taken`` where another process holds it."""
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise taken from error
        yield


def sync_folder(folder: Path) -> None:
    """Until a folder's names are on the disk: a new file's name is there only when its folder is."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
