"""The warm process that decodes untrusted files, each in a fork of itself that ends with the file.

Started by ``sandbox``. A request is one message with three descriptors: the file, memory for the pixels, and a pipe for
the answer, one line of JSON ({"shape", "facts"} or {"refused"}). Nothing of one file is left when the next one comes.
"""

from __future__ import annotations

import gc
import json
import mmap
import os
import resource
import signal
import socket
import sys
from pathlib import Path

import numpy as np

from saerad_core.errors import ImageRefused
from saerad_core.images.radiograph import Radiograph, decode

MEMORY = 2 * 2**30
"""Bytes of address space of a decoder: the largest image in a few copies, and the libraries."""
SECONDS = 20.0
"""Until a decoder is given up; an ordinary film takes a fifth of a second."""


def limit(memory: int = MEMORY) -> None:
    """Take away memory (but for ``memory`` bytes of address space), files that grow, and core dumps: once, for good.

    A worker process of a build may call this too, before ``decode_limited``; it can't write files afterwards.
    """
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def decode_limited(source: bytes | Path, seconds: float = SECONDS) -> Radiograph:
    """What ``decode`` gives; a file that takes longer ends this process by SIGALRM, whatever library it is stuck in.

    Call it in the main thread of a process that can be replaced.

    Raises:
        ImageRefused: the file is not a usable radiograph.
    """
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        return decode(source)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def main() -> None:
    """Serve until the other side closes."""
    # Loaded while nobody waits.
    import saerad_core.images.dicom
    import saerad_core.images.pngjpeg  # noqa: F401

    control = socket.socket(fileno=int(sys.argv[1]))
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    gc.collect()
    gc.freeze()
    control.send(b"ready")
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, 256, 3)
        if not message:
            return
        if os.fork() == 0:
            control.close()
            try:
                _answer(*descriptors, **json.loads(message))
            finally:
                os._exit(0)
        for descriptor in descriptors:
            os.close(descriptor)


def _answer(source: int, target: int, reply: int, *, seconds: float, memory: int) -> None:
    limit(memory)
    try:
        with os.fdopen(source, "rb") as file:
            radiograph = decode_limited(file.read(), seconds)
    except ImageRefused as refusal:
        said: dict[str, object] = {"refused": str(refusal)}
    except MemoryError:
        said = {"refused": "The file needs more memory than an X-ray may take; export it uncompressed."}
    else:
        pixels = radiograph.pixels
        with mmap.mmap(target, pixels.nbytes, flags=mmap.MAP_SHARED) as shared:
            view = np.frombuffer(shared, dtype=np.float32)
            view[:] = pixels.ravel()
            del view
        said = {"shape": pixels.shape, "facts": radiograph.facts}
    os.write(reply, json.dumps(said).encode() + b"\n")


if __name__ == "__main__":
    main()
