"""Train an SAE on tokens of some patients, stopped early on tokens of others."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch

from saerad_core.errors import TrainingError
from saerad_core.progress import Progress, Silent
from saerad_core.sae import checkpoint, parallel
from saerad_core.sae.archetypal import set_free
from saerad_core.sae.base import Sae
from saerad_core.sae.config import SaeConfig
from saerad_core.sae.dense import DenseStepper
from saerad_core.sae.metrics import explained_variance
from saerad_core.sae.registry import stepper_for
from saerad_core.sae.runlog import RunLog
from saerad_core.sae.start import initial
from saerad_core.sae.tokens import Batches

MOST_VALIDATION = 40_000
"""Validation tokens that early stopping looks at."""
LOG_EVERY = 20
"""Steps between lines of the run's log."""
NEAR = 0.05
"""A steered SAE counts as on target within this share of its target L0."""
SWEEP = (0.5, 1.0, 2.0)
"""Multiples of the learning rate that the sweep tries."""


@dataclass
class Trained:
    """The best dictionary on the validation patients, and how it got there."""

    sae: Sae
    best_step: int = 0
    log: list[dict] = field(default_factory=list)
    """One entry a look: step, explained_variance and l0 on validation, dead share and loss in training."""


def learning_rate(step: int, config: SaeConfig) -> float:
    """Rises over the warm-up, stays, and falls to 0 over the last fifth."""
    fade = (config.steps - step) / max(1.0, 0.2 * config.steps)
    return config.lr * min((step + 1) / max(1, config.warmup), 1.0, max(fade, 0.0))


