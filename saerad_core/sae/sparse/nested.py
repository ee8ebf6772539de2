"""What each nested prefix of a matryoshka dictionary leaves over of a token."""

from __future__ import annotations

import numpy as np
from numba import njit

from saerad_core.sae.sparse.select import SUMS


@njit(nogil=True, cache=True, fastmath=SUMS)
def nested(x, weights, first, active, indices, values, ends, out, squares):  # noqa: ANN001, ANN201
    """out [P, R, d] = x less the decoded slots of features below each of ``ends`` int64 [P]; squares float64 [R, P].

    A row's features have to ascend.
    """
    d = x.shape[1]
    for r in range(x.shape[0]):
        slot, stop = first[r], first[r] + active[r]
        for part in range(ends.shape[0]):
            row, before = out[part, r], x[r]
            if part > 0:
                before = out[part - 1, r]
            for i in range(d):
                row[i] = before[i]
            while slot < stop and indices[slot] < ends[part]:
                v, weight = values[slot], weights[indices[slot]]
                for i in range(d):
                    row[i] -= v * weight[i]
                slot += 1
            total = 0.0
            for i in range(d):
                total += np.float64(row[i]) * np.float64(row[i])
            squares[r, part] = total


@njit(nogil=True, cache=True, error_model="numpy")
def fold(errors):  # noqa: ANN001, ANN201
    """errors [P, R, d] in place: each becomes the mean over all P of itself and the later ones, what the features that
    first take part in it learn from."""
    parts = errors.shape[0]
    for r in range(errors.shape[1]):
        for part in range(parts - 1, -1, -1):
            row = errors[part, r]
            for i in range(row.shape[0]):
                row[i] /= parts
                if part < parts - 1:
                    row[i] += errors[part + 1, r, i]
