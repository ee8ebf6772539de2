"""What a compressed frame says of its own size. A DICOM header can promise a small image around a huge one."""

from __future__ import annotations

import struct

_NO_LENGTH = {0x01, 0xD8, *range(0xD0, 0xD8)}
"""JPEG markers without a segment: TEM, SOI, RST."""
_NOT_FRAMES = {0xC4, 0xC8, 0xCC}
"""Markers among the frame headers (SOF) that are none: DHT, JPG, DAC."""
_LOSSLESS_LS = 0xF7
"""Frame header of JPEG-LS (ISO/IEC 14495-1)."""
_JP2 = b"\x00\x00\x00\x0cjP  "
_SIZ = b"\xff\x4f\xff\x51"


def frame_shape(frame: bytes) -> tuple[int, int, int, int]:
    """Rows, columns, components and bits that a JPEG, JPEG-LS or JPEG 2000 frame declares.

    Raises:
        ValueError: it is none of these, or has no frame header.
    """
    if frame.startswith(_JP2):
        at = frame.find(_SIZ)
        if at < 0:
            raise ValueError("no codestream")
        frame = frame[at:]
    if frame.startswith(_SIZ):
        # ISO/IEC 15444-1 A.5.1: Lsiz, Rsiz, Xsiz, Ysiz, XOsiz, YOsiz, tile size and offset, Csiz.
        _, _, right, bottom, left, top, *_, components, depth = struct.unpack_from(">HH8IHB", frame, 4)
        return bottom - top, right - left, components, (depth & 0x7F) + 1
    if frame.startswith(b"\xff\xd8"):
        return _jpeg_shape(frame)
    raise ValueError("unknown codestream")


def _jpeg_shape(frame: bytes) -> tuple[int, int, int, int]:
    """From the frame header (ISO/IEC 10918-1 B.2.2)."""
    at = 2
    while at + 4 <= len(frame):
        if frame[at] != 0xFF:
            break
        marker = frame[at + 1]
        if marker == 0xFF:
            at += 1
        elif marker in _NO_LENGTH:
            at += 2
        elif marker == _LOSSLESS_LS or (0xC0 <= marker <= 0xCF and marker not in _NOT_FRAMES):
            bits, rows, columns, components = struct.unpack_from(">BHHB", frame, at + 4)
            return rows, columns, components, bits
        else:
            (length,) = struct.unpack_from(">H", frame, at + 2)
            at += 2 + length
    raise ValueError("no frame header")
