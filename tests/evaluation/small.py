"""A workspace whose codes and embeddings are planted: only what the describe stage and the evaluation read."""

from __future__ import annotations

from dataclasses import asdict
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from safetensors.numpy import save_file
from scipy import sparse

from saerad_core.datasets import open_dataset
from saerad_core.descriptions.realise import realise
from saerad_core.descriptions.statements import facts_of
from saerad_core.progress import Silent
from saerad_core.sae.codes import SparseCodes
from saerad_core.sae.config import SaeConfig
from saerad_core.sae.topk import TopKSae
from saerad_core.stages.activate import Activated
from saerad_core.stages.describe import describe_features
from saerad_core.vocabulary import Statement
from saerad_core.workspace import DatasetInfo, EncoderInfo, Workspace
from tests.descriptions.planted import FACTS, Planted, plant


@cache
def population() -> Planted:
    return plant(260, features=24, seed=3, words=realise, reader=facts_of)


def records(*, simulated: bool) -> pd.DataFrame:
    planted = population()
    n = len(planted.texts)
    number = planted.images["patient_id"].str[1:].astype(int).to_numpy()
    split = np.where(number % 10 < 7, "train", np.where(number % 10 < 8, "validate", "test"))
    facts = [[Statement(*fact)._asdict() for fact in sorted(has)] for has in planted.truth]
    return planted.images.assign(
        study_id=planted.images["image_id"],
        split=split,
        labels=[sorted({fact.finding for fact in has}) for has in planted.truth],
        indication="",
        findings=planted.texts,
        impression="",
        facts=facts if simulated else [None] * n,
        path="",
    )


def build(root: Path, *, simulated: bool = True) -> Workspace:
    """Codes in which features 0 to 7 are planted; embeddings that are a noisy mix of the facts."""
    planted = population()
    rng = np.random.default_rng(0)
    shown = np.array([[fact in has for fact in FACTS] for has in planted.truth], dtype=np.float32)
    embeddings = shown @ rng.normal(size=(len(FACTS), 16)) + 0.6 * rng.normal(size=(len(shown), 16))
    dataset = DatasetInfo(kind="simulated" if simulated else "folder", simulated=simulated)
    return assemble(root, dataset, records(simulated=simulated), planted.active, embeddings)


def of_dataset(root: Path, dataset: DatasetInfo) -> Workspace:
    """Records of a real adapter; three features fire by the words of the reports, the others and the embeddings are noise upon them."""
    frame = pd.DataFrame([asdict(record) for record in open_dataset(dataset).records()])
    rng = np.random.default_rng(0)
    text = frame["findings"].str.lower()
    shown = np.stack(
        [text.str.contains(f"(?<!no ){word}", regex=True) for word in ("large left", "moderate right", "clear")], axis=1
    )
    codes = np.concatenate([shown * rng.uniform(1, 2, shown.shape), rng.random((len(frame), 5)) > 0.7], axis=1)
    embeddings = shown @ rng.normal(size=(3, 16)) + 0.3 * rng.normal(size=(len(frame), 16))
    frame["facts"] = None
    return assemble(root, dataset, frame, sparse.csr_matrix(codes.astype(np.float32)), embeddings)


def assemble(root: Path, dataset: DatasetInfo, frame: pd.DataFrame, active, embeddings: np.ndarray) -> Workspace:
    """A workspace as the describe stage leaves it; all that fires is active."""
    workspace = Workspace.create(root, dataset, EncoderInfo(id="planted", d=8))
    embeddings = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    codes = SparseCodes.of(active)
    thresholds = np.zeros(codes.shape[1], np.float32)
    codes.save(workspace.codes)
    np.save(workspace.embeddings, embeddings.astype(np.float16))
    save_file({"thresholds": thresholds}, workspace.root / "thresholds.safetensors")
    sae = TopKSae(SaeConfig(d_in=8, d_sae=codes.shape[1], k=4))
    torch.nn.init.normal_(sae.W_dec, generator=torch.Generator().manual_seed(0))
    describe_features(workspace, frame, Activated(codes, active, thresholds), sae, Silent())
    workspace.save()
    return workspace
