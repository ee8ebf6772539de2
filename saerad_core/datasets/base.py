"""What every dataset adapter gives: records in a fixed order, and their pixels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from saerad_core.vocabulary import Statement
from saerad_core.workspace import DatasetInfo


@dataclass(frozen=True)
class Record:
    """One X-ray of a dataset, without its pixels."""

    image_id: str
    """Unique in the dataset, safe in a URL and as a file name."""
    study_id: str
    patient_id: str
    split: str
    """train, validate or test; one patient, one split."""
    view: str = ""
    """PA, AP, or "" where it isn't known."""
    sex: str = ""
    """F, M, or ""."""
    age: int | None = None
    """Years; 90 stands for 90 and older."""
    labels: tuple[str, ...] = ()
    indication: str = ""
    findings: str = ""
    impression: str = ""
    facts: tuple[Statement, ...] | None = None
    """What the image truly shows; known of simulated X-rays only."""
    path: str = ""
    """File relative to the folder of images; "" where the image is drawn."""


class Dataset(Protocol):
    """A source of X-rays. Made anew, from its DatasetInfo, in every process that decodes: the listing is read only when
    ``funnel``, ``len``, ``records`` or ``picture`` asks for it. Datasets of files also have ``source(record) -> Path``, the file to decode.
    """

    info: DatasetInfo

    @property
    def funnel(self) -> dict[str, int]:
        """X-rays left after each step of reading the listing, then patients and X-rays by split; reads the listing."""
        ...

    def __len__(self) -> int: ...

    def records(self) -> Iterator[Record]:
        """All records, in the same order every time."""
        ...

    def pixels(self, record: Record) -> np.ndarray:
        """float32 H x W in [0, 1], bone white, for the encoder; may raise ImageRefused."""
        ...

    def picture(self, image_id: str, size: int = 512) -> np.ndarray:
        """float32 H x W in [0, 1] for people, longer side ``size``; raises DatasetError where there is no such X-ray."""
        ...
