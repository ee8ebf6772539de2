"""Linear probes of the embedding: how much a reader of the dense vector could know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import optimize

PENALTIES = (3.0, 30.0, 300.0)
"""L2 penalties tried, on standardised inputs and the summed loss."""


@dataclass(frozen=True)
class Probes:
    """L logistic regressions on standardised inputs."""

    mean: np.ndarray
    """[d]."""
    scale: np.ndarray
    """[d]."""
    weights: np.ndarray
    """[d, L]."""
    intercepts: np.ndarray
    """[L]."""
    penalty: float

    def logits(self, x: np.ndarray) -> np.ndarray:
        """[N, L] of inputs [N, d]."""
        return (np.asarray(x, dtype=np.float32) - self.mean) / self.scale @ self.weights + self.intercepts


def fit_probes(x: np.ndarray, y: np.ndarray, known: np.ndarray, penalty: float) -> Probes:
    """All labels at once by L-BFGS.

    Args:
        x: [N, d].
        y: [N, L] in {0, 1}.
        known: [N, L] in {0, 1}; unknown labels don't count.
        penalty: of the squared weights; intercepts are free.
    """
    x = np.asarray(x, dtype=np.float32)
    mean, scale = x.mean(axis=0), np.maximum(x.std(axis=0), 1e-6)
    z = (x - mean) / scale
    y, known = y.astype(np.float32), known.astype(np.float32)
    (n, d), labels = z.shape, y.shape[1]
    assert len(y) == n
    share = np.clip((y * known).sum(axis=0) / np.maximum(known.sum(axis=0), 1), 1e-3, 1 - 1e-3)
    start = np.zeros((d + 1, labels), dtype=np.float32)
    start[-1] = np.log(share / (1 - share))

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        w = flat.reshape(d + 1, labels).astype(np.float32)
        logits = z @ w[:-1] + w[-1]
        value = float((known * (np.logaddexp(0, logits) - y * logits)).sum(dtype=np.float64))
        value += 0.5 * penalty * float((w[:-1].astype(np.float64) ** 2).sum())
        error = known * (1 / (1 + np.exp(-np.clip(logits, -80, 80))) - y)
        gradient = np.concatenate([z.T @ error + penalty * w[:-1], error.sum(axis=0, keepdims=True)])
        return value, gradient.ravel().astype(np.float64)

    found = optimize.minimize(
        loss, start.ravel().astype(np.float64), jac=True, method="L-BFGS-B", options={"maxiter": 150}
    )
    w = found.x.reshape(d + 1, labels).astype(np.float32)
    return Probes(mean, scale, w[:-1], w[-1], penalty)


def choose_penalty(
    x: np.ndarray,
    y: np.ndarray,
    known: np.ndarray,
    validate_x: np.ndarray,
    validate_y: np.ndarray,
    validate_known: np.ndarray,
    penalties: Sequence[float] = PENALTIES,
) -> Probes:
    """The probes whose penalty has the least loss on the validation split, fit on the training split alone."""
    if not len(validate_x):
        return fit_probes(x, y, known, penalties[len(penalties) // 2])

    def loss(probes: Probes) -> float:
        logits = probes.logits(validate_x)
        return float((validate_known * (np.logaddexp(0, logits) - validate_y * logits)).sum())

    return min((fit_probes(x, y, known, penalty) for penalty in penalties), key=loss)
