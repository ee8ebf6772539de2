"""From token codes to the code of a whole X-ray, and how much of it the dictionary leaves unexplained."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from saerad_core.encoder import Embedded
from saerad_core.sae.base import Sae


class ImageRead(NamedTuple):
    """What a dictionary makes of each X-ray of a batch."""

    code: torch.Tensor
    """float32 [B, m] on the CPU: of the CLS token, or each feature's maximum over the patches."""
    error: np.ndarray
    """float32 [B, 2]: the sum over an X-ray's tokens of |x - rebuilt x|^2, and of |x - b_dec|^2."""


@torch.no_grad()
def read_image(sae: Sae, embedded: Embedded, tokens: str) -> ImageRead:
    """Code and rebuild error of each X-ray of a batch, its tokens encoded once.

    Args:
        sae: the dictionary.
        embedded: of the batch; patches are needed where ``tokens`` is patch.
        tokens: cls or patch: which tokens it reads.
    """
    values = embedded.cls[:, None] if tokens == "cls" else embedded.patches
    assert values is not None
    batch, _, d = values.shape
    flat = values.reshape(-1, d).to(sae.b_dec.device)
    codes = sae.encode(flat)
    code = torch.zeros(batch, sae.config.d_sae).scatter_reduce_(
        1,
        codes.indices.reshape(batch, -1).cpu(),
        codes.values.reshape(batch, -1).cpu(),
        reduce="amax",
        include_self=True,
    )
    residual = (flat - sae.decode(codes)).square().sum(1)
    total = (flat - sae.b_dec).square().sum(1)
    error = torch.stack([residual, total], dim=1).reshape(batch, -1, 2).sum(1)
    return ImageRead(code, error.float().cpu().numpy())


def image_code(sae: Sae, embedded: Embedded, tokens: str) -> torch.Tensor:
    """Only the code, float32 [B, m] on the CPU."""
    return read_image(sae, embedded, tokens).code


@torch.no_grad()
def patch_activations(sae: Sae, patches: torch.Tensor, feature_id: int) -> torch.Tensor:
    """Activation of one feature on each patch, float32 [P, d] -> [P]; 0 where it isn't among the patch's k."""
    codes = sae.encode(patches.to(sae.b_dec.device))
    return torch.where(codes.indices == feature_id, codes.values, 0.0).amax(dim=1).cpu()
