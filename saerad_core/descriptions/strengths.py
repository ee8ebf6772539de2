"""How strongly features fire, on one scale for all: what evidence is learned from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from saerad_core.descriptions.matrices import Csr


@dataclass(frozen=True)
class Scale:
    """Mean, standard deviation and largest activation of m features over the training X-rays."""

    centre: np.ndarray
    """float32 [m]."""
    deviation: np.ndarray
    """float32 [m]; 0 for a feature that fires too seldom to be evidence."""
    most: np.ndarray
    """float32 [m]."""

    @classmethod
    def fit(cls, codes: Csr, fewest: int) -> Scale:
        """From codes float32 [N, m]; a feature that fires on fewer than ``fewest`` X-rays is left out."""
        n, m = codes.shape
        firing = np.bincount(codes.indices, minlength=m)
        mean = np.bincount(codes.indices, weights=codes.data, minlength=m) / max(n, 1)
        square = np.bincount(codes.indices, weights=codes.data.astype(np.float64) ** 2, minlength=m) / max(n, 1)
        deviation = np.sqrt(np.maximum(square - mean**2, 0))
        # A feature that is the same on every X-ray tells nothing, and its rounding errors nothing either.
        deviation[(firing < fewest) | (deviation <= 1e-4 * mean)] = 0
        most = np.zeros(m)
        np.maximum.at(most, codes.indices, codes.data)
        return cls(mean.astype(np.float32), deviation.astype(np.float32), most.astype(np.float32))

    @property
    def divisor(self) -> np.ndarray:
        """float32 [m]: the standard deviation, 1 for a feature that is left out."""
        return np.where(self.deviation > 0, self.deviation, np.float32(1))

    def of(self, codes: Csr) -> Csr:
        """Codes [N, m] in standard deviations, float64, not centred; a feature that is left out is 0."""
        used = self.deviation[codes.indices] > 0
        data = np.where(used, np.minimum(codes.data, self.most[codes.indices]) / self.divisor[codes.indices], 0).astype(
            np.float64
        )
        out = sparse.csr_matrix((data, codes.indices.copy(), codes.indptr.copy()), shape=codes.shape)
        out.eliminate_zeros()
        return out
