"""The warm process that decodes untrusted files, each in a fork of itself that ends with the file.

Started by ``sandbox``. Forks wait in reserve, so that an upload doesn't wait for one. A request is one message with two
descriptors: the file, and a pipe for the answer. That is JSON behind its length in four bytes, {"refused"} or
{"shape", "bits", "facts"} with the bytes of the table and of the index behind it. Nothing of one file is left when the
next one comes.
"""

from __future__ import annotations

import gc
import io
import json
import os
import resource
import select
import signal
import socket
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from saerad_core.errors import ImageRefused
from saerad_core.images.levels import Levels
from saerad_core.images.radiograph import decode_levels

MEMORY = 2 * 2**30
"""Bytes of address space of a decoder: the largest image in a few copies, and the libraries."""
SECONDS = 20.0
"""Until a decoder is given up; an ordinary film takes a fifth of a second."""
SPARE = 2
"""Decoders that wait for a file."""
_SIDE = 64


def limit(memory: int = MEMORY) -> None:
    """Take away memory (but for ``memory`` bytes of address space), files that grow, and core dumps: once, for good."""
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _levels(source: bytes | Path, seconds: float, measured: bool) -> tuple[Levels, dict[str, str]]:
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        return decode_levels(source, measured=measured)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def main() -> None:
    """Keep ``SPARE`` decoders waiting until the other side closes."""
    control = socket.socket(fileno=int(sys.argv[1]))
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    films = _films()
    _rehearse(films)
    gc.collect()
    gc.freeze()
    poll = select.poll()
    # Only whether it is closed: its messages are for the decoders.
    poll.register(control, 0)
    for _ in range(SPARE):
        poll.register(_spare(control, films), 0)
    control.send(b"ready")
    while True:
        for descriptor, _ in poll.poll():
            if descriptor == control.fileno():
                return
            # A decoder took a file, or was ended: another waits in its place.
            poll.unregister(descriptor)
            os.close(descriptor)
            poll.register(_spare(control, films), 0)


def _spare(control: socket.socket, films: list[bytes]) -> int:
    """Fork a decoder that waits for one file; the descriptor hangs up when it no longer waits."""
    waits, waiting = os.pipe()
    if os.fork():
        os.close(waiting)
        return waits
    try:
        os.close(waits)
        _rehearse(films)
        message, descriptors, _, _ = socket.recv_fds(control, 256, 2)
        # Before a byte of the file is read: what takes this process over finds no way to another file.
        control.close()
        os.close(waiting)
        if message:
            _answer(*descriptors, **json.loads(message))
    finally:
        os._exit(0)


def _rehearse(films: list[bytes]) -> None:
    """Load the decoders, and after a fork make what they write this process's own while nobody waits."""
    for film in films:
        decode_levels(film)


def _films() -> list[bytes]:
    """Something small of each kind."""
    from pydicom import dcmwrite
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import UID, DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian

    grey = np.add.outer(np.arange(_SIDE), np.arange(_SIDE)).astype(np.uint16)
    found = []
    for kind, pixels in (("PNG", grey), ("JPEG", grey.astype(np.uint8))):
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, kind)
        found.append(file.getvalue())
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = DigitalXRayImageStorageForPresentation
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = UID("1.2.3")
    dataset.Rows, dataset.Columns = grey.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PixelRepresentation = 1, "MONOCHROME2", 0
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.WindowCenter, dataset.WindowWidth = _SIDE, 2 * _SIDE
    dataset.PixelData = grey.tobytes()
    file = io.BytesIO()
    dcmwrite(file, dataset, enforce_file_format=True)
    return [*found, file.getvalue()]


def _answer(source: int, reply: int, *, seconds: float, memory: int, measured: bool) -> None:
    limit(memory)
    levels = None
    try:
        with os.fdopen(source, "rb") as file:
            levels, facts = _levels(file.read(), seconds, measured)
    except ImageRefused as refusal:
        said: dict[str, object] = {"refused": str(refusal)}
    except MemoryError:
        said = {"refused": "The file needs more memory than an X-ray may take; export it uncompressed."}
    else:
        said = {"shape": levels.index.shape, "bits": 8 * levels.index.itemsize, "facts": facts}
    with os.fdopen(reply, "wb", buffering=0) as pipe:
        head = json.dumps(said).encode()
        _write(pipe, len(head).to_bytes(4, "little") + head)
        if levels is not None:
            _write(pipe, levels.table.data)
            _write(pipe, np.ascontiguousarray(levels.index).data)


def _write(pipe: io.FileIO, data: bytes | memoryview) -> None:
    rest = memoryview(data).cast("B")
    while rest:
        rest = rest[pipe.write(rest) or 0 :]


if __name__ == "__main__":
    main()
