"""L1-regularised logistic regressions of many facts on the same inputs, solved side by side.

Proximal gradient steps whose length follows each fact's own curvature (SpaRSA: Wright, Nowak and Figueiredo, IEEE Trans. Signal
Processing 57, 2009; steps of Barzilai and Borwein). One matrix product serves all facts, which is several times faster here than
one coordinate descent a fact, and a fact that has settled drops out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from saerad_core.descriptions.matrices import Csr

DENSE = 0.05
"""Share of entries that aren't zero from which an ordinary array is quicker than a sparse one."""
LARGEST = 200_000_000
"""Entries of an ordinary array that may be made."""
_MEMORY = 5
"""Steps back that an objective is compared with: it may rise for a moment."""
_SHORTEST, _LONGEST = 1e-6, 1e3
_TRIES = 20
"""Times that a step is shortened to a quarter at most."""


class Inputs:
    """Activations [N, m] in standard deviations, centred without being made dense where they are sparse."""

    def __init__(self, x: Csr) -> None:
        n, m = x.shape
        mean = np.asarray(x.mean(axis=0), dtype=np.float32).ravel()
        if x.nnz >= DENSE * n * m and n * m <= LARGEST:
            self._x = np.asarray(x.todense(), dtype=np.float32) - mean
            self._mean = None
        else:
            self._x, self._mean = x.astype(np.float32), mean
        self.shape = (n, m)
        self.mean = mean

    def forward(self, weights: np.ndarray) -> np.ndarray:
        """[N, K] of float32 weights [m, K]."""
        out = np.asarray(self._x @ weights)
        return out if self._mean is None else out - self._mean @ weights

    def backward(self, residual: np.ndarray) -> np.ndarray:
        """[m, K] of float32 residuals [N, K]."""
        out = np.asarray(self._x.T @ residual)
        return out if self._mean is None else out - np.outer(self._mean, residual.sum(axis=0))


@dataclass
class Fit:
    """K regressions, of inputs that are centred."""

    weights: np.ndarray
    """float32 [m, K]."""
    gains: np.ndarray
    """float32 [P, K], of what a fact starts from; not penalised."""
    intercepts: np.ndarray
    """float32 [K]; not penalised."""

    def columns(self, which: np.ndarray) -> Fit:
        """Some of the regressions."""
        return Fit(self.weights[:, which], self.gains[:, which], self.intercepts[which])


@dataclass
class Targets:
    """What K regressions are fit to."""

    y: np.ndarray
    """float32 [N, K] in {0, 1}."""
    known: np.ndarray
    """float32 [N, K] in {0, 1}: whether the row counts."""
    prior: np.ndarray
    """float32 [N, P, K]: scores to start from, 0 where a fact has fewer."""

    def columns(self, which: np.ndarray) -> Targets:
        """Some of the facts."""
        return Targets(self.y[:, which], self.known[:, which], self.prior[:, :, which])

    def rows(self, which: np.ndarray) -> Targets:
        """Some of the X-rays."""
        return Targets(self.y[which], self.known[which], self.prior[which])


