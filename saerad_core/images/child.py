"""The process that decodes one untrusted file under limits and ends. Started by ``sandbox``; speaks bytes, not objects.

In: the file on stdin, up to its end. Out: one line of JSON ({"shape", "facts"} or {"refused"}), then float32 pixels.
"""

from __future__ import annotations

import json
import os
import resource
import sys

MOST_SECONDS = 40
"""Seconds of processor time."""


def limit(memory: int) -> None:
    """Take away memory (but for ``memory`` bytes of address space), time, files and core dumps."""
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_SECONDS, MOST_SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main() -> None:
    """Decode what comes on stdin."""
    # Whatever a library prints must not get among the pixels.
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    # Loaded while nobody waits: the process is started before there is a file.
    import saerad_core.images.dicom
    import saerad_core.images.pngjpeg  # noqa: F401
    from saerad_core.errors import ImageRefused
    from saerad_core.images.radiograph import decode

    limit(int(sys.argv[1]))
    data = sys.stdin.buffer.read()
    if not data:
        return
    try:
        radiograph = decode(data)
    except ImageRefused as refusal:
        out.write(json.dumps({"refused": str(refusal)}).encode() + b"\n")
        out.flush()
        return
    out.write(json.dumps({"shape": radiograph.pixels.shape, "facts": radiograph.facts}).encode() + b"\n")
    out.write(radiograph.pixels.tobytes())
    out.flush()
    # The caller waits for the end of this process; taking the libraries down in order is half of a small file's time.
    os._exit(0)


if __name__ == "__main__":
    main()
