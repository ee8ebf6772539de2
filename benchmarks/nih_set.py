"""The NIH subset in five patient-level folds and a dictionary for each: what benchmarks on real X-rays share.

The embeddings are computed once and every dictionary is kept, in a folder outside of the project.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from saerad_core.encoder import Encoder
from saerad_core.evaluation.candidate_figures import Material
from saerad_core.evaluation.sparse_probes import enough_patients
from saerad_core.images.radiograph import decode
from saerad_core.sae.base import Sae
from saerad_core.sae.config import SaeConfig
from saerad_core.sae.files import load, save
from saerad_core.sae.train import sweep, train
from saerad_core.sae.width import recommended_width

FOLDS = 5
SEED = 0
K = 15
STEPS, TRIAL, BATCH = 700, 150, 1_024
"""Of a training, of a learning rate's trial, tokens a step."""
EVERY = 100
"""Steps between looks at the validation patients."""
BATCH_IMAGES = 16


class Set:
    """Embeddings of the subset, [N, 1 + P, d] float16 with CLS first, and what the listing says."""

    def __init__(self, root: Path, model: Path, cache: Path, most: int | None) -> None:
        with (root / "metadata.csv").open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))[:most]
        path = cache / f"nih-{len(rows)}.npy"
        if not path.exists():
            encoder, found = Encoder.load(model, image_size=224), []
            for start in range(0, len(rows), BATCH_IMAGES):
                pixels = [decode(root / row["file"]).pixels for row in rows[start : start + BATCH_IMAGES]]
                embedded = encoder.embed(encoder.preprocess(pixels))
                found.append(torch.cat([embedded.cls[:, None], embedded.patches], dim=1).half().numpy())
            part = path.with_suffix(".part.npy")
            np.save(part, np.concatenate(found))
            part.replace(path)
        self.tokens = np.load(path)
        self.patients = np.unique([row["patient_id"] for row in rows], return_inverse=True)[1]
        self.rows = rows
        labels = [set(row["labels"].strip().split("|")) for row in rows]
        names = sorted(set().union(*labels) - {"No Finding"})
        shown = np.array([[name in some for name in names] for some in labels])
        self.fold_of = np.random.default_rng(SEED).permutation(self.patients.max() + 1)[self.patients] % FOLDS
        tests = [np.flatnonzero(self.fold_of == fold) for fold in range(FOLDS)]
        kept = [
            i for i in range(len(names)) if all(enough_patients(shown[:, i], self.patients, rows) for rows in tests)
        ]
        self.names, self.shown = [names[i] for i in kept], shown[:, kept]

    def each(self, tokens: str) -> Iterator[np.ndarray]:
        part = self.tokens[:, :1] if tokens == "cls" else self.tokens[:, 1:]
        yield from (part[start : start + 32] for start in range(0, len(part), 32))

    def splits(self, fold: int) -> np.ndarray:
        """[N]: the fold is for the test, and of the other patients an eighth for validation."""
        check = np.random.default_rng([SEED, fold]).permutation(self.patients.max() + 1)[self.patients] % 8 == 0
        return np.where(self.fold_of == fold, "test", np.where(check, "validate", "train"))

    def material(self, fold: int) -> Material:
        cls = self.tokens[:, 0].astype(np.float32)
        return Material(self.each, self.splits(fold), self.patients, cls, self.names, self.shown, ("test",))

    def flat(self, tokens: str, rows: np.ndarray) -> np.ndarray:
        part = self.tokens[rows, :1] if tokens == "cls" else self.tokens[rows, 1:]
        return part.reshape(-1, part.shape[2])


def configured(data: Set, architecture: str, tokens: str, steps: int) -> SaeConfig:
    width = recommended_width(int(data.patients.max()) + 1, tokens)
    return SaeConfig(
        data.tokens.shape[2], width, k=K, tokens=tokens, architecture=architecture, steps=steps, batch=BATCH, check_every=EVERY
    )  # fmt: skip


class Dictionary(NamedTuple):
    """One fold's, and how its training went."""

    sae: Sae
    best_step: int
    lr: float


def dictionary(data: Set, fold: int, architecture: str, tokens: str, steps: int, cache: Path) -> Dictionary:
    """Of one fold's training patients; trained where it isn't in the cache."""
    name = f"{architecture}-{tokens}"
    rates = cache / "rates.json"
    known = json.loads(rates.read_text()) if rates.exists() else {}
    if name not in known:
        first = data.splits(0)
        config = sweep(
            data.flat(tokens, first == "train"),
            data.flat(tokens, first == "validate"),
            configured(data, architecture, tokens, steps),
            steps=min(TRIAL, steps),
        )
        known[name] = config.lr
        rates.write_text(json.dumps(known))
    kept, course = cache / f"{name}-{fold}", cache / f"{name}-{fold}.course.json"
    if not course.exists():
        splits = data.splits(fold)
        config = replace(configured(data, architecture, tokens, steps), lr=known[name])
        trained = train(data.flat(tokens, splits == "train"), data.flat(tokens, splits == "validate"), config)
        save(trained.sae, kept)
        course.write_text(json.dumps({"best_step": trained.best_step, "lr": config.lr}))
    return Dictionary(load(kept), **json.loads(course.read_text()))