def fit_lasso(
    x: Inputs,
    targets: Targets,
    strength: float,
    start: Fit | None = None,
    *,
    tolerance: float = 1e-4,
    steps: int = 300,
) -> Fit:
    """Minimise ``strength`` x (sum of log losses of the known rows) + sum of |weights|, for each fact.

    Args:
        x: the activations.
        targets: of K facts.
        strength: inverse regularisation, as scikit-learn's C.
        start: weights to begin with.
        tolerance: relative change of a fact's objective, over several steps, at which it has settled.
        steps: at most so many.
    """
    m, (_, p, k) = x.shape[1], targets.prior.shape
    if start is None:
        shares = (np.sum(targets.y * targets.known, 0) + 0.5) / (np.sum(targets.known, 0) + 1)
        start = Fit(np.zeros((m, k), np.float32), np.zeros((p, k), np.float32), _logit(shares))
    out = Fit(start.weights.copy(), start.gains.copy(), start.intercepts.copy())
    here = np.arange(k)
    now, left = start, targets
    scores = _scores(x, now, left)
    value = _value(scores, now, left, strength)
    history = np.repeat(value[None], _MEMORY, axis=0)
    gradient = _gradient(x, scores, left, strength)
    length = 1.0 / np.maximum(strength * 0.25 * left.known.sum(0), 1e-6)
    for step in range(steps):
        if not len(here):
            break
        new, scores, value, length = _step(x, now, left, gradient, length, history, strength)
        after = _gradient(x, scores, left, strength)
        length = _next_length(now, new, gradient, after, length)
        now, gradient = new, after
        settled = np.abs(history.max(0) - value) <= tolerance * np.maximum(np.abs(value), 1e-6)
        history[step % _MEMORY] = value
        if step >= _MEMORY and settled.any():
            _put(out, here[settled], now.columns(settled))
            keep = ~settled
            here, now, left = here[keep], now.columns(keep), left.columns(keep)
            gradient, history, length = gradient.columns(keep), history[:, keep], length[keep]
    _put(out, here, now)
    return out


def _logit(p: np.ndarray) -> np.ndarray:
    return np.log(p / (1 - p)).astype(np.float32)


def _scores(x: Inputs, fit: Fit, targets: Targets) -> np.ndarray:
    return x.forward(fit.weights) + np.einsum("npk,pk->nk", targets.prior, fit.gains) + fit.intercepts


def _value(scores: np.ndarray, fit: Fit, targets: Targets, strength: float) -> np.ndarray:
    loss = (np.logaddexp(0, scores) - targets.y * scores) * targets.known
    return strength * loss.sum(0, dtype=np.float64) + np.abs(fit.weights).sum(0, dtype=np.float64)


def _gradient(x: Inputs, scores: np.ndarray, targets: Targets, strength: float) -> Fit:
    """Of the smooth part."""
    residual = ((expit(scores) - targets.y) * targets.known * strength).astype(np.float32)
    return Fit(x.backward(residual), np.einsum("npk,nk->pk", targets.prior, residual), residual.sum(0))


def _step(
    x: Inputs, now: Fit, targets: Targets, gradient: Fit, length: np.ndarray, history: np.ndarray, strength: float
) -> tuple[Fit, np.ndarray, np.ndarray, np.ndarray]:
    """One proximal step of every fact; those whose objective would rise above the last few take shorter ones."""
    length = length.copy()
    tries = 0
    while True:
        new = _moved(now, gradient, length)
        scores = _scores(x, new, targets)
        value = _value(scores, new, targets, strength)
        rises = value > history.max(0) * (1 + 1e-6)
        tries += 1
        if tries == _TRIES or not rises.any():
            return new, scores, value, length
        length[rises] /= 4


def _moved(now: Fit, gradient: Fit, length: np.ndarray) -> Fit:
    length = length.astype(np.float32)
    weights = now.weights - length * gradient.weights
    weights = np.sign(weights) * np.maximum(np.abs(weights) - length, 0)
    return Fit(weights, now.gains - length * gradient.gains, now.intercepts - length * gradient.intercepts)


def _next_length(now: Fit, new: Fit, before: Fit, after: Fit, length: np.ndarray) -> np.ndarray:
    moved, turned = np.zeros(len(length)), np.zeros(len(length))
    for name in ("weights", "gains", "intercepts"):
        d = np.atleast_2d(getattr(new, name) - getattr(now, name))
        g = np.atleast_2d(getattr(after, name) - getattr(before, name))
        moved += np.square(d).sum(0)
        turned += (d * g).sum(0)
    found = np.where((moved > 0) & (turned > 0), moved / np.maximum(turned, 1e-30), length)
    return np.clip(found, _SHORTEST, _LONGEST)


def _put(out: Fit, which: np.ndarray, found: Fit) -> None:
    out.weights[:, which], out.gains[:, which], out.intercepts[which] = found.weights, found.gains, found.intercepts
