"""The reader of one workspace: what pages ask, answered from the store, the readers' edits, the map and the evaluation."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from saerad_core.descriptions.lexicon import find_mentions
from saerad_core.descriptions.statements import parse_statements
from saerad_core.explorer.catalogue import Catalogue, Curated
from saerad_core.explorer.rows import (
    AtlasPoints,
    Bin,
    FeatureDetail,
    FeatureQuery,
    FeatureRow,
    ImageRow,
    LabelScore,
    Listing,
    Neighbour,
)
from saerad_core.store.activations import ActivationStore
from saerad_core.store.curation import CurationStore
from saerad_core.workspace import Workspace

BANDS = ("strongest", "middle", "weakest")
"""Parts of a feature's activation range that its page shows."""


class Explorer:
    """Reads one workspace; safe to share between threads."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.store = ActivationStore(workspace.activations_db)
        self.curation = CurationStore(workspace)
        self._lock = threading.Lock()
        self._catalogue = Catalogue(self.store.features(), self.store.descriptions())
        self._revision = -1
        self._atlas: tuple[int, AtlasPoints] | None = None

    # -- features

    @property
    def revision(self) -> int:
        """Grows with every edit."""
        return self.curation.revision

    @property
    def catalogue(self) -> Catalogue:
        """The features with the readers' latest words."""
        revision = self.revision
        with self._lock:
            if revision != self._revision:
                current = self.curation.all_current()
                self._catalogue.lay_over(Curated(i, word.text, word.status) for i, word in current.items())
                self._revision = revision
            return self._catalogue

    @property
    def n_features(self) -> int:
        return len(self._catalogue)

    def __contains__(self, feature_id: int) -> bool:
        return feature_id in self._catalogue

    def row(self, feature_id: int) -> FeatureRow:
        return self.catalogue.row(feature_id)

    def text(self, feature_id: int) -> str:
        return self.catalogue.text(feature_id)

    def counts(self, column: str) -> dict[str, int]:
        """How many living features have each value of finding, side or status."""
        return self.catalogue.counts(column)

    def features(self, query: FeatureQuery, first: int, count: int) -> Listing:
        """``count`` features of a query's answer from the ``first``."""
        began = time.perf_counter()
        catalogue = self.catalogue
        ids = catalogue.find(query)
        rows = [catalogue.row(int(i)) for i in ids[first : first + count]]
        return Listing(rows, len(ids), _ms(began))
