"""Learn evidence tables from the report text of training X-rays; calibrate them on patients they were not fit on.

One L1-regularised logistic regression a fact (Tibshirani, 1996) over the activations of all features at once: few features are
left, and those that fire together share the credit, which a sum of single-feature ratios would count twice. It reads how strongly
a feature fires, before the active rule: that rule, made for browsing, keeps 30 of some 400 features that fire on a patch-coded X-ray.
A specific fact (a side, a place) starts from the scores of the looser facts that it implies, learned apart, so that a few
patients are enough to tell a side. Scores of training X-rays come from models that have not seen their patients (four folds);
with those of the validation split they calibrate (Platt, 1999) and set the thresholds.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import expit

from saerad_core.descriptions.calibration import calibrate, log_loss
from saerad_core.descriptions.evidence import EvidenceTables
from saerad_core.descriptions.examples import Examples
from saerad_core.descriptions.lasso import Fit, Inputs, Targets, fit_lasso
from saerad_core.descriptions.matching import numbered
from saerad_core.descriptions.matrices import Csr, dense
from saerad_core.descriptions.reported import Reported, depth, looser
from saerad_core.descriptions.severity import fit_severity
from saerad_core.descriptions.strengths import Scale
from saerad_core.vocabulary import Fact


@dataclass
class FitSettings:
    """How evidence is learned."""

    fewest: int = 8
    """Training patients whose reports state a fact; rarer facts are left to the looser ones that they imply."""
    folds: int = 4
    """Groups of patients for scores by models that have not seen them."""
    fewest_firing: int = 5
    """Training X-rays on which a feature fires; a rarer one is no evidence."""
    most_images: int = 60_000
    """Training X-rays that are learned from, drawn by patient where there are more: memory and hours grow with them."""
    strengths: tuple[float, ...] = (0.03, 0.1, 0.3)
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
    codes: Csr,
    active: Csr,
    images: pd.DataFrame,
    reported: Reported,
    *,
    validate_codes: Csr,
    validate_reported: Reported,
    settings: FitSettings | None = None,
) -> EvidenceTables:
    """Fit on the training split, calibrate on its held-out folds and on the validation split.

    Args:
        codes: float32 [N, m], activations before the active rule.
        active: float32 [N, m], the same where a feature is active: for examples and severities.
        images: metadata of the N training X-rays: image_id, patient_id.
        reported: facts of their reports.
        validate_codes: [V, m] of the validation split.
        validate_reported: facts of its reports, with the same columns as ``reported``.
        settings: how.
    """
    settings = settings or FitSettings()
    patients = numbered(images["patient_id"])
    facts = _common(reported, patients, settings.fewest)
    learned = _learned_from(patients, settings.most_images)
    scale = Scale.fit(codes[learned], settings.fewest_firing)
    x = scale.of(codes[learned])
    some, folds = reported.rows(learned), _folds(patients[learned], settings.folds)
    inputs = _Split(x, folds, settings)
    models: dict[Fact, _Linear] = {}
    chosen: dict[str, float] = {}
    for level in sorted({depth(fact) for fact in facts}):
        wanted = [fact for fact in facts if depth(fact) == level]
        found, chosen[str(level)] = _level(inputs, [_target(fact, some, models) for fact in wanted], settings)
        models |= dict(zip(wanted, found, strict=True))
    scored = _Scored(
        scores=np.stack([models[fact].unseen for fact in facts], axis=1) if facts else np.zeros((len(learned), 0)),
        weights=np.stack([models[fact].weights for fact in facts]) if facts else np.zeros((0, x.shape[1])),
        intercepts=np.array([models[fact].intercept for fact in facts]),
    )
    unseen = np.concatenate(
        [scored.scores, np.asarray(scale.of(validate_codes) @ scored.weights.T) + scored.intercepts]
    )
    columns = [reported.column(fact) for fact in facts]
    truth = np.concatenate([dense(part.stated[:, columns]) for part in (some, validate_reported)])
    known = 1.0 - np.concatenate([dense(part.unknown[:, columns]) for part in (some, validate_reported)])
    found = calibrate(unseen, truth, known, np.array([depth(fact) for fact in facts]), settings.shrink)
    stated = reported.stated[:, columns]
    centred = scored.intercepts + scored.weights @ (scale.centre / scale.divisor)
    return EvidenceTables(
        facts=tuple(facts),
        weights=(scored.weights * found.slope[:, None]).astype(np.float32),
        intercepts=(centred * found.slope + found.shift).astype(np.float32),
        centre=scale.centre,
        scale=scale.divisor,
        most=scale.most,
        thresholds=found.thresholds.astype(np.float32),
        priors=_shares(stated),
        denials=_shares(reported.denied[:, columns]),
        patients=_patients_with(dense(stated), patients).astype(np.int32),
        **fit_severity(active, reported, patients)._asdict(),
        examples=Examples.of(active, images, reported, tuple(facts)),
        fitted=json.loads(json.dumps(asdict(settings)))
        | {
            "chosen": chosen,
            "log_loss": log_loss(found.probabilities(unseen), truth, known),
            "training": len(learned),
            "features_a_fact": float(np.median((scored.weights != 0).sum(axis=1))) if facts else 0.0,
        },
    )


class _Scored(NamedTuple):
    """Models of K facts side by side."""

    scores: np.ndarray
    """[N, K], held out."""
    weights: np.ndarray
    """[K, m]."""
    intercepts: np.ndarray
    """[K]."""


def _learned_from(patients: np.ndarray, most: int) -> np.ndarray:
    """Rows that are learned from: all, or those of as many patients, drawn at random, as come to ``most`` X-rays."""
    if len(patients) <= most:
        return np.arange(len(patients))
    order = np.random.default_rng(0).permutation(int(patients.max()) + 1)
    sizes = np.cumsum(np.bincount(patients)[order])
    return np.flatnonzero(np.isin(patients, order[sizes <= most]))


class _Split:
    """Activations without each fold, of each fold, and of all; arrays are made once and serve every fact."""

    def __init__(self, x: Csr, folds: np.ndarray, settings: FitSettings) -> None:
        self.x, self.folds, self.settings = x, folds, settings
        self.all = Inputs(x)

    def without(self, fold: int) -> Inputs:
        """Of the rows that are not in the fold."""
        return Inputs(self.x[self.folds != fold])


def _level(inputs: _Split, targets: list[_Target], settings: FitSettings) -> tuple[list[_Linear], float]:
    """Models of the facts of one level, and the strength that they share."""
    stacked = _stacked(targets)
    few = range(min(settings.tried_on, settings.folds))
    tried = {fold: inputs.without(fold) for fold in few}
    last: Fit | None = None

    def attempt(strength: float) -> tuple[float, np.ndarray]:
        nonlocal last
        scores = np.zeros(stacked.y.shape)
        for fold, some in tried.items():
            last = _held_out(inputs, some, stacked, fold, strength, last, scores)
        return _loss(scores, stacked, np.isin(inputs.folds, few)), scores

    strength, scores = _climb(settings.strengths, attempt)
    for fold in range(len(few), settings.folds):
        last = _held_out(inputs, inputs.without(fold), stacked, fold, strength, last, scores)
    whole = fit_lasso(inputs.all, stacked, strength, last)
    return [_dissolved(inputs.all, whole, k, target, scores[:, k]) for k, target in enumerate(targets)], strength


def _stacked(targets: list[_Target]) -> Targets:
    deepest = max(len(target.parents) for target in targets)
    prior = [np.pad(target.prior, ((0, 0), (0, deepest - target.prior.shape[1]))) for target in targets]
    return Targets(
        np.stack([target.y for target in targets], axis=1).astype(np.float32),
        np.stack([target.known for target in targets], axis=1).astype(np.float32),
        np.stack(prior, axis=2).astype(np.float32),
    )


def _held_out(
    inputs: _Split, some: Inputs, targets: Targets, fold: int, strength: float, start: Fit | None, scores: np.ndarray
) -> Fit:
    """Fit without a fold and write the scores of its X-rays, float64 [N, K] of all."""
    away = inputs.folds == fold
    found = fit_lasso(some, targets.rows(~away), strength, start)
    if away.any():
        weights = found.weights.astype(np.float64)
        scores[away] = np.asarray(inputs.x[away] @ weights) - some.mean @ weights + found.intercepts
        scores[away] += np.einsum("npk,pk->nk", targets.prior[away], found.gains)
    return found


def _dissolved(x: Inputs, whole: Fit, k: int, target: _Target, unseen: np.ndarray) -> _Linear:
    """One fact's model; the scores of looser facts are linear in the features too and go into its weights."""
    weights = whole.weights[:, k].astype(np.float64)
    intercept = float(whole.intercepts[k]) - float(x.mean @ weights)
    for gain, parent in zip(whole.gains[:, k], target.parents, strict=False):
        weights = weights + float(gain) * parent.weights
        intercept += float(gain) * parent.intercept
    return _Linear(weights, intercept, unseen)


def _climb(
    strengths: tuple[float, ...], attempt: Callable[[float], tuple[float, np.ndarray]]
) -> tuple[float, np.ndarray]:
    """The best of ascending strengths, from the middle in the direction of less loss: it has one valley."""
    done: dict[int, tuple[float, np.ndarray]] = {}

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


def _shares(matrix: Csr) -> np.ndarray:
    """Mean of each column, float32 [K]."""
    return np.asarray(matrix.mean(axis=0), dtype=np.float32).ravel()


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


def _loss(scores: np.ndarray, targets: Targets, rows: np.ndarray) -> float:
    return log_loss(expit(scores[rows]), targets.y[rows], targets.known[rows])
