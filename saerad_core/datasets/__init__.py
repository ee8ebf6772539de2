"""Dataset adapters: one a file, one line in the registry."""

from __future__ import annotations

from collections.abc import Callable

from saerad_core.datasets.base import Dataset, Record
from saerad_core.datasets.chexpert_plus import CheXpertPlus
from saerad_core.datasets.folder import FolderDataset
from saerad_core.datasets.mimic_cxr import MimicCxr
from saerad_core.datasets.nih import NihChestXray14
from saerad_core.datasets.openi import OpenI
from saerad_core.datasets.padchest import PadChest
from saerad_core.datasets.published import PublishedDataset
from saerad_core.datasets.simulated import SimulatedDataset
from saerad_core.errors import DatasetError
from saerad_core.workspace import DatasetInfo

REGISTRY: dict[str, Callable[[DatasetInfo], Dataset]] = {
    "folder": FolderDataset,
    "mimic-cxr": MimicCxr,
    "openi": OpenI,
    "chexpert-plus": CheXpertPlus,
    "nih": NihChestXray14,
    "padchest": PadChest,
    "simulated": SimulatedDataset,
}

OPTIONS: dict[str, tuple[dict[str, str], tuple[str, ...]]] = {
    name: (adapter.OPTIONS, adapter.REQUIRED)
    for name, adapter in REGISTRY.items()
    if isinstance(adapter, type) and issubclass(adapter, PublishedDataset | FolderDataset)
}
"""Datasets that can be built from files: the options that each takes, in words, and those that it needs."""

__all__ = ["OPTIONS", "REGISTRY", "Dataset", "Record", "open_dataset"]


def open_dataset(info: DatasetInfo) -> Dataset:
    """The dataset that ``info`` names.

    Raises:
        DatasetError: no adapter of that name, or its files aren't as it expects.
    """
    if info.kind not in REGISTRY:
        raise DatasetError(f"There is no dataset adapter {info.kind!r}; take one of {', '.join(REGISTRY)}.")
    return REGISTRY[info.kind](info)
