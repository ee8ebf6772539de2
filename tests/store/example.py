"""A small store whose every number can be counted by hand or by pandas."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse

from saerad_core.sae.codes import SparseCodes
from saerad_core.store.build import build_store

N, M, D = 90, 12, 8
DEAD = 11
"""Fires nowhere."""


class Example:
    """The store and what it was made from."""

    def __init__(self, path: Path, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.path = path
        codes = rng.gamma(2.0, 1.0, (N, M)).astype(np.float16) * (rng.random((N, M)) < 0.4)
        codes[:, 1] = codes[:, 0] * (rng.random(N) < 0.9)  # fires with 0
        codes[:, DEAD] = 0
        self.codes = codes.astype(np.float16)
        self.thresholds = np.full(M, 0.5, dtype=np.float32)
        self.active = sparse.csr_matrix(np.where(self.codes > self.thresholds, self.codes, 0).astype(np.float32))
        patient = np.sort(rng.integers(0, 40, N))
        split = np.array(["train", "train", "train", "validate", "test"])[patient % 5]
        self.images = pd.DataFrame(
            {
                "image_id": [f"x{i}" for i in range(N)],
                "study_id": [f"s{i}" for i in range(N)],
                "patient_id": [f"p{p}" for p in patient],
                "split": split,
                "view": rng.choice(["PA", "AP"], N),
                "sex": rng.choice(["F", "M"], N),
                "age": [None if i % 7 == 0 else float(20 + i % 60) for i in range(N)],
                "labels": [["Effusion"] if i % 3 == 0 else [] for i in range(N)],
                "indication": "Cough.",
                "findings": [f"Small left pleural effusion. 100% sure of {i}." if i % 3 == 0 else "Clear lungs." for i in range(N)],
                "impression": "",
                "facts": [[{"finding": "pleural_effusion", "side": "left"}] if i % 3 == 0 else None for i in range(N)],
                "path": "",
            }
        )  # fmt: skip
        self.train = (self.images["split"] == "train").to_numpy()
        shown = self.active[self.train].toarray() > 0
        n_images = shown.sum(0)
        patients = self.images["patient_id"].to_numpy()[self.train]
        self.features = pd.DataFrame(
            {
                "feature_id": np.arange(M),
                "n_images": n_images,
                "n_patients": [len(set(patients[column])) for column in shown.T],
                "frequency": n_images / self.train.sum(),
                "max": self.active[self.train].toarray().max(0),
                "mean": 1.0,
                "threshold": self.thresholds,
                "best_label": ["Effusion"] * (M - 1) + [""],
                "best_auroc": [*np.linspace(0.5, 0.9, M - 1), np.nan],
                "best_lo": [0.4] * (M - 1) + [np.nan],
                "best_hi": [0.95] * (M - 1) + [np.nan],
            }
        )
        self.labels = pd.DataFrame(
            {"feature_id": [0, 0], "label": ["Mass", "Effusion"], "auroc": [0.6, 0.8], "n_patients": [5, 9]}
        )
        self.descriptions = pd.DataFrame(
            {
                "feature_id": [3, 5, 7],
                "text": ["Left pleural effusion.", "Right pleural effusion.", "Cardiomegaly, 100% of 50_0 reports."],
                "finding": ["pleural_effusion", "pleural_effusion", "cardiomegaly"],
                "side": ["left", "right", ""],
                "place": "",
                "severity": "",
                "certainty": ["certain", "likely", "likely"],
                "z": [4.0, 2.5, 3.0],
                "n_firing": 10,
                "n_with": 8,
                "n_control": 20,
                "n_control_with": 2,
                "image_ids": [["x0", "x3"], [], ["x1"]],
                "terms": [["costophrenic angle"], [], []],
            }
        )
        self.decoder = rng.standard_normal((M, D)).astype(np.float32)
        build_store(
            path,
            images=self.images,
            active=self.active,
            features=self.features,
            labels=self.labels,
            descriptions=self.descriptions,
            decoder=self.decoder,
            codes=SparseCodes.of(self.codes),
        )
