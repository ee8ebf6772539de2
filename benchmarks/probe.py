"""Linear probes: one logistic regression a finding, all fitted at once."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.metrics import roc_auc_score

STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1)
"""L2 penalties tried; one is chosen for each representation, on patients kept out of the fit."""


def _fit(x: torch.Tensor, y: torch.Tensor, penalty: float) -> torch.Tensor:
    weights = torch.zeros(x.shape[1] + 1, y.shape[1], requires_grad=True)
    optimizer = torch.optim.LBFGS([weights], max_iter=150, history_size=20, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        logits = x @ weights[:-1] + weights[-1]
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, y, reduction="none").mean(0).sum()
        loss = loss + penalty * weights[:-1].square().sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    return weights.detach()


def aurocs(truth: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """AUROC of each column; nan where a column has one class only."""
    return np.array(
        [roc_auc_score(t, s) if 0 < t.sum() < len(t) else np.nan for t, s in zip(truth.T, scores.T, strict=True)]
    )


def probe(
    fit: np.ndarray, fit_labels: np.ndarray, patients: np.ndarray, test: np.ndarray, labels: np.ndarray
) -> tuple[np.ndarray, float]:
    """AUROC of each finding on the test X-rays.

    Args:
        fit: float [N, d] representation of the X-rays that the probe is fitted on.
        fit_labels: bool [N, F].
        patients: [N] patient of each; a fifth of them choose the penalty.
        test: float [T, d].
        labels: bool [T, F].

    Returns:
        float [F], and the penalty that was chosen.
    """
    mean, sd = fit.mean(0), fit.std(0) + 1e-6
    x, z = (torch.from_numpy(((a - mean) / sd).astype(np.float32)) for a in (fit, test))
    y = torch.from_numpy(fit_labels.astype(np.float32))
    names = np.unique(patients)
    kept_out = torch.from_numpy(np.isin(patients, np.random.default_rng(0).permutation(names)[: len(names) // 5]))
    best = max(
        STRENGTHS,
        key=lambda penalty: np.nanmean(
            aurocs(fit_labels[kept_out.numpy()], _scores(x[kept_out], _fit(x[~kept_out], y[~kept_out], penalty)))
        ),
    )
    return aurocs(labels, _scores(z, _fit(x, y, best))), best


def _scores(x: torch.Tensor, weights: torch.Tensor) -> np.ndarray:
    return (x @ weights[:-1] + weights[-1]).numpy()
