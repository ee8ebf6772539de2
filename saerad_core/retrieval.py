"""X-rays that resemble an X-ray, by FAISS over the embeddings."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from saerad_core.errors import WorkspaceError

BLOCK = 10_000
"""Vectors added at a time."""


class ImageIndex:
    """Inner-product search over float16 vectors (faiss IndexScalarQuantizer, QT_fp16)."""

    def __init__(self, path: Path) -> None:
        """Open an index; raises WorkspaceError where there is none."""
        import faiss

        if not path.exists():
            raise WorkspaceError("The search index of this workspace is missing; build the workspace again.")
        self._index = faiss.read_index(str(path))

    @staticmethod
    def build(embeddings: np.ndarray, path: Path) -> None:
        """Write the index of L2-normalised vectors, float [N, d] (may be memory-mapped); a vector's row is its id."""
        import faiss

        index = faiss.IndexScalarQuantizer(
            embeddings.shape[1], faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT
        )
        # Half precision has nothing to learn.
        index.train(np.ascontiguousarray(embeddings[:1], dtype=np.float32))  # type: ignore[call-arg]
        for start in range(0, len(embeddings), BLOCK):
            index.add(np.ascontiguousarray(embeddings[start : start + BLOCK], dtype=np.float32))  # type: ignore[call-arg]
        part = path.with_suffix(".part")
        faiss.write_index(index, str(part))
        part.replace(path)

    def __len__(self) -> int:
        return self._index.ntotal

    def search(self, vector: np.ndarray, n: int) -> list[tuple[int, float]]:
        """The ``n`` nearest rows to a vector float32 [d], most similar first, with their cosine similarity."""
        query = np.ascontiguousarray(vector, dtype=np.float32)[None]
        assert query.shape[1] == self._index.d, f"query has {query.shape[1]} dimensions, the index {self._index.d}"
        similarity, rows = self._index.search(query, min(n, len(self)))
        return [(int(row), float(value)) for row, value in zip(rows[0], similarity[0], strict=True) if row >= 0]