def train(
    tokens_train: np.ndarray,
    tokens_validate: np.ndarray,
    config: SaeConfig,
    progress: Progress | None = None,
    *,
    log: Path | None = None,
    resume: Path | None = None,
    device: str = "cpu",
    resident: bool | None = None,
) -> Trained:
    """Train on one set of tokens, keep the weights that explain most of the other.

    Under torchrun every process calls it with the same arguments and takes its share of each batch.

    Args:
        tokens_train: float [N, d], may be memory-mapped.
        tokens_validate: float [V, d], of other patients.
        config: see SaeConfig.
        progress: told of every step.
        log: JSON lines are added to it while training runs.
        resume: a checkpoint is written here at every look, gone on from where it exists, and removed at the end.
        device: where to train.
        resident: whether tokens lie in the device's memory; None: where they fit.

    Returns:
        A dictionary on the tokens as they come (any scaling of the training is folded into its biases).

    Raises:
        TrainingError: the loss is no longer a number, or the checkpoint can't be used.
    """
    progress, main = progress or Silent(), parallel.rank() == 0
    lines = RunLog(log if main else None)
    sae, scale = initial(tokens_train, config, torch.device(device))
    stepper = stepper_for(sae, config)
    size = min(config.batch, max(64, len(tokens_train) // 4))
    size -= size % parallel.world()
    share = size // parallel.world()
    mine = slice(parallel.rank() * share, (parallel.rank() + 1) * share)
    batches = Batches(tokens_train, size, config.seed, torch.device(device), resident=resident)
    keep = np.sort(np.random.default_rng(config.seed).permutation(len(tokens_validate))[:MOST_VALIDATION])
    validate = torch.from_numpy(tokens_validate[keep].astype(np.float32)).to(device) * scale
    result = Trained(sae)
    first, since, best = 0, 0, (-math.inf, -math.inf)
    best_state = _copy(sae)
    found = checkpoint.read(resume, config) if resume is not None else None
    if found is not None:
        state, best_state, facts = found
        stepper.load_state_dict(state)
        first, since, best = facts["step"], facts["since"], tuple(facts["best"])
        result.best_step, result.log = facts["best_step"], facts["log"]
    progress.stage("Training the sparse autoencoder", config.steps)
    progress.advance(first)
    if first == 0:
        lines.write(kind="start", step=0, architecture=config.architecture, lr=config.lr, steps=config.steps)
    for step in range(first, config.steps if since < config.patience else first):
        rate = learning_rate(step, config)
        stats = stepper.step(batches.at(step, mine) * scale, rate)
        if not math.isfinite(stats.loss):
            raise TrainingError(
                f"Training ran away at step {step + 1}: the loss is no longer a number; take a learning rate below {config.lr:g}."
            )
        progress.advance()
        if (step + 1) % LOG_EVERY == 0:
            lines.write(kind="step", step=step + 1, lr=rate, **stats._asdict())
        if (step + 1) % config.check_every and step + 1 < config.steps:
            continue
        stepper.sync()
        gained, l0 = _look(sae, validate)
        if sae.steered and isinstance(stepper, DenseStepper):
            stepper.controller.look(l0)
        dead = stats.dead / config.d_sae
        entry = {"step": step + 1, "explained_variance": gained, "l0": l0, "dead_share": dead, "loss": stats.loss}
        result.log.append(entry)
        lines.write(kind="look", **entry)
        score = _score(sae, gained, l0)
        if score > (best[0], best[1] + 1e-4):
            best, since, result.best_step, best_state = score, 0, step + 1, _copy(sae)
        else:
            since += 1
        if resume is not None and main:
            facts = {"step": step + 1, "since": since, "best": best, "best_step": result.best_step, "log": result.log}
            checkpoint.write(resume, config, stepper.state_dict(), best_state, facts)
        # A controller needs the whole course to settle.
        if since >= config.patience and not sae.steered:
            break
    sae.load_state_dict(best_state)
    set_free(sae)
    sae.unscale(scale)
    sae.to("cpu").eval()
    lines.write(kind="end", step=result.best_step)
    if resume is not None and main:
        resume.unlink(missing_ok=True)
    return result


def sweep(
    tokens_train: np.ndarray,
    tokens_validate: np.ndarray,
    config: SaeConfig,
    progress: Progress | None = None,
    *,
    steps: int = 300,
    log: Path | None = None,
    device: str = "cpu",
) -> SaeConfig:
    """``config`` with the learning rate of SWEEP that explains most of the validation patients after a short training.

    Args:
        steps: of each trial.
        log: a folder; each trial's lines go into lr-RATE.jsonl.
    """
    scores = {}
    for rate in (config.lr * factor for factor in SWEEP):
        trial = replace(config, lr=rate, steps=min(steps, config.steps), check_every=steps)
        path = log / f"lr-{rate:.2g}.jsonl" if log is not None else None
        try:
            trained = train(tokens_train, tokens_validate, trial, progress, log=path, device=device)
        except TrainingError:
            continue
        last = trained.log[-1]
        scores[rate] = _score(trained.sae, last["explained_variance"], last["l0"])
    if not scores:
        raise TrainingError(
            f"Training ran away at every learning rate from {config.lr * SWEEP[0]:g}; take a smaller one."
        )
    return replace(config, lr=max(scores, key=lambda rate: scores[rate]))


def _copy(sae: Sae) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in sae.state_dict().items()}


def _score(sae: Sae, gained: float, l0: float) -> tuple[float, float]:
    """What looks are ranked by: explained variance; of a steered SAE first by how near L0 is to its target, since more
    active features always explain more."""
    if not sae.steered:
        return 0.0, gained
    off = abs(l0 / (sae.config.target_l0 or sae.config.k) - 1)
    return (0.0 if off <= NEAR else -off), gained


@torch.no_grad()
def _look(sae: Sae, x: torch.Tensor) -> tuple[float, float]:
    """Explained variance and L0 on tokens [N, d]."""
    sae.eval()
    rebuilt, active = [], 0
    for part in x.split(4_096):
        codes = sae.encode(part)
        rebuilt.append(sae.decode(codes))
        active += int((codes.values > 0).sum())
    return explained_variance(x, torch.cat(rebuilt), x.mean(0)), active / max(1, len(x))
