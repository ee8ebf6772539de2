"""A team of threads for kernels that let go of the interpreter lock."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any

import torch


class Team:
    """Runs parts of one job at once; torch inside a part stays on the part's own thread.

    The same threads do the products and the kernels: OpenMP's workers would spin on the cores that the kernels need.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        before = torch.get_num_threads()
        self._pool = ThreadPoolExecutor(size, "sparse", initializer=torch.set_num_threads, initargs=(1,))
        for future in [self._pool.submit(torch.get_num_threads) for _ in range(size)]:
            future.result()
        # The setting of one thread is also the default of threads to come.
        torch.set_num_threads(before)

    def run(self, work: Callable[..., Any], parts: Iterable[tuple]) -> list[Any]:
        """``work(*part)`` for every part, answers in the order of the parts."""
        return [future.result() for future in [self._pool.submit(work, *part) for part in parts]]


@lru_cache(maxsize=4)
def team(size: int | None = None) -> Team:
    """The team of ``size`` threads (None: as many as torch uses), made once."""
    return Team(size or torch.get_num_threads())


def spans(n: int, most: int, at_least: int = 1) -> list[tuple[int, int]]:
    """[0, n) in equal parts of ``most`` at the longest, ``at_least`` of them where n allows."""
    parts = max(1, min(n, max(at_least, -(-n // most))))
    edges = [n * part // parts for part in range(parts + 1)]
    return list(zip(edges, edges[1:], strict=False))
