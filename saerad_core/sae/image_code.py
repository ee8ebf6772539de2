"""From token codes to the code of a whole X-ray (maximum or mean over its patches), and how much of it the dictionary leaves unexplained."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from saerad_core.encoder import Embedded
from saerad_core.sae.base import Sae
from saerad_core.sae.codes import SparseCodes
from saerad_core.sae.sparse.encode import TokenEncoder, averaged, strongest
from saerad_core.sae.strongest_patches import Entries, entries_of


class ImageRead(NamedTuple):
    """What a dictionary makes of each X-ray of a batch."""

    code: SparseCodes
    """[B, m], rounded to float16: of the CLS token, or each feature's maximum (SaeConfig.pool: or mean) over the patches."""
    error: np.ndarray
    """float32 [B, 2]: the sum over an X-ray's tokens of |x - rebuilt x|^2, and of |x - b_dec|^2."""
    patches: Entries | None = None
    """Every patch on which a feature fires, X-rays counted from 0, where they were asked for."""


class ImageReader:
    """A dictionary made ready to read many X-rays, on the device where it lies."""

    def __init__(self, sae: Sae, tokens: str) -> None:
        """Prepare.

        Args:
            sae: the dictionary.
            tokens: cls or patch: which tokens it reads.
        """
        self.sae, self.tokens = sae, tokens
        self._encoder = TokenEncoder(sae)

    def read(self, embedded: Embedded, *, keep_patches: bool = False) -> ImageRead:
        """Code and rebuild error of each X-ray of a batch, its tokens encoded once; patches are needed where it reads them.

        Args:
            embedded: of the batch.
            keep_patches: give the patches on which features fire, too.
        """
        values = embedded.cls[:, None] if self.tokens == "cls" else embedded.patches
        assert values is not None
        batch, per_image, d = values.shape
        flat = values.reshape(-1, d)
        found = self._encoder.find(flat)
        error = self._encoder.error(flat, found).reshape(batch, per_image, 2).sum(1)
        patches = entries_of(found, per_image) if keep_patches else None
        pooled = averaged if self.sae.config.pool == "mean" else strongest
        return ImageRead(pooled(found, per_image, self.sae.config.d_sae), error, patches)


@torch.no_grad()
def patch_activations(sae: Sae, patches: torch.Tensor, feature_id: int) -> torch.Tensor:
    """Activation of one feature on each patch, float32 [P, d] -> [P]; 0 where it isn't among the patch's k."""
    codes = sae.encode(patches.to(sae.b_dec.device))
    return torch.where(codes.indices == feature_id, codes.values, 0.0).amax(dim=1).cpu()
