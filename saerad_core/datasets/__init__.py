"""Dataset adapters: one a file, one line in the registry."""

from __future__ import annotations

from collections.abc import Callable

from saerad_core.datasets.base import Dataset, Record
from saerad_core.datasets.folder import FolderDataset
from saerad_core.datasets.simulated import SimulatedDataset
from saerad_core.errors import DatasetError
from saerad_core.workspace import DatasetInfo

REGISTRY: dict[str, Callable[[DatasetInfo], Dataset]] = {
    "folder": FolderDataset,
    "simulated": SimulatedDataset,
}

__all__ = ["REGISTRY", "Dataset", "Record", "open_dataset"]


def open_dataset(info: DatasetInfo) -> Dataset:
    """The dataset that ``info`` names.

    Raises:
        DatasetError: no adapter of that name, or its files aren't as it expects.
    """
    if info.kind not in REGISTRY:
        raise DatasetError(f"There is no dataset adapter {info.kind!r}; take one of {', '.join(REGISTRY)}.")
    return REGISTRY[info.kind](info)
