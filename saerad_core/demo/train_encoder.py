"""Train the demo's encoder on simulated X-rays against the text of their reports.

    python -m saerad_core.demo.train_encoder --teacher DINOV2_SMALL_DIR --out data/demo/encoder

The student starts from the first layers of DINOv2-small. It learns which phrases its report affirms, from two
readouts: the CLS token, and the strongest patch (log-sum-exp pooling, multiple-instance learning), so that patch
tokens come to carry what is seen where. Each (image, phrase) pair has a sigmoid loss, as in SigLIP (Zhai et al.
2023), with a learned vector a phrase for the text tower. Finding labels and masks are never used.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional as F

from saerad_core.demo.phrases import PhraseSettings, phrase_matrix
from saerad_core.demo.renders import draw
from saerad_core.demo.student import MEAN, STD, save_student, student_from_teacher
from saerad_core.demo.wording import write_report
from saerad_core.progress import Reporter

log = logging.getLogger(__name__)


@dataclass
class TrainingSettings:
    """How the demo's encoder is trained."""

    layers: int = 3
    """Transformer blocks; three of DINOv2-small's fit the repository's size limit."""
    patients: int = 5_504
    """Simulated patients of the training population."""
    seed: int = 1
    """Of the training population and of batches; the demo and the card's probes use other populations."""
    batch: int = 32
    steps: int = 2_000
    stop: int | None = None
    """Step to end at although the learning rate is planned for ``steps``; None goes on to the end."""
    content: bool = True
    """Train on content phrases only, see PhraseSettings; rare ones then count more, by 1 / sqrt(p (1 - p))."""
    lr: float = 1e-4
    """Peak, reached after the warm-up, falling as a cosine to 0."""
    head_lr: float = 2e-3
    """Peak for the phrase readouts, which start from nothing."""
    heads_first: int = 200
    """Steps that train the readouts alone, so that they don't distort what the student starts with (Kumar et al. 2022)."""
    warmup: int = 60
    weight_decay: float = 0.02
    ema: float = 0.998
    """Decay of the average of weights that is kept."""
    keep: float = 1.0
    """Share of patches that are read in the first part of training, as in FLIP (Li et al. 2023): half the time."""
    keep_until: float = 0.7
    """Share of the steps that the first part takes; the rest reads all patches."""
    patch_weight: float = 1.0
    """Weight of the strongest-patch readout beside CLS."""
    validate: int = 256
    """Last images of the population, kept out of training to log the loss on."""


def _weights(share: torch.Tensor) -> torch.Tensor:
    """Loss weight of each phrase, mean 1: rare ones would otherwise drown."""
    weights = (share * (1 - share)).clamp_min(1e-4).rsqrt()
    return weights / weights.mean()


