"""Other X-rays' reports: the nearest one's, and the nearest one's among those with the predicted labels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from saerad_core.descriptions.observations import OBSERVATIONS
from saerad_core.evaluation.held_out import held_out
from saerad_core.evaluation.measures.labels import LOOSE, positives
from saerad_core.evaluation.systems.base import Bench, System

NEIGHBOURS = 50
"""Most similar training X-rays among which labels are looked for."""


def nearest_texts(embeddings: np.ndarray, train: np.ndarray, asked: np.ndarray, texts: Sequence[str]) -> list[str]:
    """The report of the training X-ray with the most similar embedding, for every asked X-ray.

    Args:
        embeddings: [N, d], each of length 1.
        train: rows of the training split.
        asked: rows of the X-rays that are to be reported.
        texts: N reports.
    """
    similar = embeddings[asked].astype(np.float32) @ embeddings[train].astype(np.float32).T
    return [texts[int(train[best])] for best in similar.argmax(axis=1)]


def _nearest(bench: Bench) -> list[str]:
    return nearest_texts(bench.embeddings, bench.train, bench.asked, bench.texts)


def _boosted(bench: Bench) -> list[str]:
    """Of the nearest training X-rays, the one whose observations agree most with the predicted ones, then the most similar."""
    known = np.concatenate([bench.train, bench.validate])
    labels = np.zeros((len(bench.texts), len(OBSERVATIONS)))
    for row in known:
        labels[row] = positives(bench.texts[int(row)], LOOSE, OBSERVATIONS)
    fitted = held_out(bench.embeddings, labels, np.ones_like(labels), bench.train, bench.validate, bench.patients)
    told = fitted.probabilities(bench.embeddings[bench.asked]) >= fitted.calibration.thresholds
    similar = bench.embeddings[bench.asked] @ bench.embeddings[bench.train].T
    out = []
    for place, want in enumerate(told):
        near = np.argsort(-similar[place], kind="stable")[:NEIGHBOURS]
        have = labels[bench.train[near]] > 0
        agree = (have & want).sum(axis=1) / np.maximum((have | want).sum(axis=1), 1)
        out.append(bench.texts[int(bench.train[near[int(np.argmax(agree))]])])
    return out


NEAREST = System(
    "Nearest X-ray's report", "The report of the training X-ray with the most similar embedding.", _nearest
)
BOOSTED = System(
    "Label-boosted retrieval",
    f"Linear probes predict CheXpert's observations; of the {NEIGHBOURS} nearest training X-rays, the report whose observations agree most (after LaB-RAG, without its language model).",
    _boosted,
)
