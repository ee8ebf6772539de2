"""Other features in place of the dictionary's, and the dictionary's taken at their word."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from saerad_core.evaluation.systems.base import Bench, System, compose_all, dense_codes, fitted, from_codes
from saerad_core.reports.compose import Composer
from saerad_core.sae.active import active
from saerad_core.sae.codes import SparseCodes


def principal_components(bench: Bench) -> np.ndarray:
    """float32 [N, c]: all principal components of the training X-rays' embeddings."""
    x = bench.embeddings.astype(np.float32)
    centre = x[bench.train].mean(axis=0)
    basis = np.linalg.svd(x[bench.train] - centre, full_matrices=False)[2]
    return (x - centre) @ basis.T


def _pca(bench: Bench) -> list[str]:
    return from_codes(bench, dense_codes(principal_components(bench), bench.train))


def _shuffled(bench: Bench) -> list[str]:
    """Learn with the training and validation X-rays' codes dealt to other X-rays of their split; report with the asked ones' own."""
    order = np.arange(len(bench.codes))
    random = np.random.default_rng(0)
    for rows in (bench.train, bench.validate):
        order[rows] = random.permutation(rows)
    tables, thresholds = fitted(replace(bench), SparseCodes.of(bench.codes.rows(order)))
    return compose_all(Composer(tables, {}), bench.codes, thresholds, bench.asked)


def _descriptions(bench: Bench) -> list[str]:
    """The descriptions of the active features, each once."""
    texts = []
    for row in bench.asked:
        ids, code = bench.codes.row(int(row))
        features, _ = active(code, bench.thresholds[ids])
        told = (bench.composer.descriptions.get(int(f), "") for f in ids[features])
        texts.append(" ".join(dict.fromkeys(text for text in told if text)))
    return texts


PCA = System(
    "PCA in place of the dictionary",
    "All principal components of the dense embedding, each end a feature, through the same evidence code.",
    _pca,
)
SHUFFLED = System(
    "Shuffled features",
    "The same evidence code, learned after the X-rays' codes were dealt to other X-rays: what is left is what is common.",
    _shuffled,
)
DESCRIPTIONS = System(
    "Descriptions as they are",
    "The descriptions of all active features one after another, each firing taken for a finding, as if the paper's writer had no language model.",
    _descriptions,
)
