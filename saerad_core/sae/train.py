"""Train a TopK SAE, stopped early on validation patients (Gao et al. 2024, with their auxiliary loss for dead features)."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field

import numpy as np
import torch

from saerad_core.progress import Progress, Silent
from saerad_core.sae.base import Sae
from saerad_core.sae.config import SaeConfig
from saerad_core.sae.metrics import explained_variance
from saerad_core.sae.registry import make, stepper_for

MOST_VALIDATION = 40_000
"""Validation tokens that early stopping looks at."""


@dataclass
class Trained:
    """The best dictionary on the validation patients, and how it got there."""

    sae: Sae
    best_step: int = 0
    log: list[dict] = field(default_factory=list)
    """One entry a look: step, explained_variance on validation, dead share in training."""


def _start(train: np.ndarray, config: SaeConfig, generator: np.random.Generator) -> tuple[Sae, float]:
    """A dictionary of data points, and the scale that brings tokens to the length sqrt(d)."""
    rows = np.sort(generator.choice(len(train), min(len(train), 20_000), replace=False))
    sample = torch.from_numpy(train[rows].astype(np.float32))
    mean = sample.mean(0)
    scale = float(config.d_in**0.5 / (sample - mean).norm(dim=1).mean().clamp_min(1e-8))
    sae = make(config)
    picks = torch.from_numpy(generator.choice(len(sample), config.d_sae, replace=len(sample) < config.d_sae))
    torch.manual_seed(config.seed)
    directions = (sample[picks] - mean) * scale
    directions = directions + 0.1 * directions.std() * torch.randn_like(directions)
    with torch.no_grad():
        sae.W_dec.copy_(directions)
        sae.normalise()
        sae.W_enc.copy_(sae.W_dec.T)
        sae.b_dec.copy_(mean * scale)
    return sae, scale


def _rate(step: int, config: SaeConfig) -> float:
    fade = (config.steps - step) / max(1.0, 0.2 * config.steps)
    return min((step + 1) / max(1, config.warmup), 1.0, max(fade, 0.0))


def train(
    tokens_train: np.ndarray, tokens_validate: np.ndarray, config: SaeConfig, progress: Progress | None = None
) -> Trained:
    """Train on one set of tokens, keep the weights that explain most of the other.

    Args:
        tokens_train: float [N, d], may be memory-mapped.
        tokens_validate: float [V, d], of other patients.
        config: see SaeConfig.
        progress: told of every step.

    Returns:
        A dictionary on the tokens as they come (any scaling of the training is folded into its biases).
    """
    progress = progress or Silent()
    generator = np.random.default_rng(config.seed)
    sae, scale = _start(tokens_train, config, generator)
    batch = min(config.batch, max(64, len(tokens_train) // 4))
    stepper = stepper_for(sae, config)
    keep = np.sort(generator.permutation(len(tokens_validate))[:MOST_VALIDATION])
    validate = torch.from_numpy(tokens_validate[keep].astype(np.float32)) * scale
    best, since, result = -np.inf, 0, Trained(sae)
    best_state = copy.deepcopy(sae.state_dict())
    progress.stage("Training the sparse autoencoder", config.steps)
    for step in range(config.steps):
        rows = np.sort(generator.integers(0, len(tokens_train), batch))
        x = torch.from_numpy(tokens_train[rows].astype(np.float32)) * scale
        stats = stepper.step(x, config.lr * _rate(step, config))
        progress.advance()
        if (step + 1) % config.check_every and step + 1 < config.steps:
            continue
        gained = _explained(sae, validate)
        result.log.append(
            {
                "step": step + 1,
                "explained_variance": gained,
                "dead_share": stats.dead / config.d_sae,
                "loss": stats.loss,
            }
        )
        if gained > best + 1e-4:
            best, since, result.best_step = gained, 0, step + 1
            best_state = copy.deepcopy(sae.state_dict())
        else:
            since += 1
            if since >= config.patience:
                break
    sae.load_state_dict(best_state)
    sae.unscale(scale)
    sae.eval()
    return result


@torch.no_grad()
def _explained(sae: Sae, x: torch.Tensor) -> float:
    rebuilt = torch.cat([sae.decode(sae.encode(part)) for part in x.split(4_096)])
    return explained_variance(x, rebuilt, x.mean(0))
