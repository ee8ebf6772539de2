"""From token codes to the code of a whole X-ray."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from saerad_core.encoder import Embedded
from saerad_core.sae.topk import TopKSae


@torch.no_grad()
def image_code(sae: TopKSae, embedded: Embedded, tokens: str) -> torch.Tensor:
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
def patch_activations(sae: TopKSae, patches: torch.Tensor, feature_id: int) -> torch.Tensor:
    """Activation of one feature on each patch, float32 [P, d] -> [P]; 0 where it isn't among the patch's k."""
    codes = sae.encode(patches.to(sae.b_dec.device))
    return torch.where(codes.indices == feature_id, codes.values, 0.0).amax(dim=1).cpu()


def feature_gradient(sae: TopKSae, cls: torch.Tensor, feature_id: int) -> torch.Tensor:
    """Differentiable pre-activation of one feature on CLS tokens float32 [B, d] -> [B], before top-k."""
    return F.linear(cls - sae.b_dec, sae.W_enc[:, feature_id][None], sae.b_enc[feature_id : feature_id + 1])[:, 0]
