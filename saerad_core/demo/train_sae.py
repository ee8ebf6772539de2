"""Train the demo's dictionary ahead, on simulated X-rays of other patients than the demo's.

    python -m saerad_core.demo.train_sae --out data/demo/sae

It reads the committed encoder and the renders that the encoder's training left in the cache (drawn again where they
are missing). Finding labels are never used.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer

from saerad_core.demo.renders import draw
from saerad_core.demo.workspace import ENCODER
from saerad_core.encoder import Encoder
from saerad_core.progress import Progress, Reporter
from saerad_core.sae.config import SaeConfig
from saerad_core.sae.files import save
from saerad_core.sae.train import train

log = logging.getLogger(__name__)

POPULATION = 1
"""Seed of the population that it is trained on: the encoder's."""
VALIDATION = 2
"""Seed of the population that stops it early."""
PATCHES = 64
"""Patch tokens kept of each X-ray, drawn anew for each: neighbours say almost the same."""


@torch.no_grad()
def tokens_of(encoder: Encoder, pixels: np.ndarray, tokens: str, seed: int, progress: Progress) -> np.ndarray:
    """Tokens of uint8 X-rays [N, S, S]: float16 [N, d] for cls, [N * PATCHES, d] for patch."""
    rng = np.random.default_rng(seed)
    kept = []
    progress.stage("Embedding", len(pixels))
    for i in range(0, len(pixels), 32):
        some = list(pixels[i : i + 32].astype(np.float32) / 255)
        embedded = encoder.embed(encoder.preprocess(some), patches=tokens == "patch")
        if embedded.patches is None:
            kept.append(embedded.cls)
        else:
            picks = np.stack([rng.permutation(embedded.patches.shape[1])[:PATCHES] for _ in some])
            kept.append(embedded.patches[torch.arange(len(some))[:, None], torch.from_numpy(picks)].flatten(0, 1))
        progress.advance(len(some))
    return torch.cat(kept).cpu().half().numpy()


def main(
    out: Annotated[Path, typer.Option(help="Where the dictionary is written.")] = Path("data/demo/sae"),
    tokens: Annotated[str, typer.Option(help="cls or patch.")] = "patch",
    cache: Annotated[Path, typer.Option(help="Renders and embeddings.")] = Path("data/demo-training"),
    patients: Annotated[int, typer.Option(help="Of the training population.")] = 5_504,
    validation: Annotated[int, typer.Option(help="Patients of the validation population.")] = 512,
    architecture: Annotated[str, typer.Option(help="topk, batch_topk, matryoshka, jumprelu or gated.")] = "gated",
    width: int = 2_048,
    k: int = 15,
    lr: float = SaeConfig.lr,
    steps: int = SaeConfig.steps,
    batch: int = SaeConfig.batch,
    seed: int = 0,
) -> None:
    """Embed, train, write float16 weights with the record of the run."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    progress = Reporter(cache / "sae.json")
    encoder = Encoder.load(ENCODER)
    found = {}
    for name, population, count in (("train", POPULATION, patients), ("validate", VALIDATION, validation)):
        path = cache / f"tokens-{encoder.fingerprint[:12]}-{tokens}-{population}-{count}.npy"
        if not path.exists():
            renders = draw(cache / "renders", population, count, progress=progress)
            part = path.with_suffix(".part.npy")
            np.save(part, tokens_of(encoder, renders.pixels, tokens, population, progress))
            part.replace(path)
        found[name] = np.load(path, mmap_mode="r")
    config = SaeConfig(
        encoder.d, width, k=k, tokens=tokens, lr=lr, steps=steps, batch=batch, seed=seed, architecture=architecture
    )
    trained = train(found["train"], found["validate"], config, progress)
    for entry in trained.log:
        log.info("%s", entry)
    notes = {
        "trained_on": f"simulated X-rays of {patients} patients, population {POPULATION}; the demo's is another",
        "tokens": len(found["train"]),
        "best_step": trained.best_step,
        "encoder": encoder.fingerprint,
    }
    save(trained.sae, out, half=True, notes=notes)
    (out / "training.json").write_text(
        json.dumps(notes | {"log": trained.log}, indent=1, default=float), encoding="utf-8"
    )
    progress.finish()


if __name__ == "__main__":
    typer.run(main)
