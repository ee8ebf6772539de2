"""Where pictures hold markers and burned-in text: kept by a build as it decodes, or looked for again in a finished workspace."""

from __future__ import annotations

from collections.abc import Container, Iterator

import numpy as np

from saerad_core.datasets import open_dataset
from saerad_core.errors import DatasetError, ImageRefused, WorkspaceError
from saerad_core.harvest.pool import DecodePool
from saerad_core.harvest.settings import default_workers
from saerad_core.harvest.shards import Shards
from saerad_core.harvest.worker import Job
from saerad_core.images.marks import marked_zones
from saerad_core.images.pictures import read_picture
from saerad_core.locks import only_one
from saerad_core.preprocessing import Preprocessing
from saerad_core.progress import Progress
from saerad_core.store.activations import ActivationStore
from saerad_core.store.markers import UNKNOWN, save_markers
from saerad_core.workspace import Workspace

NAME = "Looking for markers and burned-in text"
ARRAY = "markers"
"""Of the shards: uint8 [n], bits of images.zones.ZONES."""
_NO_SQUARE = Preprocessing(side=1, edge=None)
"""Nothing is embedded: one pixel crosses to this process beside the zones."""


def keep_markers(workspace: Workspace, shards: Shards) -> None:
    """Write markers.parquet from the shards of a build; X-rays of shards that an earlier version sealed are not known."""
    found = []
    for number in shards.numbers():
        zones = shards.of(number, ARRAY)
        seal = shards.seal(number)
        found.append(np.full(seal["n"] if seal else 0, UNKNOWN) if zones is None else zones.astype(np.int16))
    whole = np.concatenate(found) if found else np.zeros(0, np.int16)
    if (whole != UNKNOWN).any():
        save_markers(whole, workspace.markers_file)


def mark_again(workspace: Workspace, progress: Progress) -> np.ndarray:
    """The same of a finished workspace: from the dataset's files, and where these are gone from the stored pictures.

    Returns:
        int16 [N], as in the file.

    Raises:
        SaeRadError: another build is writing, or neither files nor pictures can be read.
    """
    taken = WorkspaceError(f"Another build is writing {workspace.root}; wait for it or stop it.")
    with only_one(workspace.root / "build.lock", taken):
        names = [name.as_py() for name in ActivationStore(workspace.activations_db).roster.image_id]
        progress.stage(NAME, len(names))
        zones = np.full(len(names), UNKNOWN, dtype=np.int16)
        place = {name: row for row, name in enumerate(names)}
        for name, found in _of_files(workspace, place):
            zones[place[name]] = found
            progress.advance()
        for row in np.flatnonzero(zones == UNKNOWN):
            zones[row] = _of_picture(workspace, names[row])
        if (zones == UNKNOWN).all():
            raise WorkspaceError(
                f"Neither the files nor stored pictures of {workspace.root.name}'s X-rays can be read; put the files back where they were."
            )
        save_markers(zones, workspace.markers_file)
    progress.finish()
    return zones


def _of_files(workspace: Workspace, wanted: Container[str]) -> Iterator[tuple[str, int]]:
    """Names and zones of the wanted X-rays whose files can be read."""
    try:
        dataset = open_dataset(workspace.manifest.dataset)
        records = [record for record in dataset.records() if record.image_id in wanted]
    except DatasetError:
        return
    job = Job(workspace.manifest.dataset, _NO_SQUARE, None, markers=True)
    workers = default_workers("cpu")
    with DecodePool(job, workers) as pool:
        for record, loaded in pool.map(records, 4 * workers):
            if not isinstance(loaded, str) and loaded.zones is not None:
                yield record.image_id, loaded.zones


def _of_picture(workspace: Workspace, name: str) -> int:
    try:
        return marked_zones(read_picture(workspace.picture(name)))
    except ImageRefused:
        return UNKNOWN