class PhraseHeads(nn.Module):
    """Phrase logits from the CLS token and from the strongest patches."""

    weight: torch.Tensor

    def __init__(self, width: int, share: torch.Tensor, balanced: bool) -> None:
        super().__init__()
        prior = torch.logit(share.clamp(1e-4, 1 - 1e-4))
        self.register_buffer("weight", torch.ones(len(share)) if not balanced else _weights(share))
        self.cls = nn.Linear(width, len(share))
        self.patch = nn.Linear(width, len(share))
        with torch.no_grad():
            for head in (self.cls, self.patch):
                head.weight.normal_(std=0.02)
            self.cls.bias.copy_(prior)
            self.patch.bias.copy_(prior - 1)

    def forward(self, tokens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """tokens [B, 1 + P, d] after the final layer norm -> two [B, W]."""
        local = self.patch(tokens[:, 1:]).float()
        # Mean-normalised, so that a phrase that no patch carries keeps its prior whatever the number of patches.
        sharp = 2.0
        pooled = torch.logsumexp(local * sharp, dim=1) / sharp - np.log(local.shape[1]) / sharp
        return self.cls(tokens[:, 0]).float(), pooled


def augment(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Small shift, turn, zoom, gamma and contrast; never a mirror, because laterality is the patient's."""
    n = len(images)

    def uniform(low: float, high: float) -> torch.Tensor:
        return torch.rand(n, generator=generator) * (high - low) + low

    angle, zoom = uniform(-0.08, 0.08), uniform(0.92, 1.06)
    theta = torch.zeros(n, 2, 3)
    theta[:, 0, 0] = theta[:, 1, 1] = torch.cos(angle) * zoom
    theta[:, 0, 1], theta[:, 1, 0] = -torch.sin(angle) * zoom, torch.sin(angle) * zoom
    theta[:, 0, 2], theta[:, 1, 2] = uniform(-0.07, 0.07), uniform(-0.07, 0.07)
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)
    moved = F.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    gamma = torch.exp(uniform(-0.25, 0.25)).view(-1, 1, 1, 1)
    contrast = uniform(0.85, 1.15).view(-1, 1, 1, 1)
    return ((moved.clamp(0, 1) ** gamma - 0.5) * contrast + 0.5).clamp(0, 1)


def _tokens(student: nn.Module, images: torch.Tensor, keep: float, generator: torch.Generator) -> torch.Tensor:
    """Tokens [B, 1 + P, d] after the final layer norm; of ``keep`` of the patches, drawn anew for each image."""
    hidden = student.embeddings((images - MEAN) / STD)  # type: ignore[operator]
    if keep < 1:
        batch, patches = len(hidden), hidden.shape[1] - 1
        picks = torch.rand(batch, patches, generator=generator).argsort(1)[:, : round(keep * patches)] + 1
        kept = hidden[torch.arange(batch)[:, None], picks]
        hidden = torch.cat([hidden[:, :1], kept], 1)
    return student.layernorm(student.encoder(hidden).last_hidden_state)  # type: ignore[operator]


def _rate(step: int, settings: TrainingSettings, begin: int) -> float:
    """Share of the peak rate: 0 before ``begin``, a short rise, a cosine to 0 at the end."""
    rise = (step + 1 - begin) / settings.warmup
    return max(0.0, min(rise, 0.5 * (1 + np.cos(np.pi * min(1.0, step / settings.steps)))))


def _batch(pixels: np.ndarray, rows: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(pixels[rows].astype(np.float32) / 255).unsqueeze(1)


def _loss(heads: PhraseHeads, tokens: torch.Tensor, wanted: torch.Tensor, patch_weight: float) -> torch.Tensor:
    cls, patch = heads(tokens)
    per = wanted.shape[0] * 20.0
    weight = heads.weight
    loss = F.binary_cross_entropy_with_logits(cls, wanted, weight=weight, reduction="sum")
    return (
        loss + patch_weight * F.binary_cross_entropy_with_logits(patch, wanted, weight=weight, reduction="sum")
    ) / per


def train(settings: TrainingSettings, teacher: Path, out: Path, cache: Path, start: Path | None = None) -> None:
    """Train, checkpointing in ``cache`` every 100 steps, and write the averaged weights to ``out``.

    Args:
        settings: see TrainingSettings.
        teacher: folder of DINOv2-small.
        out: where the encoder is written.
        cache: renders and checkpoints.
        start: weights (checkpoint of an earlier run) to go on from instead of the teacher's layers.
    """
    progress = Reporter(cache / "encoder.json")
    renders = draw(cache / "renders", settings.seed, settings.patients, progress=progress)
    phrases, names = phrase_matrix(
        [write_report(study) for study in renders.studies], PhraseSettings(content=settings.content)
    )
    n = len(renders.pixels) - settings.validate
    log.info("%d X-rays, %d phrases, %.1f a report", n, len(names), phrases.sum(1).mean())

    student = student_from_teacher(teacher, settings.layers)
    heads = PhraseHeads(student.config.hidden_size, torch.from_numpy(phrases.mean(0)).float(), settings.content)
    modules = nn.ModuleDict({"student": student, "heads": heads})
    if start is not None:
        mine = modules.state_dict()
        # The averaged weights of the encoder alone: the readouts belong to the earlier run's phrases.
        prefix = "average.student."
        found = {"student." + k[len(prefix) :]: v for k, v in load_file(start).items() if k.startswith(prefix)}
        mine |= found
        modules.load_state_dict(mine)
    average = {k: v.detach().clone() for k, v in modules.state_dict().items()}
    groups = [{"params": student.parameters()}, {"params": heads.parameters(), "lr": settings.head_lr}]
    optimizer = torch.optim.AdamW(groups, lr=settings.lr, weight_decay=settings.weight_decay)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, [lambda step: _rate(step, settings, settings.heads_first), lambda step: _rate(step, settings, 0)]
    )
    first = 0
    checkpoint = cache / checkpoint_name(settings, start)
    if checkpoint.exists():
        first = _resume(checkpoint, modules, average, optimizer, schedule)
    progress.stage("Training the encoder", settings.steps)
    progress.advance(first)
    began, running = time.monotonic(), 0.0
    last = settings.stop or settings.steps
    for step in range(first, last):
        rng = np.random.default_rng((settings.seed, step))
        rows = np.sort(rng.choice(n, settings.batch, replace=False))
        chance = torch.Generator().manual_seed(int(rng.integers(2**31)))
        images = augment(_batch(renders.pixels, rows), chance)
        keep = settings.keep if step < settings.keep_until * settings.steps else 1.0
        with torch.autocast("cpu", dtype=torch.bfloat16):
            with torch.set_grad_enabled(step >= settings.heads_first):
                tokens = _tokens(student, images, keep, chance)
            loss = _loss(heads, tokens, torch.from_numpy(phrases[rows]).float(), settings.patch_weight)
        if not torch.isfinite(loss):
            raise FloatingPointError(f"The loss is not finite at step {step}; lower the learning rate.")
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(modules.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        decay = min(settings.ema, (1 + step) / (20 + step))
        with torch.no_grad():
            for key, value in modules.state_dict().items():
                average[key].lerp_(value, 1 - decay)
        running = loss.item() if step == first else 0.98 * running + 0.02 * loss.item()
        progress.advance()
        if (step + 1) % 100 == 0 or step + 1 == last:
            held = _validate(modules, average, renders.pixels[n:], phrases[n:], settings)
            rate = (step + 1 - first) * settings.batch / (time.monotonic() - began)
            log.info("step %d loss %.3f held-out %.3f, %.1f images/s", step + 1, running, held, rate)
            _checkpoint(checkpoint, step + 1, modules, average, optimizer)
    modules.load_state_dict(average)
    save_student(student, out)
    record = {
        "settings": asdict(settings),
        "images": n,
        "phrases": len(names),
        "samples": last * settings.batch,
    }
    (out / "training.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    progress.finish()


@torch.no_grad()
def _validate(modules: nn.ModuleDict, average: dict, pixels: np.ndarray, phrases: np.ndarray, settings) -> float:  # noqa: ANN001
    mine = {k: v.clone() for k, v in modules.state_dict().items()}
    modules.load_state_dict(average)
    losses = []
    for i in range(0, len(pixels), 64):
        images = _batch(pixels, np.arange(i, min(i + 64, len(pixels))))
        with torch.autocast("cpu", dtype=torch.bfloat16):
            tokens = _tokens(modules["student"], images, 1.0, torch.Generator())
            wanted = torch.from_numpy(phrases[i : i + 64]).float()
            losses.append(_loss(modules["heads"], tokens, wanted, settings.patch_weight).item())  # type: ignore[arg-type]
    modules.load_state_dict(mine)
    return float(np.mean(losses))


def checkpoint_name(settings: TrainingSettings, start: Path | None) -> str:
    """One plan, one checkpoint: weights of a run with another schedule are never gone on from."""
    plan = asdict(settings) | {"stop": None, "start": str(start or "")}
    return f"encoder-{hashlib.sha256(json.dumps(plan, sort_keys=True).encode()).hexdigest()[:12]}.safetensors"


def _checkpoint(path: Path, step: int, modules: nn.ModuleDict, average: dict, optimizer: torch.optim.Optimizer) -> None:
    names = [name for name, _ in modules.named_parameters()]
    tensors = {f"now.{k}": v for k, v in modules.state_dict().items()}
    tensors |= {f"average.{k}": v for k, v in average.items()}
    for i, state in optimizer.state_dict()["state"].items():
        tensors |= {f"adam.{names[i]}.{k}": v for k, v in state.items()}
    part = path.with_suffix(".part")
    save_file({k: v.contiguous() for k, v in tensors.items()}, part, metadata={"step": str(step)})
    part.replace(path)


def _resume(path: Path, modules: nn.ModuleDict, average: dict, optimizer, schedule) -> int:  # noqa: ANN001
    from safetensors import safe_open

    with safe_open(path, "pt") as file:
        step = int((file.metadata() or {})["step"])
    tensors = load_file(path)
    modules.load_state_dict({k[4:]: v for k, v in tensors.items() if k.startswith("now.")})
    average.update({k[8:]: v for k, v in tensors.items() if k.startswith("average.")})
    names = [name for name, _ in modules.named_parameters()]
    state = optimizer.state_dict()
    for i, name in enumerate(names):
        prefix = f"adam.{name}."
        found = {k[len(prefix) :]: v for k, v in tensors.items() if k.startswith(prefix)}
        if found:
            state["state"][i] = found
    optimizer.load_state_dict(state)
    for _ in range(step):
        schedule.step()
    return step


def main(
    teacher: Annotated[Path, typer.Option(help="Folder of DINOv2-small.")],
    out: Annotated[Path, typer.Option(help="Where the encoder is written.")] = Path("data/demo/encoder"),
    cache: Annotated[Path, typer.Option(help="Renders and checkpoints; about 1 GB.")] = Path("data/demo-training"),
    patients: int = TrainingSettings.patients,
    steps: int = TrainingSettings.steps,
    stop: Annotated[int | None, typer.Option(help="End at this step of a longer plan.")] = None,
    content: Annotated[bool, typer.Option(help="Train on content phrases, rare ones counting more.")] = True,
    keep: Annotated[float, typer.Option(help="Share of patches read in the first part.")] = TrainingSettings.keep,
    lr: float = TrainingSettings.lr,
    head_lr: float = TrainingSettings.head_lr,
    layers: int = TrainingSettings.layers,
    seed: int = TrainingSettings.seed,
    start: Annotated[Path | None, typer.Option(help="Weights of an earlier run to go on from.")] = None,
) -> None:
    """Train the demo's encoder; an interrupted run goes on where its last checkpoint is."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    settings = TrainingSettings(
        layers=layers,
        patients=patients,
        steps=steps,
        stop=stop,
        content=content,
        keep=keep,
        lr=lr,
        head_lr=head_lr,
        seed=seed,
    )
    train(settings, teacher, out, cache, start)


if __name__ == "__main__":
    typer.run(main)
