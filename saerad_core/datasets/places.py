"""Where labels are on the X-rays of a dataset, where somebody drew it: simulated masks, or boxes.

Boxes come in the form of NIH's BBox_List_2017.csv (Wang et al. 2017): image name, label, x, y, width, height in pixels of the original.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import numpy as np

from saerad_core.datasets.base import Dataset, Record
from saerad_core.datasets.simulated import SimulatedDataset
from saerad_core.errors import DatasetError
from saerad_core.vocabulary import concept_of

BOX_FILES = ("BBox_List_2017.csv", "BBox_List_2017.csv.gz")
"""Looked for in the dataset's folders where no file is named."""
ORIGINAL = 1_024
"""Pixels along a side of NIH's originals, which the boxes are counted in."""
SAME = {"Infiltrate": "Infiltration"}
"""Labels that NIH's list of boxes calls otherwise than its list of labels."""
SIDE = 256
"""Pixels along a side of simulated masks."""


class Places(Protocol):
    """Masks of labels."""

    kind: str
    """What they are, in words: masks, boxes."""

    def labels(self, record: Record) -> tuple[str, ...]:
        """Labels of the X-ray whose place is known."""
        ...

    def masks(self, record: Record, height: int, width: int) -> Mapping[str, np.ndarray]:
        """label -> bool [height, width] over the X-ray's own pixels."""
        ...


class SimulatedPlaces:
    """The simulator's own masks: pixels that a finding changes."""

    kind = "masks"

    def __init__(self, dataset: SimulatedDataset) -> None:
        self._dataset = dataset

    def labels(self, record: Record) -> tuple[str, ...]:
        return record.labels

    def masks(self, record: Record, height: int, width: int) -> dict[str, np.ndarray]:
        assert (height, width) == (SIDE, SIDE), "simulated X-rays are drawn as the encoder sees them"
        return masks_of(self._dataset, record.image_id)


def masks_of(dataset: SimulatedDataset, image_id: str) -> dict[str, np.ndarray]:
    """label -> bool [SIDE, SIDE]; a label that two findings bear has both their masks."""
    from saerad_core.demo.render import render

    found: dict[str, np.ndarray] = {}
    for finding, mask in render(dataset.study(image_id), size=SIDE, masks=True).masks.items():
        label = concept_of(finding.fact)
        found[label] = found[label] | mask if label in found else mask
    return found


class BoxPlaces:
    """Boxes that readers drew."""

    kind = "boxes"

    def __init__(self, path: Path, original: int = ORIGINAL) -> None:
        """Read the list.

        Args:
            path: CSV, or the same gzipped.
            original: pixels along a side of the images that the boxes were drawn on.

        Raises:
            DatasetError: there is no such file, or it isn't such a list.
        """
        self._boxes: dict[str, dict[str, list[tuple[float, ...]]]] = {}
        opened = gzip.open if path.suffix == ".gz" else open
        try:
            with opened(path, "rt", newline="", encoding="utf-8") as file:
                rows = csv.reader(file)
                next(rows)
                for row in rows:
                    name, label = Path(row[0]).stem, SAME.get(row[1], row[1])
                    box = tuple(float(value) / original for value in row[2:6])
                    if len(box) != 4 or not all(np.isfinite(box)):
                        raise ValueError
                    self._boxes.setdefault(name, {}).setdefault(label, []).append(box)
        except (OSError, ValueError, IndexError, StopIteration) as error:
            raise DatasetError(
                f"{path.name} is no list of boxes; it needs the columns of NIH's BBox_List_2017.csv: image, label, x, y, width, height."
            ) from error

    def labels(self, record: Record) -> tuple[str, ...]:
        return tuple(self._boxes.get(self._name(record), {}))

    def masks(self, record: Record, height: int, width: int) -> dict[str, np.ndarray]:
        found = {}
        for label, boxes in self._boxes.get(self._name(record), {}).items():
            mask = np.zeros((height, width), dtype=bool)
            for x, y, w, h in boxes:
                rows, columns = (round(y * height), round((y + h) * height)), (round(x * width), round((x + w) * width))
                mask[slice(*rows), slice(*columns)] = True
            found[label] = mask
        return found

    @staticmethod
    def _name(record: Record) -> str:
        return Path(record.path).stem or record.image_id


def open_places(dataset: Dataset, boxes: Path | None = None) -> Places | None:
    """What is known of a dataset's places; None where nothing is.

    Args:
        dataset: opened.
        boxes: a list of boxes that goes before one in the dataset's own folders, where it is there.

    Raises:
        DatasetError: the list can't be read.
    """
    if isinstance(dataset, SimulatedDataset):
        return SimulatedPlaces(dataset)
    if boxes is not None and boxes.is_file():
        return BoxPlaces(boxes)
    folders = [Path(str(dataset.info.options[name])) for name in ("root", "images") if name in dataset.info.options]
    for folder in folders:
        for name in BOX_FILES:
            if (folder / name).is_file():
                return BoxPlaces(folder / name)
    return None
