"""Grey levels as they are decoded: a small whole number a pixel, and the table of what each is shown as."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

BLOCK = 2**18
"""Pixels that are looked up at a time: few enough to stay in a core's cache."""


@dataclass(frozen=True)
class Levels:
    """An image in half or a quarter of the memory of its float32 pixels, from which they come bit for bit."""

    index: np.ndarray
    """uint8 or uint16 [H, W]."""
    table: np.ndarray
    """float32 [256 or 65,536] in [0, 1], bone white: the grey of every value that an index can have."""

    def pixels(self) -> np.ndarray:
        """float32 [H, W] in [0, 1]."""
        pixels = np.empty(self.index.shape, dtype=np.float32)
        flat, index = pixels.reshape(-1), np.ascontiguousarray(self.index).reshape(-1)
        for start in range(0, flat.size, BLOCK):
            look_up(self.table, index[start : start + BLOCK], flat[start : start + BLOCK])
        return pixels

    def of(self, index: np.ndarray) -> np.ndarray:
        """float32 of some of the pixels, in the shape of ``index``."""
        return self.table[index]


def look_up(table: np.ndarray, index: np.ndarray, out: np.ndarray) -> None:
    """``table[index]`` into ``out`` [n]; the table has an entry for every value of the index's type."""
    # Nothing can be beyond the table; any mode but the default one writes without a copy of its own.
    np.take(table, index, out=out, mode="clip")


def scale(bits: int, top: int) -> np.ndarray:
    """float32 [2 ** bits]: v / top, and 1 beyond it."""
    return np.minimum(np.arange(2**bits, dtype=np.float32) / np.float32(top), np.float32(1))
