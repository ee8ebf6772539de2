"""Learn evidence tables from the report text of training X-rays; calibrate them on patients they were not fit on.

One L2-regularised logistic regression a fact over the active features, all features at once: features that fire together share
the credit, which a sum of single-feature ratios would count twice. A specific fact (a side, a place) starts from the scores of the
looser facts that it implies, learned apart, so that a few patients are enough to tell a side. Scores of training X-rays come
from models that have not seen their patients (four folds); with those of the validation split they calibrate (Platt, 1999) and
set the thresholds.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from saerad_core.descriptions.calibration import calibrate, log_loss
from saerad_core.descriptions.evidence import EvidenceTables
from saerad_core.descriptions.examples import Examples
from saerad_core.descriptions.matching import numbered
from saerad_core.descriptions.matrices import Csr, dense
from saerad_core.descriptions.reported import Reported, depth, looser
from saerad_core.descriptions.severity import fit_severity
from saerad_core.vocabulary import Fact

_FREE = 20
"""Columns scaled by this are in effect not regularised: intercepts and the scores of looser facts."""


@dataclass
class FitSettings:
    """How evidence is learned."""

    fewest: int = 8
    """Training patients whose reports state a fact; rarer facts are left to the looser ones that they imply."""
    folds: int = 4
    """Groups of patients for scores by models that have not seen them."""
    strengths: tuple[float, ...] = (0.03, 0.1, 0.3, 1.0)
    """Inverse regularisations tried; the one with the least held-out log loss is taken, one for each level of facts."""
    tried_on: int = 2
    """Folds that the strengths are compared on; more cost time and change nothing."""
    shrink: float = 20.0
    """Patients with a fact at which its own calibration and threshold weigh as much as those of all facts together."""


@dataclass
class _Linear:
    """A fact's scores: weights over features, intercept, and held-out scores of training X-rays."""

    weights: np.ndarray
    intercept: float
    unseen: np.ndarray


def fit_evidence(
    active: Csr,
    images: pd.DataFrame,
    reported: Reported,
    *,
    validate_active: Csr,
    validate_reported: Reported,
    settings: FitSettings | None = None,
) -> EvidenceTables:
    """Fit on the training split, calibrate on its held-out folds and on the validation split.

    Args:
        active: float32 [N, m], non-zero where a feature is active.
        images: metadata of the N training X-rays: image_id, patient_id.
        reported: facts of their reports.
        validate_active: [V, m] of the validation split.
        validate_reported: facts of its reports, with the same columns as ``reported``.
        settings: how.
    """
    settings = settings or FitSettings()
    patients = numbered(images["patient_id"])
    x, x_validate = _binary(active), _binary(validate_active)
    facts = _common(reported, patients, settings.fewest)
    folds = _folds(patients, settings.folds)
    models: dict[Fact, _Linear] = {}
    chosen: dict[str, float] = {}
    for level in sorted({depth(fact) for fact in facts}):
        wanted = [fact for fact in facts if depth(fact) == level]
        targets = {fact: _target(fact, reported, models) for fact in wanted}
        few = range(min(settings.tried_on, settings.folds))

        def attempt(strength: float) -> tuple[float, dict[Fact, np.ndarray]]:
            scores = {fact: _held_out(x, targets[fact], folds, few, strength) for fact in wanted}  # noqa: B023 - used at once
            return _loss(scores, targets, np.isin(folds, few)), scores  # noqa: B023

        strength, scores = _climb(settings.strengths, attempt)
        rest = range(len(few), settings.folds)
        for fact in wanted:
            unseen = scores[fact] + _held_out(x, targets[fact], folds, rest, strength)
            models[fact] = _whole(x, targets[fact], unseen, strength)
        chosen[str(level)] = strength
    return _calibrated(x_validate, active, images, reported, validate_reported, facts, models, chosen, settings)


def _climb(
    strengths: tuple[float, ...], attempt: Callable[[float], tuple[float, dict[Fact, np.ndarray]]]
) -> tuple[float, dict[Fact, np.ndarray]]:
    """The best of ascending strengths, from the middle in the direction of less loss: it has one valley."""
    done: dict[int, tuple[float, dict[Fact, np.ndarray]]] = {}

    def loss(index: int) -> float:
        if not 0 <= index < len(strengths):
            return np.inf
        if index not in done:
            done[index] = attempt(strengths[index])
        return done[index][0]

    at = (len(strengths) - 1) // 2
    step = 1 if loss(at + 1) < loss(at) else -1
    while loss(at + step) < loss(at):
        at += step
    return strengths[at], done[at][1]


