"""Processes that decode files ahead of the encoder. One that dies or hangs loses its file only, and is replaced."""

from __future__ import annotations

import logging
import multiprocessing
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from multiprocessing.context import SpawnContext

from saerad_core.datasets import Record
from saerad_core.harvest.worker import Job, Loaded, serve

logger = logging.getLogger(__name__)

TRIES = 2
"""Decoders that a file may take down before it is refused: the first may have died of something else."""
START_SECONDS = 120.0
"""Until a decoder that doesn't come up is given up; it opens the dataset, which may be a long listing."""


class DecodePool:
    """``workers`` decoding processes, each with a thread that waits for it."""

    def __init__(self, job: Job, workers: int, seconds: float = 60.0) -> None:
        self._job = job
        self._seconds = seconds
        self._context = multiprocessing.get_context("spawn")
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="decode")
        self._local = threading.local()
        self._lock = threading.Lock()
        self._children: set[_Child] = set()
        self.replaced = 0
        """Processes that died or hung."""

    def __enter__(self) -> DecodePool:
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            for child in self._children:
                child.end()
            self._children.clear()

    @property
    def pids(self) -> list[int]:
        """Of the running decoders."""
        with self._lock:
            return [child.process.pid for child in self._children if child.process.pid is not None]

    def map(self, records: Iterable[Record], ahead: int) -> Iterator[tuple[Record, Loaded | str]]:
        """Each record with what the encoder sees, or with the sentence that refuses it, in order; ``ahead`` are under way."""
        records = iter(records)
        waiting: deque[tuple[Record, Future[Loaded | str]]] = deque()
        for record in records:
            waiting.append((record, self._threads.submit(self._decode, record)))
            if len(waiting) >= ahead:
                first, future = waiting.popleft()
                yield first, future.result()
        while waiting:
            first, future = waiting.popleft()
            yield first, future.result()

    def _decode(self, record: Record) -> Loaded | str:
        for _ in range(TRIES):
            child = self._child()
            answer = child.ask(record, self._seconds)
            if answer is not None:
                return self._read(answer)
            with self._lock:
                self._children.discard(child)
                self.replaced += 1
            child.end()
            self._local.child = None
        logger.warning("%s broke its decoder or took too long; it is left out.", record.image_id)
        return "The file broke its decoder or took too long; export it uncompressed."

    def _read(self, answer: bytes) -> Loaded | str:
        return Loaded.read(answer, self._job.preprocessing.side) or answer.decode()

    def _child(self) -> _Child:
        child = getattr(self._local, "child", None)
        if child is None:
            child = self._local.child = _Child(self._context, self._job)
            with self._lock:
                self._children.add(child)
        return child


class _Child:
    def __init__(self, context: SpawnContext, job: Job) -> None:
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(theirs, job), daemon=True)
        self.process.start()
        theirs.close()
        self._fresh = True

    def ask(self, record: Record, seconds: float) -> bytes | None:
        """The answer, or None where the process died or took too long."""
        seconds += START_SECONDS if self._fresh else 0
        self._fresh = False
        try:
            self.connection.send(record)
            if not self.connection.poll(seconds):
                return None
            return self.connection.recv_bytes()
        except (OSError, EOFError):
            return None

    def end(self) -> None:
        self.process.kill()
        self.process.join()
        self.connection.close()
