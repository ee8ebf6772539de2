"""How bfloat16 changes embeddings and active features against float32, on real X-rays.

    python -m benchmarks.precision --workspace data/nih --json benchmarks/results/precision.json

X-rays of the workspace's test patients go through its encoder twice, with matrix products in float32 and in bfloat16, and
both through its dictionary and its active rule. The workspace is read only. A dictionary and thresholds made under one
precision are read with both, so that what differs is the encoder alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from benchmarks.common import Results, arguments
from saerad_core.datasets import open_dataset
from saerad_core.encoder import Embedded, Encoder
from saerad_core.sae.active import active
from saerad_core.sae.base import Sae
from saerad_core.sae.files import load
from saerad_core.sae.image_code import ImageReader
from saerad_core.stages.activate import load_thresholds
from saerad_core.store.activations import ActivationStore
from saerad_core.workspace import Workspace

TOP = 15
"""Features of an X-ray that are compared."""
BATCH = 16
GOAL = "report how bf16 changes embeddings and top-15 features against fp32 on real X-rays"


@dataclass
class Read:
    """What one precision makes of the X-rays."""

    embedded: Embedded
    codes: np.ndarray
    """float32 [N, m], rounded to float16 as a workspace does."""
    tops: torch.Tensor | None
    """int64 [N, P, k] features of each patch, sorted; None under CLS tokens."""


def read(encoder: Encoder, sae: Sae, tokens: str, squares: np.ndarray) -> Read:
    """Embed uint8 [N, S, S] and encode."""
    parts = [encoder.embed(encoder.normalise(squares[at : at + BATCH])) for at in range(0, len(squares), BATCH)]
    patches = torch.cat([part.patches for part in parts if part.patches is not None])
    embedded = Embedded(torch.cat([part.cls for part in parts]), patches)
    tops = None
    if tokens == "patch":
        with torch.no_grad():
            codes = sae.encode(patches.reshape(-1, patches.shape[2]))
        # A slot whose value is 0 is silent; which index it holds says nothing.
        tops = torch.where(codes.values > 0, codes.indices, -1).sort(1).values.reshape(*patches.shape[:2], -1)
    code = ImageReader(sae, tokens).read(embedded).code.rows(slice(None)).toarray()
    return Read(embedded, code, tops)


def difference(ours: torch.Tensor, theirs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """(cosine, norm of the difference over the norm of ``ours``) of each row."""
    cosine = torch.nn.functional.cosine_similarity(ours, theirs, dim=-1)
    return cosine, (ours - theirs).norm(dim=-1) / ours.norm(dim=-1)


def shared(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Share of ``ours`` that is in ``theirs`` too; 1 where both are empty, 0 where only ``ours`` is."""
    if not len(ours):
        return float(not len(theirs))
    return len(set(ours.tolist()) & set(theirs.tolist())) / len(ours)


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--workspace", type=Path, default=Path("data/nih"))
    parser.add_argument("--count", type=int, default=64, help="test X-rays, one a patient where there are so many")
    args = parser.parse_args()
    workspace = Workspace.open(args.workspace)
    info, tokens = workspace.manifest.encoder, workspace.manifest.sae.tokens
    images = ActivationStore(workspace.activations_db).images()
    test = images.loc[images["split"] == "test"]
    # Of each patient the first X-ray, then the others: patients differ more than X-rays of one.
    order = test.groupby("patient_id").cumcount().sort_values(kind="stable").index
    chosen = set(test.loc[order, "image_id"].head(8 if args.quick else args.count))
    dataset = open_dataset(workspace.manifest.dataset)

    encoders = {p: Encoder.load(info.id, "cpu", info.image_size, precision=p) for p in ("float32", "bfloat16")}
    first = encoders["float32"]
    squares = np.stack(
        [
            first.preprocessing.square(dataset.pixels(record))
            for record in dataset.records()
            if record.image_id in chosen
        ]
    )
    sae, thresholds = load(workspace.sae_dir), load_thresholds(workspace)
    full, half = (read(encoder, sae, tokens, squares) for encoder in encoders.values())
    assert full.embedded.patches is not None and half.embedded.patches is not None

    results = Results()
    results.add("X-rays", len(squares), "X-rays")
    results.add("patients", test.loc[test["image_id"].isin(chosen), "patient_id"].nunique(), "patients")
    for name, a, b in (
        ("CLS", full.embedded.cls, half.embedded.cls),
        ("patches", full.embedded.patches.flatten(0, 1), half.embedded.patches.flatten(0, 1)),
    ):
        cosine, error = difference(a, b)
        results.add(f"{name}: cosine, mean", cosine.mean().item(), "cosine", GOAL)
        results.add(f"{name}: cosine, least", cosine.min().item(), "cosine")
        results.add(f"{name}: relative error, median", error.median().item(), "share of the norm")
        results.add(f"{name}: relative error, largest", error.max().item(), "share of the norm")

    ruled = [[active(code, thresholds)[0] for code in one.codes] for one in (full, half)]
    pairs = [(a[:TOP], b[:TOP]) for a, b in zip(*ruled, strict=True)]
    by_strength = [[np.argsort(-code, kind="stable")[:TOP] for code in one.codes] for one in (full, half)]
    raw = list(zip(*by_strength, strict=True))
    results.add("active features an X-ray, float32, mean", float(np.mean([len(one) for one in ruled[0]])), "features")
    results.add(f"top {TOP} active features (as the rule orders them): shared, mean", _mean(pairs), "share", GOAL)
    results.add(f"top {TOP} active features: X-rays with the same set", _same(pairs), "share of X-rays")
    results.add(f"top {TOP} features by code, before the rule: shared, mean", _mean(raw), "share", GOAL)
    results.add(f"top {TOP} features by code: X-rays with the same set", _same(raw), "share of X-rays")
    results.add("all active features: shared, mean", _mean(list(zip(*ruled, strict=True))), "share")
    if full.tops is not None and half.tops is not None:
        k = full.tops.shape[2]
        same = (full.tops == half.tops).all(2)
        results.add(f"patches with the same set of {k} features", same.float().mean().item(), "share of patches", GOAL)
        common = (full.tops[..., :, None] == half.tops[..., None, :]) & (full.tops[..., :, None] >= 0)
        share = common.any(3).sum(2) / (full.tops >= 0).sum(2).clamp(min=1)
        results.add(f"a patch's {k} features: shared, mean", share.float().mean().item(), "share")
    results.write(args.json)


def _mean(pairs: list[tuple[np.ndarray, np.ndarray]]) -> float:
    return float(np.mean([shared(a, b) for a, b in pairs]))


def _same(pairs: list[tuple[np.ndarray, np.ndarray]]) -> float:
    return float(np.mean([set(a.tolist()) == set(b.tolist()) for a, b in pairs]))


if __name__ == "__main__":
    main()
