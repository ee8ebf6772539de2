"""How much of an X-ray's embedding a dictionary leaves unexplained: large on what it wasn't trained on."""

from __future__ import annotations

import numpy as np
import torch

from saerad_core.encoder import Embedded
from saerad_core.sae.base import Sae


@torch.no_grad()
def rebuild_error(sae: Sae, embedded: Embedded, tokens: str) -> np.ndarray:
    """Squared error of the rebuilt tokens of each X-ray, and what it is a share of.

    Args:
        sae: the dictionary.
        embedded: of a batch; patches are needed where ``tokens`` is patch.
        tokens: cls or patch: which tokens it reads.

    Returns:
        float32 [B, 2]: the sum over an X-ray's tokens of |x - rebuilt x|^2, and of |x - b_dec|^2.
    """
    values = embedded.cls[:, None] if tokens == "cls" else embedded.patches
    assert values is not None
    flat = values.reshape(-1, values.shape[2]).to(sae.b_dec.device)
    residual = (flat - sae.decode(sae.encode(flat))).square().sum(1)
    total = (flat - sae.b_dec).square().sum(1)
    both = torch.stack([residual, total], dim=1).reshape(len(values), -1, 2).sum(1)
    return both.float().cpu().numpy()