def _calibrated(
    x_validate: Csr,
    active: Csr,
    images: pd.DataFrame,
    reported: Reported,
    validate_reported: Reported,
    facts: list[Fact],
    models: dict[Fact, _Linear],
    chosen: dict[str, float],
    settings: FitSettings,
) -> EvidenceTables:
    m, k = active.shape[1], len(facts)
    patients = numbered(images["patient_id"])
    columns = [reported.column(fact) for fact in facts]
    weights = np.stack([models[fact].weights for fact in facts]) if facts else np.zeros((0, m))
    intercepts = np.array([models[fact].intercept for fact in facts])
    held_out = np.stack([models[fact].unseen for fact in facts], axis=1) if facts else np.zeros((active.shape[0], 0))
    scores = np.concatenate([held_out, np.asarray(x_validate @ weights.T) + intercepts])
    truth = np.concatenate([dense(part.stated[:, columns]) for part in (reported, validate_reported)])
    known = 1.0 - np.concatenate([dense(part.unknown[:, columns]) for part in (reported, validate_reported)])
    found = calibrate(scores, truth, known, np.array([depth(fact) for fact in facts]), settings.shrink)
    stated = dense(reported.stated[:, columns])
    return EvidenceTables(
        facts=tuple(facts),
        weights=(weights * found.slope[:, None]).astype(np.float32),
        intercepts=(intercepts * found.slope + found.shift).astype(np.float32),
        thresholds=found.thresholds.astype(np.float32),
        priors=stated.mean(axis=0).astype(np.float32) if k else np.zeros(0, np.float32),
        denials=dense(reported.denied[:, columns]).mean(axis=0).astype(np.float32) if k else np.zeros(0, np.float32),
        patients=_patients_with(stated, patients).astype(np.int32),
        **fit_severity(active, reported, patients)._asdict(),
        examples=Examples.of(active, images, reported, tuple(facts)),
        fitted=json.loads(json.dumps(asdict(settings)))
        | {
            "chosen": chosen,
            "log_loss": log_loss(found.probabilities(scores), truth, known),
            "training": active.shape[0],
        },
    )


def _binary(active: Csr) -> Csr:
    # Strength of firing added nothing on held-out patients, and a yes or no is easier to explain.
    out = active.tocsr().astype(np.float64)
    out.data = (out.data > 0).astype(np.float64)
    return out


def _patients_with(stated: np.ndarray, patients: np.ndarray) -> np.ndarray:
    """Patients with some X-ray whose report states each fact, [K]."""
    return np.array([len(np.unique(patients[column > 0])) for column in stated.T], dtype=np.int64)


def _common(reported: Reported, patients: np.ndarray, fewest: int) -> list[Fact]:
    """Facts that enough patients have and some lack, looser before more specific."""
    stated = dense(reported.stated)
    enough = _patients_with(stated, patients) >= fewest
    varies = stated.mean(axis=0) < 1 if len(stated) else enough
    return [fact for fact, good in zip(reported.facts, enough & varies, strict=True) if good]


def _folds(patients: np.ndarray, folds: int) -> np.ndarray:
    """Fold of each X-ray; all of a patient's are in one."""
    order = np.random.default_rng(0).permutation(int(patients.max(initial=-1)) + 1)
    return order[patients] % folds


@dataclass
class _Target:
    """What a fact's regression is fit to."""

    y: np.ndarray
    """[N] in {0, 1}."""
    known: np.ndarray
    """bool [N]."""
    parents: list[_Linear]
    """Models of the looser facts."""
    prior: np.ndarray
    """[N, parents]: their held-out scores."""


def _target(fact: Fact, reported: Reported, models: dict[Fact, _Linear]) -> _Target:
    column = reported.column(fact)
    parents = [models[wider] for wider in looser(fact) if wider in models]
    n = reported.stated.shape[0]
    return _Target(
        y=dense(reported.stated[:, [column]]).ravel(),
        known=dense(reported.unknown[:, [column]]).ravel() == 0,
        parents=parents,
        prior=np.stack([parent.unseen for parent in parents], axis=1) if parents else np.zeros((n, 0)),
    )


def _held_out(x: Csr, target: _Target, folds: np.ndarray, which: Iterable[int], strength: float) -> np.ndarray:
    """Scores [N] of the X-rays of some folds, each by a model of all other folds; 0 elsewhere."""
    scores = np.zeros(len(folds))
    for fold in which:
        away = folds == fold
        weights, gains, intercept = _logistic(x, target.prior, target.y, target.known & ~away, strength)
        scores[away] = np.asarray(x[away] @ weights).ravel() + target.prior[away] @ gains + intercept
    return scores


def _whole(x: Csr, target: _Target, unseen: np.ndarray, strength: float) -> _Linear:
    """The model of all rows; the scores of looser facts are linear in the features too and dissolve into the weights."""
    weights, gains, intercept = _logistic(x, target.prior, target.y, target.known, strength)
    for gain, parent in zip(gains, target.parents, strict=True):
        weights = weights + gain * parent.weights
        intercept += gain * parent.intercept
    return _Linear(weights, float(intercept), unseen)


def _logistic(
    x: Csr, prior: np.ndarray, y: np.ndarray, rows: np.ndarray, strength: float
) -> tuple[np.ndarray, np.ndarray, float]:
    """Weights over features, gains on the prior scores, and intercept, from some rows."""
    n_prior = prior.shape[1]
    target = y[rows] > 0
    if target.all() or not target.any():
        share = (target.sum() + 0.5) / (len(target) + 1)
        return np.zeros(x.shape[1]), np.zeros(n_prior), float(np.log(share / (1 - share)))
    inputs = sparse.hstack([x[rows], sparse.csr_matrix(prior[rows] * _FREE)], format="csr") if n_prior else x[rows]
    model = LogisticRegression(C=strength, solver="liblinear", intercept_scaling=_FREE, tol=1e-3)
    model.fit(inputs, target)
    coefficients = np.asarray(model.coef_)[0]
    return coefficients[: x.shape[1]], coefficients[x.shape[1] :] * _FREE, float(np.asarray(model.intercept_)[0])


def _loss(scores: dict[Fact, np.ndarray], targets: dict[Fact, _Target], rows: np.ndarray) -> float:
    logits = np.stack([scores[fact][rows] for fact in targets], axis=1)
    truth = np.stack([target.y[rows] for target in targets.values()], axis=1)
    known = np.stack([target.known[rows] for target in targets.values()], axis=1)
    return log_loss(1 / (1 + np.exp(-logits)), truth, known)
