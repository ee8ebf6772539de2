"""Write the small dictionaries beside this file: SAELens', with the features that it computed, and SAELens' features of ours.

    python -m tests.sae.saelens.make          (in an environment with requirements-bench.txt)

The folders theirs-* are written by SAELens; ours-* by saerad_core.sae.files.save and read by SAELens. expected.safetensors
holds tokens x and SAELens' features of them, so that the tests check both directions without SAELens.
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import save_file

from saerad_core.sae.files import save
from tests.sae.examples import random_sae

HERE = Path(__file__).parent
D, M, K = 6, 16, 4


def theirs(architecture: str, **options):
    """A SAELens SAE with random weights."""
    from sae_lens import SAE

    config = {"architecture": architecture, "d_in": D, "d_sae": M, "dtype": "float32", "device": "cpu"} | options
    sae = SAE.from_dict(config)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, parameter in sae.named_parameters():
            drawn = torch.randn(parameter.shape, generator=generator)
            parameter.copy_(drawn.abs() if name == "threshold" else drawn * 0.5)
    return sae


THEIRS = {
    "topk": {"architecture": "topk", "k": K, "apply_b_dec_to_input": True},
    "topk-rescaled": {"architecture": "topk", "k": K, "apply_b_dec_to_input": False, "rescale_acts_by_decoder_norm": True},
    "jumprelu": {"architecture": "jumprelu", "apply_b_dec_to_input": False},
    "gated": {"architecture": "gated", "apply_b_dec_to_input": False},
}  # fmt: skip
OURS = ("topk", "batch_topk", "matryoshka", "jumprelu", "gated")


def tokens() -> torch.Tensor:
    return torch.randn(20, D, generator=torch.Generator().manual_seed(2))


@torch.no_grad()
def main() -> None:
    from sae_lens import SAE

    x = tokens()
    for name, options in THEIRS.items():
        sae = theirs(**options)
        sae.save_model(HERE / f"theirs-{name}")
        codes = sae.encode(x)
        expected = {"x": x, "features": codes.contiguous(), "rebuilt": sae.decode(codes).contiguous()}
        save_file(expected, HERE / f"theirs-{name}" / "expected.safetensors")
    for name in OURS:
        folder = HERE / f"ours-{name}"
        save(random_sae(D, M, K, seed=3, architecture=name), folder)
        sae = SAE.load_from_disk(folder)
        codes = sae.encode(x)
        expected = {"x": x, "features": codes.contiguous(), "rebuilt": sae.decode(codes).contiguous()}
        save_file(expected, folder / "expected.safetensors")


if __name__ == "__main__":
    main()
