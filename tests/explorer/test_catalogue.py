"""Orders of the list."""

from __future__ import annotations

import numpy as np
import pandas as pd

from saerad_core.explorer.catalogue import Catalogue
from saerad_core.explorer.rows import FeatureQuery


def test_features_that_nobody_described_come_by_what_they_tell_best():
    found = Catalogue(
        pd.DataFrame({"feature_id": range(4), "n_images": 5, "n_patients": 5, "frequency": 0.1, "max": 1.0, "mean": 0.5, "threshold": 0.1, "best_label": "", "best_auroc": [0.6, 0.5, 0.9, np.nan]}),
        pd.DataFrame({"feature_id": [1], "text": ["left effusion"], "z": [3.0]}),
    )  # fmt: skip
    assert found.find(FeatureQuery()).tolist() == [1, 2, 0, 3]
