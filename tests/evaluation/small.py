"""A workspace whose codes and embeddings are planted: only what the describe stage and the evaluation read."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from safetensors.numpy import save_file

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
    dataset = DatasetInfo(kind="simulated" if simulated else "folder", simulated=simulated)
    workspace = Workspace.create(root, dataset, EncoderInfo(id="planted", d=8))
    rng = np.random.default_rng(0)
    shown = np.array([[fact in has for fact in FACTS] for has in planted.truth], dtype=np.float32)
    embeddings = shown @ rng.normal(size=(len(FACTS), 16)) + 0.6 * rng.normal(size=(len(shown), 16))
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    codes = SparseCodes.of(planted.active)
    thresholds = np.zeros(codes.shape[1], np.float32)
    codes.save(workspace.codes)
    np.save(workspace.embeddings, embeddings.astype(np.float16))
    save_file({"thresholds": thresholds}, workspace.root / "thresholds.safetensors")
    sae = TopKSae(SaeConfig(d_in=8, d_sae=codes.shape[1], k=4))
    torch.nn.init.normal_(sae.W_dec, generator=torch.Generator().manual_seed(0))
    describe_features(
        workspace, records(simulated=simulated), Activated(codes, planted.active, thresholds), sae, Silent()
    )
    return workspace
