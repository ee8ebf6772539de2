"""Run-length encoding of DICOM (PS3.5 annex G), never more output than the header promised."""

from __future__ import annotations

import struct

import numpy as np

from saerad_core.errors import ImageRefused


def decode_rle(frame: bytes, n_pixels: int, planes: int) -> np.ndarray:
    """Byte planes of one frame.

    Args:
        frame: an RLE header of 64 bytes and its segments.
        n_pixels: bytes that every segment holds.
        planes: segments: samples times bytes a sample, the most significant byte first.

    Returns:
        uint8 [planes, n_pixels].

    Raises:
        ImageRefused: other numbers of segments or bytes than promised.
    """
    if len(frame) < 64:
        raise ImageRefused("The DICOM file's RLE pixels are cut short; export it again.")
    n, *offsets = struct.unpack_from("<16I", frame)
    offsets = [*offsets[:planes], len(frame)]
    if n != planes or offsets[0] < 64 or offsets != sorted(offsets):
        raise ImageRefused("The DICOM file's RLE pixels don't fit its header; export it again.")
    out = np.empty((planes, n_pixels), dtype=np.uint8)
    for plane in range(planes):
        out[plane] = np.frombuffer(_segment(frame[offsets[plane] : offsets[plane + 1]], n_pixels), dtype=np.uint8)
    return out


def _segment(packed: bytes, length: int) -> bytes:
    """PackBits: a count byte, then bytes to copy (0 to 127) or one to repeat (129 to 255)."""
    out = bytearray()
    at, end = 0, len(packed)
    while at < end and len(out) < length:
        count = packed[at]
        if count < 128:
            out += packed[at + 1 : at + 2 + count]
            at += 2 + count
        elif count > 128:
            out += packed[at + 1 : at + 2] * (257 - count)
            at += 2
        else:
            at += 1
    # One byte may follow to make the segment even; its count byte alone writes nothing that is kept.
    if len(out) != length or end - at > 2:
        raise ImageRefused("The DICOM file's RLE pixels don't fit its header; export it again.")
    return bytes(out)
