"""Real values of a workspace's X-rays, decoded from the dataset when somebody looks, the last ones kept in memory."""

from __future__ import annotations

import threading
from collections import OrderedDict

from saerad_core.errors import DatasetError
from saerad_core.images.sandbox import measure_sandboxed
from saerad_core.ui import state
from saerad_core.ui.viewer.values import Values, of_film, of_pixels
from saerad_core.workspace import Workspace

KEPT = 96 * 2**20
"""Bytes of compressed values that are kept for all sessions together."""


class StoredValues:
    """Values and body of an X-ray; a second look at one costs nothing."""

    def __init__(self, most: int = KEPT) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[str, str, str], tuple[dict, bytes]] = OrderedDict()
        self._size = 0

    def of(self, workspace: Workspace, image_id: str) -> tuple[dict, bytes]:
        """Head and body of an X-ray that the store knows.

        Raises:
            SaeRadError: the dataset isn't there any more, or the file can't be read.
        """
        key = (str(workspace.root), state.version_of(workspace), image_id)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        values = read_values(workspace, image_id)
        answer = values.head(), values.body()
        with self._lock:
            if key not in self._kept:
                self._kept[key] = answer
                self._size += len(answer[1])
            while self._size > self._most and len(self._kept) > 1:
                _, (_, body) = self._kept.popitem(last=False)
                self._size -= len(body)
        return answer


def read_values(workspace: Workspace, image_id: str) -> Values:
    """From the dataset's file, in the sandbox; drawn X-rays as people see them.

    Raises:
        SaeRadError: as ``StoredValues.of``.
    """
    from saerad_core.datasets import Record  # the demo's drawing, which the first page needn't wait for

    dataset = state.dataset_of(workspace)
    path = state.explorer_of(workspace).path_of(image_id)
    if path is None:
        raise DatasetError("There is no such X-ray here.")
    source = getattr(dataset, "source", None)
    if source is None:
        return of_pixels(dataset.picture(image_id))
    # The path is the store's own, written at the build; nothing of the address reaches the disk.
    record = Record(image_id, "", "", "", path=path)
    return of_film(measure_sandboxed(source(record)))
