"""Which single feature tells each concept, chosen on patients apart from those it is scored on."""

from __future__ import annotations

from typing import Any

import numpy as np

from saerad_core.descriptions.auroc import auroc, sparse_auroc
from saerad_core.descriptions.auroc_interval import interval
from saerad_core.evaluation.probes import choose_penalty
from saerad_core.sae.codes import SparseCodes
from saerad_core.sae.columns import by_feature
from saerad_core.vocabulary import CONCEPTS, Fact, concept_of

FEWEST = 5
"""Patients with a concept that either side of the split needs for a score."""


def concept_matrix(truth: list[set[Fact]]) -> tuple[list[str], np.ndarray]:
    """Simulated concepts and bool [N, C]: which X-rays show them."""
    shown = [{concept_of(fact) for fact in facts} for facts in truth]
    return list(CONCEPTS), np.array([[name in s for name in CONCEPTS] for s in shown], dtype=bool).reshape(
        -1, len(CONCEPTS)
    )


def label_matrix(labels: list[list[str]]) -> tuple[list[str], np.ndarray]:
    """A dataset's own labels and bool [N, L]."""
    names = sorted({label for some in labels for label in some})
    return names, np.array([[name in some for name in names] for some in labels], dtype=bool).reshape(-1, len(names))


def recover(
    codes: SparseCodes,
    embeddings: np.ndarray,
    names: list[str],
    shown: np.ndarray,
    split: np.ndarray,
    patients: np.ndarray,
    scored: str,
) -> list[dict[str, Any]]:
    """Best single feature of each concept.

    The feature is the one with the highest AUROC on the other splits; its AUROC is reported on ``scored`` alone.

    Args:
        codes: [N, m] before the rule.
        embeddings: [N, d], for the reference probe.
        names: C concepts.
        shown: bool [N, C].
        split: [N] of train, validate, test.
        patients: [N] patient of each X-ray.
        scored: the split that nothing is chosen on.

    Returns:
        One entry a concept with enough patients, and with None for the AUROC where there are too few.
    """
    here, elsewhere = split == scored, split != scored
    fit, check = elsewhere & (split == "train"), elsewhere & (split == "validate")
    counts = _patients_with(shown, patients)
    chosen_on = sparse_auroc(by_feature(codes, elsewhere), shown[elsewhere])
    told = codes.rows(here).tocsc()
    everywhere = np.ones(shown.shape, dtype=np.float32)
    probes = choose_penalty(
        embeddings[fit], shown[fit], everywhere[fit], embeddings[check], shown[check], everywhere[check]
    )
    probe = probes.logits(embeddings[here])
    found: list[dict[str, Any]] = []
    for column, name in enumerate(names):
        n_here = counts(column, here)
        entry: dict[str, Any] = {"finding": name, "feature_id": None, "auroc": None, "n_positive": n_here}
        found.append(entry)
        if n_here < FEWEST or counts(column, elsewhere) < FEWEST or shown[here, column].all():
            continue
        areas = np.nan_to_num(chosen_on[:, column], nan=0.0)
        best = int(np.argmax(areas))
        area = float(auroc(told[:, [best]].toarray(), shown[here][:, [column]])[0, 0])
        others = len(np.unique(patients[here])) - n_here
        low, high = interval(np.array([area]), np.array([n_here]), np.array([max(others, 1)]))
        entry |= {
            "feature_id": best,
            "auroc": area,
            "lo": float(low[0]),
            "hi": float(high[0]),
            "auroc_where_chosen": float(areas[best]),
            "probe_auroc": float(auroc(probe[:, [column]], shown[here][:, [column]])[0, 0]),
        }
    return found


def _patients_with(shown: np.ndarray, patients: np.ndarray):  # noqa: ANN202 - a closure of two integers' function
    def count(column: int, rows: np.ndarray) -> int:
        return len(np.unique(patients[rows & shown[:, column]]))

    return count


def median(concepts: list[dict[str, Any]], key: str = "auroc") -> float | None:
    """Median over the concepts that have the figure."""
    values = [concept[key] for concept in concepts if concept.get(key) is not None]
    return float(np.median(values)) if values else None
