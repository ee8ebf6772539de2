"""Probabilities that mean what they say, and thresholds that rare facts can't spoil."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_LEAST = 1e-6


@dataclass(frozen=True)
class Calibration:
    """What turns K facts' scores into decisions."""

    slope: np.ndarray
    """[K]."""
    shift: np.ndarray
    """[K]."""
    thresholds: np.ndarray
    """[K], as probabilities."""

    def probabilities(self, scores: np.ndarray) -> np.ndarray:
        """Calibrated probabilities of scores [N, K]."""
        return 1 / (1 + np.exp(-np.clip(scores * self.slope + self.shift, -500, 500)))


def calibrate(
    scores: np.ndarray, truth: np.ndarray, known: np.ndarray, levels: np.ndarray, shrink: float
) -> Calibration:
    """Slopes, shifts and thresholds from scores of X-rays whose patients the models have not seen.

    Args:
        scores: [N, K].
        truth: [N, K] in {0, 1}.
        known: [N, K] in {0, 1}; unknown ones don't count.
        levels: [K]; facts of one level share what each can't learn by itself.
        shrink: positives at which a fact's own figures weigh as much as the shared ones.
    """
    slope, shift = platt(scores, truth, known, shrink)
    unset = Calibration(slope, shift, np.full(len(slope), 0.5))
    return Calibration(slope, shift, best_thresholds(unset.probabilities(scores), truth, known, levels, shrink))


def log_loss(p: np.ndarray, truth: np.ndarray, known: np.ndarray) -> float:
    """Mean negative log likelihood over what is known; all [N, K]."""
    p = np.clip(p, _LEAST, 1 - _LEAST)
    loss = -(truth * np.log(p) + (1 - truth) * np.log(1 - p))
    return float((loss * known).sum() / max(known.sum(), 1))


def platt(scores: np.ndarray, truth: np.ndarray, known: np.ndarray, shrink: float) -> tuple[np.ndarray, np.ndarray]:
    """Slope and shift that turn each fact's held-out scores into calibrated logits (Platt, 1999).

    Each fact's pair is pulled towards the pair of all facts together, as strongly as ``shrink`` positives would pull.

    Args:
        scores: [N, K] by models that have not seen the patients.
        truth: [N, K] in {0, 1}.
        known: [N, K] in {0, 1}; unknown ones don't count.
        shrink: strength of the common pair.

    Returns:
        Slopes [K] and shifts [K].
    """
    k = scores.shape[1]
    if not k:
        return np.ones(0), np.zeros(0)
    # The common pair, weakly held at the identity.
    flat = known.ravel() > 0
    common = _newton(scores.ravel()[flat], truth.ravel()[flat], np.array([1.0, 0.0]), np.array([1.0, 1.0]))
    pairs = []
    for column in range(k):
        rows = known[:, column] > 0
        s = scores[rows, column]
        # A positive's score is worth about p (1 - p) s^2 of curvature; hold the pair with that of `shrink` positives.
        hold = shrink * 0.25 * np.array([max(float(np.mean(s**2)), 1e-3), 1.0]) * 0.25
        pairs.append(_newton(s, truth[rows, column], common, hold))
    found = np.array(pairs)
    # A negative slope would turn evidence round; such a fact is not predictable, and its prior is the honest answer.
    return np.maximum(found[:, 0], 0.0), found[:, 1]


def _newton(s: np.ndarray, y: np.ndarray, centre: np.ndarray, hold: np.ndarray, steps: int = 50) -> np.ndarray:
    """Penalised maximum likelihood of (slope, shift): Newton with halved steps."""

    def loss(pair: np.ndarray) -> float:
        z = s * pair[0] + pair[1]
        return float((np.logaddexp(0, z) - y * z).sum() + 0.5 * (hold * (pair - centre) ** 2).sum())

    pair = centre.astype(np.float64).copy()
    now = loss(pair)
    for _ in range(steps):
        p = 1 / (1 + np.exp(-np.clip(s * pair[0] + pair[1], -500, 500)))
        gradient = np.array([((p - y) * s).sum(), (p - y).sum()]) + hold * (pair - centre)
        w = p * (1 - p)
        hessian = np.array([[(w * s * s).sum(), (w * s).sum()], [(w * s).sum(), w.sum()]]) + np.diag(hold)
        step = np.linalg.solve(hessian, gradient)
        size = 1.0
        while loss(pair - size * step) > now and size > 1e-4:
            size /= 2
        pair, before = pair - size * step, now
        now = loss(pair)
        if before - now < 1e-9:
            break
    return pair


def best_thresholds(
    p: np.ndarray, truth: np.ndarray, known: np.ndarray, levels: np.ndarray, shrink: float
) -> np.ndarray:
    """Probability from which stating each fact gains F1, [K].

    For calibrated probabilities, one threshold for all facts maximises micro-F1 and is half of that F1 (Lipton, Elkan and
    Naryanaswamy, ECML 2014). Each fact's own best threshold is pulled towards its level's common one: with few
    positives the best cut of a handful of X-rays is chance.

    Args:
        p: [N, K] calibrated, on patients the weights were not fit on.
        truth: [N, K].
        known: [N, K].
        levels: [K]; facts of one level share a threshold.
        shrink: positives at which a fact's own threshold weighs as much as the common one.
    """
    out = np.full(p.shape[1], 0.5)
    for level in np.unique(levels):
        columns = np.flatnonzero(levels == level)
        common = _logit(_best_cut(p[:, columns].ravel(), truth[:, columns].ravel(), known[:, columns].ravel()))
        for column in columns:
            n = float((truth[:, column] * known[:, column]).sum())
            own = _logit(_best_cut(p[:, column], truth[:, column], known[:, column]))
            share = n / (n + shrink)
            out[column] = 1 / (1 + np.exp(-(share * own + (1 - share) * common)))
    return out


def _logit(p: float) -> float:
    p = float(np.clip(p, 0.02, 0.98))
    return float(np.log(p / (1 - p)))


def _best_cut(p: np.ndarray, truth: np.ndarray, known: np.ndarray) -> float:
    """Cut with the largest F1, halfway to the next probability below it; 0.5 where there is no positive."""
    keep = known > 0
    p, truth = p[keep], truth[keep]
    if not truth.any():
        return 0.5
    order = np.argsort(-p, kind="stable")
    ranked, hits = p[order], np.cumsum(truth[order])
    f1 = 2 * hits / (np.arange(1, len(p) + 1) + truth.sum())
    best = int(np.argmax(f1))
    following = ranked[best + 1] if best + 1 < len(ranked) else 0.0
    return float((ranked[best] + following) / 2)
