"""A training in the middle, in one safetensors file: tensors, and the rest as JSON in its header."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from saerad_core.errors import TrainingError
from saerad_core.sae.config import SaeConfig


def write(path: Path, config: SaeConfig, stepper: dict, best: dict, facts: dict) -> None:
    """Write a checkpoint in one step; ``facts`` is what JSON can hold."""
    tensors = {f"stepper.{name}": value for name, value in stepper.items()}
    tensors |= {f"best.{name}": value for name, value in best.items()}
    # clone: safetensors refuses tensors that share memory.
    tensors = {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    save_file(tensors, part, metadata={"config": json.dumps(asdict(config)), "facts": json.dumps(facts)})
    part.replace(path)


def read(path: Path, config: SaeConfig) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor], dict] | None:
    """(stepper, best, facts), or None where there is no checkpoint.

    Raises:
        TrainingError: it is damaged or of other settings.
    """
    if not path.exists():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata()
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise TrainingError(f"The checkpoint {path} can't be read; delete it to train from the start.") from error
    if json.loads(header["config"]) != json.loads(json.dumps(asdict(config))):
        raise TrainingError(f"The checkpoint {path} was made with other settings; delete it to train from the start.")
    stepper = {k.removeprefix("stepper."): v for k, v in tensors.items() if k.startswith("stepper.")}
    best = {k.removeprefix("best."): v for k, v in tensors.items() if k.startswith("best.")}
    return stepper, best, json.loads(header["facts"])
