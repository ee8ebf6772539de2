"""A dictionary on disk: cfg.json and sae_weights.safetensors, as SAELens lays them out."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from saerad_core.errors import WorkspaceError
from saerad_core.sae.config import SaeConfig
from saerad_core.sae.topk import TopKSae


def save(sae: TopKSae, folder: Path, *, half: bool = False, notes: dict | None = None) -> None:
    """Write ``sae`` to ``folder``.

    Args:
        sae: to write.
        folder: made where it doesn't exist.
        half: store float16 weights.
        notes: kept under metadata in cfg.json.
    """
    folder.mkdir(parents=True, exist_ok=True)
    dtype = torch.float16 if half else torch.float32
    weights = {name: value.detach().to("cpu", dtype).contiguous() for name, value in sae.state_dict().items()}
    part = folder / "sae_weights.part"
    save_file(weights, part, metadata={"format": "pt"})
    part.replace(folder / "sae_weights.safetensors")
    config = {
        "architecture": "topk",
        "d_in": sae.config.d_in,
        "d_sae": sae.config.d_sae,
        "k": sae.config.k,
        "dtype": "float16" if half else "float32",
        "device": "cpu",
        "apply_b_dec_to_input": True,
        "normalize_activations": "none",
        "reshape_activations": "none",
        "rescale_acts_by_decoder_norm": False,
        "saerad_tokens": sae.config.tokens,
        "saerad_training": asdict(sae.config),
        "metadata": notes or {},
    }
    (folder / "cfg.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def load(folder: Path) -> TopKSae:
    """Read what save wrote, as float32.

    Raises:
        WorkspaceError: missing, damaged, or of an architecture that this program doesn't read.
    """
    try:
        config = json.loads((folder / "cfg.json").read_text(encoding="utf-8"))
        weights = load_file(folder / "sae_weights.safetensors")
    except (OSError, ValueError) as error:
        raise WorkspaceError(f"There is no readable dictionary in {folder}; build the workspace again.") from error
    if config.get("architecture") != "topk":
        raise WorkspaceError(f"{folder} holds a {config.get('architecture')!r} SAE; this program reads topk.")
    known = {field.name for field in fields(SaeConfig)}
    settings = {name: value for name, value in config.get("saerad_training", {}).items() if name in known}
    settings |= {"d_in": config["d_in"], "d_sae": config["d_sae"], "k": config["k"]}
    if "prefixes" in settings:
        settings["prefixes"] = tuple(settings["prefixes"])
    sae = TopKSae(SaeConfig(**settings))
    sae.load_state_dict({name: value.float() for name, value in weights.items()})
    return sae.eval()
