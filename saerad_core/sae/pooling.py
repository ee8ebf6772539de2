"""From the codes of an X-ray's tokens to one code of the X-ray."""

from __future__ import annotations

import torch

from saerad_core.sae.base import Codes

POOLS = ("max", "mean")
"""Each feature's maximum over the tokens, or its mean."""


def pool_codes(codes: Codes, images: int, m: int, pool: str) -> torch.Tensor:
    """Codes of ``images`` X-rays' tokens, one X-ray after another and as many of each -> float32 [images, m] on the CPU."""
    assert pool in POOLS, f"no way to pool {pool!r}"
    indices, values = (part.reshape(images, -1).cpu() for part in codes)
    code = torch.zeros(images, m)
    if pool == "max":
        return code.scatter_reduce_(1, indices, values, reduce="amax", include_self=True)
    return code.scatter_add_(1, indices, values).div_(len(codes.values) / images)
