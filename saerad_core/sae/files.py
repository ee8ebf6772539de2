"""A dictionary on disk: cfg.json and sae_weights.safetensors, as SAELens lays them out.

SAELens knows topk, jumprelu and gated. A batch_topk or matryoshka SAE is, once trained, a jumprelu SAE whose thresholds are all
alike (SAELens says so of its own), and is written as one; ``saerad_architecture`` keeps what it was.
"""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from saerad_core.errors import WorkspaceError
from saerad_core.sae.archetypal import set_free
from saerad_core.sae.base import Sae
from saerad_core.sae.config import SaeConfig
from saerad_core.sae.registry import REGISTRY, make

SAELENS = {"topk": "topk", "batch_topk": "jumprelu", "matryoshka": "jumprelu", "jumprelu": "jumprelu", "gated": "gated"}
"""Our architecture -> SAELens' at inference."""
ONLY_IN_TRAINING = {"batches"}
"""Buffers that a finished dictionary doesn't need."""


def save(sae: Sae, folder: Path, *, half: bool = False, notes: dict | None = None) -> None:
    """Write ``sae`` to ``folder``.

    Args:
        sae: to write; an archetypal decoder is written down row by row.
        folder: made where it doesn't exist.
        half: store float16 weights.
        notes: kept under metadata in cfg.json.
    """
    set_free(sae)
    folder.mkdir(parents=True, exist_ok=True)
    dtype = torch.float16 if half else torch.float32
    weights = {
        name: value.detach().to("cpu", dtype).contiguous()
        for name, value in sae.state_dict().items()
        if name not in ONLY_IN_TRAINING
    }
    part = folder / "sae_weights.part"
    save_file(weights, part, metadata={"format": "pt"})
    part.replace(folder / "sae_weights.safetensors")
    architecture = SAELENS[sae.config.architecture]
    config = {"architecture": architecture, "d_in": sae.config.d_in, "d_sae": sae.config.d_sae}
    if architecture == "topk":
        config |= {"k": sae.config.k, "rescale_acts_by_decoder_norm": False}
    if sae.config.pool != "max":
        config["saerad_pool"] = sae.config.pool
    config |= {
        "dtype": "float16" if half else "float32",
        "device": "cpu",
        "apply_b_dec_to_input": True,
        "normalize_activations": "none",
        "reshape_activations": "none",
        "saerad_architecture": sae.config.architecture,
        "saerad_tokens": sae.config.tokens,
        "saerad_training": asdict(sae.config),
        "metadata": notes or {},
    }
    part = folder / "cfg.part"
    part.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    part.replace(folder / "cfg.json")


def load(folder: Path) -> Sae:
    """Read what save or SAELens wrote, as float32.

    Raises:
        WorkspaceError: missing, damaged, or something that this program doesn't read; dictionary-learning's ae.pt is a
            pickle, which can run code when it is opened, and is not read.
    """
    try:
        config = json.loads((folder / "cfg.json").read_text(encoding="utf-8"))
        weights = {
            name: value.float() for name, value in load_file(folder / "sae_weights.safetensors").items()
        }  # fmt: skip
    except (OSError, ValueError, SafetensorError) as error:
        if (folder / "ae.pt").exists() and not (folder / "cfg.json").exists():
            raise WorkspaceError(
                f"{folder} holds dictionary-learning's ae.pt, a pickle, which can run code when it is opened and is not read; "
                "save the SAE with SAELens (cfg.json and sae_weights.safetensors)."
            ) from error
        raise WorkspaceError(f"There is no readable dictionary in {folder}; build the workspace again.") from error
    architecture = config.get("saerad_architecture", config.get("architecture"))
    if architecture not in REGISTRY:
        raise WorkspaceError(f"{folder} holds a {architecture!r} SAE; this program reads {', '.join(REGISTRY)}.")
    if config.get("normalize_activations", "none") != "none":
        raise WorkspaceError(
            f"{folder} expects normalised input ({config['normalize_activations']}); fold the scaling into its weights with SAELens first."
        )
    known = {field.name for field in fields(SaeConfig)}
    settings = {name: value for name, value in config.get("saerad_training", {}).items() if name in known}
    settings |= {"d_in": config["d_in"], "d_sae": config["d_sae"], "architecture": architecture}
    settings |= {"k": config["k"]} if "k" in config else {}
    settings |= {"tokens": config["saerad_tokens"]} if "saerad_tokens" in config else {}
    if "prefixes" in settings:
        settings["prefixes"] = tuple(settings["prefixes"])
    sae = make(SaeConfig(**settings))
    weights = _as_ours(weights, config)
    expected = {name: value.shape for name, value in sae.state_dict().items() if name not in ONLY_IN_TRAINING}
    if {name: value.shape for name, value in weights.items()} != expected:
        raise WorkspaceError(f"The weights in {folder} are not those that its cfg.json describes; copy the SAE again.")
    sae.load_state_dict(weights, strict=False)
    return sae.eval()


def _as_ours(weights: dict[str, torch.Tensor], config: dict) -> dict[str, torch.Tensor]:
    """SAELens' other conventions folded in: input without b_dec taken off; codes multiplied by decoder norms."""
    weights = dict(weights)
    if not config.get("apply_b_dec_to_input", True):
        shift = weights["b_dec"] @ weights["W_enc"]
        if "b_gate" in weights:
            weights["b_gate"] = weights["b_gate"] + shift
            weights["b_mag"] = weights["b_mag"] + shift * weights["r_mag"].exp()
        else:
            weights["b_enc"] = weights["b_enc"] + shift
    if config.get("rescale_acts_by_decoder_norm", False):
        norms = weights["W_dec"].norm(dim=1)
        weights["W_enc"], weights["b_enc"] = weights["W_enc"] * norms, weights["b_enc"] * norms
        weights["W_dec"] = weights["W_dec"] / norms[:, None]
    return weights
