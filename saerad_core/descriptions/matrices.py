"""Sparse matrices, whose library ships no types that a checker can use."""

from __future__ import annotations

from typing import Any

import numpy as np

Csr = Any
"""scipy.sparse.csr_matrix; shapes and dtypes are in the docstrings of those who take one."""
Csc = Any
"""scipy.sparse.csc_matrix."""


def dense(matrix: Any, dtype: type = np.float64) -> np.ndarray:  # noqa: ANN401 - any sparse or dense matrix
    """As an ordinary array of the same shape."""
    return np.asarray(matrix.todense() if hasattr(matrix, "todense") else matrix, dtype=dtype)
