"""From token codes to the code of a whole X-ray, and how much of it the dictionary leaves unexplained."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from saerad_core.encoder import Embedded
from saerad_core.sae.base import Codes, Sae

POOLS = ("max", "mean")
"""How an X-ray's code comes from its patches': each feature's maximum, or its mean."""


class ImageRead(NamedTuple):
    """What a dictionary makes of each X-ray of a batch."""

    code: torch.Tensor
    """float32 [B, m] on the CPU: of the CLS token, or each feature's maximum or mean over the patches."""
    error: np.ndarray
    """float32 [B, 2]: the sum over an X-ray's tokens of |x - rebuilt x|^2, and of |x - b_dec|^2."""


@torch.no_grad()
def read_image(sae: Sae, embedded: Embedded, tokens: str, pool: str = "max") -> ImageRead:
    """Code and rebuild error of each X-ray of a batch, its tokens encoded once.

    Args:
        sae: the dictionary.
        embedded: of the batch; patches are needed where ``tokens`` is patch.
        tokens: cls or patch: which tokens it reads.
        pool: one of POOLS; of the CLS token both are the same.
    """
    values = embedded.cls[:, None] if tokens == "cls" else embedded.patches
    assert values is not None
    batch, _, d = values.shape
    flat = values.reshape(-1, d).to(sae.b_dec.device)
    codes = sae.encode(flat)
    code = pool_codes(codes, batch, sae.config.d_sae, pool)
    residual = (flat - sae.decode(codes)).square().sum(1)
    total = (flat - sae.b_dec).square().sum(1)
    error = torch.stack([residual, total], dim=1).reshape(batch, -1, 2).sum(1)
    return ImageRead(code, error.float().cpu().numpy())


def pool_codes(codes: Codes, images: int, m: int, pool: str) -> torch.Tensor:
    """Codes of ``images`` X-rays' tokens, one X-ray after another -> float32 [images, m] on the CPU."""
    assert pool in POOLS, f"no way to pool {pool!r}"
    indices, values = (part.reshape(images, -1).cpu() for part in codes)
    code = torch.zeros(images, m)
    if pool == "max":
        return code.scatter_reduce_(1, indices, values, reduce="amax", include_self=True)
    return code.scatter_add_(1, indices, values).div_(len(codes.values) / images)


def image_code(sae: Sae, embedded: Embedded, tokens: str, pool: str = "max") -> torch.Tensor:
    """Only the code, float32 [B, m] on the CPU."""
    return read_image(sae, embedded, tokens, pool).code


@torch.no_grad()
def patch_activations(sae: Sae, patches: torch.Tensor, feature_id: int) -> torch.Tensor:
    """Activation of one feature on each patch, float32 [P, d] -> [P]; 0 where it isn't among the patch's k."""
    codes = sae.encode(patches.to(sae.b_dec.device))
    return torch.where(codes.indices == feature_id, codes.values, 0.0).amax(dim=1).cpu()
