"""Decode a file that somebody uploaded: in a process of its own, with limits on memory and time."""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np

from saerad_core.errors import ImageRefused
from saerad_core.images.limits import MOST_PIXELS, check_bytes
from saerad_core.images.radiograph import Radiograph

SECONDS = 60.0
"""Until a decoder is given up; an ordinary film takes half a second, 64 million pixels ten on a busy machine."""
MEMORY = 2 * 2**30
"""Bytes of address space of the decoder: 64 million float32 pixels in a few copies, and the libraries."""

_ROOT = Path(__file__).resolve().parents[2]


class _Spare:
    """A decoder that has started already and waits, so that an upload needn't wait for Python to start."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: subprocess.Popen[bytes] | None = None
        atexit.register(self.drop)

    def take(self) -> subprocess.Popen[bytes]:
        with self._lock:
            child, self._waiting = self._waiting, None
        if child is not None and child.poll() is None:
            return child
        if child is not None:
            _end(child)
        return _start()

    def refill(self) -> None:
        with self._lock:
            if self._waiting is None:
                self._waiting = _start()

    def drop(self) -> None:
        with self._lock:
            child, self._waiting = self._waiting, None
        if child is not None:
            _end(child)


_spare = _Spare()


def decode_sandboxed(data: bytes, *, seconds: float = SECONDS, memory: int = MEMORY) -> Radiograph:
    """What ``decode`` gives, from a child process that may take ``memory`` bytes and ``seconds``.

    Raises:
        ImageRefused: the file is not a usable radiograph, or its decoder broke a limit or died.
    """
    check_bytes(len(data))
    child = _spare.take() if memory == MEMORY else _start(memory)
    try:
        answer, _ = child.communicate(data, timeout=seconds)
    except subprocess.TimeoutExpired as error:
        raise ImageRefused("The file takes too long to read; export it uncompressed.") from error
    finally:
        _end(child)
        _spare.refill()
    return _parse(answer)


def warm() -> None:
    """Start the decoder that the first upload will use."""
    _spare.refill()


def _start(memory: int = MEMORY) -> subprocess.Popen[bytes]:
    # Nothing of the server's environment reaches the decoder: keys and tokens stay where they are.
    environment = {name: os.environ[name] for name in ("PATH", "LANG", "VIRTUAL_ENV") if name in os.environ}
    environment |= {"PYTHONPATH": str(_ROOT), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "saerad_core.images.child", str(memory)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
        cwd="/",
    )


def _end(child: subprocess.Popen[bytes]) -> None:
    child.kill()
    child.wait()
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            try:
                pipe.close()
            except BrokenPipeError:
                # Bytes that the child will never read.
                continue


def _parse(answer: bytes) -> Radiograph:
    header, _, body = answer.partition(b"\n")
    try:
        said = json.loads(header)
        if "refused" in said:
            raise ImageRefused(str(said["refused"]))
        height, width = (int(side) for side in said["shape"])
        facts = {str(name): str(value) for name, value in said["facts"].items()}
        if height * width > MOST_PIXELS:
            raise ValueError(height, width)
        pixels = np.frombuffer(body, dtype=np.float32).reshape(height, width).copy()
    except ImageRefused:
        raise
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        # No answer or half of one: the child died. Were it taken over by the file, it could say no more than this.
        raise ImageRefused("The file broke its decoder or the decoder's limits; export it uncompressed.") from error
    return Radiograph(pixels, facts)
