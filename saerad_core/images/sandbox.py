"""Decode untrusted bytes in a child process with limits on memory and time."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np

from saerad_core.errors import ImageRefused
from saerad_core.images.radiograph import MOST_BYTES, Radiograph, decode

MEMORY = 1_500 * 2**20
"""Bytes of address space of the child; the largest film that is accepted needs about 1 GB."""
SECONDS = 30
"""Of wall time; a large JPEG 2000 film takes about 5."""
_HEAD = struct.Struct("<III")
PROJECT = Path(__file__).resolve().parents[2]


def decode_sandboxed(data: bytes) -> Radiograph:
    """As radiograph.decode, in a process that can neither exhaust memory nor hang.

    Raises:
        ImageRefused: decode's reasons, or the file needs too much memory or time.
    """
    if len(data) > MOST_BYTES:
        decode(data)
    command = [sys.executable, "-m", "saerad_core.images.sandbox"]
    try:
        done = subprocess.run(command, input=data, capture_output=True, timeout=SECONDS, cwd=PROJECT, check=False)
    except subprocess.TimeoutExpired as error:
        raise ImageRefused("The file takes too long to decode; export it again, uncompressed.") from error
    out = done.stdout
    if done.returncode or len(out) < _HEAD.size:
        raise ImageRefused("The file needs too much memory to decode; export it again, smaller or uncompressed.")
    height, width, length = _HEAD.unpack_from(out)
    answer = json.loads(out[_HEAD.size : _HEAD.size + length])
    if "refused" in answer:
        raise ImageRefused(answer["refused"])
    pixels = np.frombuffer(out, dtype=np.float32, offset=_HEAD.size + length).reshape(height, width).copy()
    return Radiograph(pixels, answer["facts"])


def _child() -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    out = sys.stdout.buffer
    try:
        radiograph = decode(sys.stdin.buffer.read())
    except ImageRefused as refusal:
        text = json.dumps({"refused": str(refusal)}).encode()
        out.write(_HEAD.pack(0, 0, len(text)) + text)
        return
    text = json.dumps({"facts": radiograph.facts}).encode()
    # Padded, so that the pixels begin on a multiple of four.
    text += b" " * (-(len(text) + _HEAD.size) % 4)
    out.write(_HEAD.pack(*radiograph.pixels.shape, len(text)) + text)
    out.write(np.ascontiguousarray(radiograph.pixels, dtype=np.float32).tobytes())


if __name__ == "__main__":
    _child()
