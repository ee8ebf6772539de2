"""Train a TopK SAE, stopped early on validation patients (Gao et al. 2024, with their auxiliary loss for dead features)."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field

import numpy as np
import torch
from torch.nn import functional as F

from saerad_core.progress import Progress, Silent
from saerad_core.sae.config import SaeConfig
from saerad_core.sae.metrics import explained_variance
from saerad_core.sae.topk import Codes, TopKSae

MOST_VALIDATION = 40_000
"""Validation tokens that early stopping looks at."""


@dataclass
class Trained:
    """The best dictionary on the validation patients, and how it got there."""

    sae: TopKSae
    best_step: int = 0
    log: list[dict] = field(default_factory=list)
    """One entry a look: step, explained_variance on validation, dead share in training."""


def _start(train: np.ndarray, config: SaeConfig, generator: np.random.Generator) -> tuple[TopKSae, float]:
    """A dictionary of data points, and the scale that brings tokens to the length sqrt(d)."""
    rows = np.sort(generator.choice(len(train), min(len(train), 20_000), replace=False))
    sample = torch.from_numpy(train[rows].astype(np.float32))
    mean = sample.mean(0)
    scale = float(config.d_in**0.5 / (sample - mean).norm(dim=1).mean().clamp_min(1e-8))
    sae = TopKSae(config)
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
    optimizer = torch.optim.Adam(sae.parameters(), lr=config.lr, betas=(0.9, 0.999))
    keep = np.sort(generator.permutation(len(tokens_validate))[:MOST_VALIDATION])
    validate = torch.from_numpy(tokens_validate[keep].astype(np.float32)) * scale
    silent_for = torch.zeros(config.d_sae)
    best, since, result = -np.inf, 0, Trained(sae)
    best_state = copy.deepcopy(sae.state_dict())
    progress.stage("Training the sparse autoencoder", config.steps)
    for step in range(config.steps):
        for group in optimizer.param_groups:
            group["lr"] = config.lr * _rate(step, config)
        rows = np.sort(generator.integers(0, len(tokens_train), batch))
        x = torch.from_numpy(tokens_train[rows].astype(np.float32)) * scale
        loss = _loss(sae, x, silent_for, config)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        _project(sae)
        optimizer.step()
        sae.normalise()
        progress.advance()
        if (step + 1) % config.check_every and step + 1 < config.steps:
            continue
        gained = _explained(sae, validate)
        dead = float((silent_for >= config.dead_after).float().mean())
        result.log.append(
            {"step": step + 1, "explained_variance": gained, "dead_share": dead, "loss": float(loss.detach())}
        )
        if gained > best + 1e-4:
            best, since, result.best_step = gained, 0, step + 1
            best_state = copy.deepcopy(sae.state_dict())
        else:
            since += 1
            if since >= config.patience:
                break
    sae.load_state_dict(best_state)
    _unscale(sae, scale)
    sae.eval()
    return result


def _loss(sae: TopKSae, x: torch.Tensor, silent_for: torch.Tensor, config: SaeConfig) -> torch.Tensor:
    pre = sae.pre_activations(x)
    values, indices = pre.topk(config.k, dim=-1, sorted=False)
    codes = Codes(indices, F.relu(values))
    rebuilt = sae.decode(codes)
    error = x - rebuilt
    spread = (x - x.mean(0)).square().sum(1).mean().clamp_min(1e-8)
    loss = error.square().sum(1).mean() / spread
    with torch.no_grad():
        silent_for += len(x)
        silent_for[indices[values > 0]] = 0
        dead = silent_for >= config.dead_after
    count = int(dead.sum())
    if count and config.aux_k:
        among = torch.where(dead, pre, torch.full_like(pre, -torch.inf))
        values, indices = among.topk(min(config.aux_k, count), dim=-1, sorted=False)
        guess = sae.decode(Codes(indices, F.relu(values))) - sae.b_dec
        residual = error.detach()
        aux = (residual - guess).square().sum(1).mean() / residual.square().sum(1).mean().clamp_min(1e-8)
        loss = loss + config.aux_weight * aux
    return loss


@torch.no_grad()
def _project(sae: TopKSae) -> None:
    """Take the part along each decoder row out of its gradient: the row's length is fixed."""
    gradient = sae.W_dec.grad
    assert gradient is not None
    gradient -= (gradient * sae.W_dec).sum(1, keepdim=True) * sae.W_dec


@torch.no_grad()
def _explained(sae: TopKSae, x: torch.Tensor) -> float:
    rebuilt = torch.cat([sae.decode(sae.encode(part)) for part in x.split(4_096)])
    return explained_variance(x, rebuilt, x.mean(0))


@torch.no_grad()
def _unscale(sae: TopKSae, scale: float) -> None:
    """From tokens of length sqrt(d) back to tokens as they come; unit decoder rows stay as they are."""
    sae.b_enc.div_(scale)
    sae.b_dec.div_(scale)
