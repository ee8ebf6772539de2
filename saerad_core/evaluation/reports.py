"""Facts of generated reports and of the baselines, all read back from text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from saerad_core.descriptions.calibration import calibrate
from saerad_core.descriptions.evidence import EvidenceTables
from saerad_core.descriptions.matrices import dense
from saerad_core.descriptions.reported import Reported, depth
from saerad_core.descriptions.statements import facts_of
from saerad_core.evaluation.probes import choose_penalty, fit_probes
from saerad_core.reports.conflicts import ConflictSettings, settle
from saerad_core.reports.decide import DecideSettings, present
from saerad_core.reports.text import Wording
from saerad_core.vocabulary import Fact

FOLDS = 5


def read_back(text: str) -> set[Fact]:
    """The facts that a text states as present."""
    return {fact for fact, statement in facts_of(text).items() if statement.present}


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


def probe_texts(
    embeddings: np.ndarray,
    rows: dict[str, np.ndarray],
    asked: np.ndarray,
    reported: Reported,
    patients: np.ndarray,
    tables: EvidenceTables,
    progress: Callable[[], None] | None = None,
) -> list[str]:
    """Reports from linear probes of the dense embedding, by the same thresholds, conflicts and wording as ours.

    Probes of the same facts are fit on the training split; the penalty is chosen on the validation split;
    calibration and thresholds come from held-out folds of the training split and the validation split, as ours do.

    Args:
        embeddings: [N, d].
        rows: rows of the splits train and validate.
        asked: rows that are to be reported.
        reported: facts of all N reports.
        patients: [N] patient numbers.
        tables: whose facts are probed.
    """
    if not tables.facts:
        return ["" for _ in asked]
    columns = [reported.column(fact) for fact in tables.facts]
    y = dense(reported.stated[:, columns], np.float32)
    known = 1 - dense(reported.unknown[:, columns], np.float32)
    x = embeddings.astype(np.float32)
    train, validate = rows["train"], rows["validate"]
    probes = choose_penalty(x[train], y[train], known[train], x[validate], y[validate], known[validate])
    scores = np.zeros(y.shape)
    fold = np.random.default_rng(0).permutation(int(patients.max(initial=-1)) + 1)[patients] % FOLDS
    for number in range(FOLDS):
        fit, away = train[fold[train] != number], train[fold[train] == number]
        if len(away):
            scores[away] = fit_probes(x[fit], y[fit], known[fit], probes.penalty).logits(x[away])
    scores[validate] = probes.logits(x[validate])
    seen = np.concatenate([train, validate])
    levels = np.array([depth(fact) for fact in tables.facts])
    found = calibrate(scores[seen], y[seen], known[seen], levels, float(tables.fitted.get("shrink", 20.0)))
    ruled = replace(tables, thresholds=found.thresholds)
    p = found.probabilities(probes.logits(x[asked]))
    return [_template(tables.consistent(row), ruled) for row in p]


def _template(p: np.ndarray, tables: EvidenceTables) -> str:
    wording = Wording()
    kept, _ = settle(present(p, tables, DecideSettings()), tables, wording.phrase, ConflictSettings())
    return " ".join(wording.finding((candidate.statement,)) for candidate in kept)


def everything(reported_train: Sequence[set[Fact]]) -> set[Fact]:
    """What "all positive" says of every X-ray: every fact that some training report states."""
    return {fact for facts in reported_train for fact in facts}
