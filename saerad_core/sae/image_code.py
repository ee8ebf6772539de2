"""From token codes to the code of a whole X-ray."""

from __future__ import annotations

import torch

from saerad_core.encoder import Embedded
from saerad_core.sae.base import Sae


@torch.no_grad()
def image_code(sae: Sae, embedded: Embedded, tokens: str) -> torch.Tensor:
    """Code of each X-ray of a batch, float32 [B, m] on the CPU.

    Args:
        sae: the dictionary.
        embedded: of the batch; patches are needed where ``tokens`` is patch.
        tokens: cls: the code of the CLS token. patch: each feature's maximum over the patches.
    """
    if tokens == "cls":
        return sae.dense(embedded.cls.to(sae.b_dec.device)).cpu()
    assert embedded.patches is not None
    batch, patches, d = embedded.patches.shape
    codes = sae.encode(embedded.patches.reshape(-1, d).to(sae.b_dec.device))
    out = torch.zeros(batch, sae.config.d_sae)
    return out.scatter_reduce_(
        1,
        codes.indices.reshape(batch, -1).cpu(),
        codes.values.reshape(batch, -1).cpu(),
        reduce="amax",
        include_self=True,
    )


@torch.no_grad()
def patch_activations(sae: Sae, patches: torch.Tensor, feature_id: int) -> torch.Tensor:
    """Activation of one feature on each patch, float32 [P, d] -> [P]; 0 where it isn't among the patch's k."""
    codes = sae.encode(patches.to(sae.b_dec.device))
    return torch.where(codes.indices == feature_id, codes.values, 0.0).amax(dim=1).cpu()
