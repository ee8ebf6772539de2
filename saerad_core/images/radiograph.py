"""Untrusted bytes -> a radiograph: float pixels with bone white, and the few tags that are kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from saerad_core.errors import ImageRefused

MOST_BYTES = 100 * 2**20
MOST_PIXELS = 64_000_000
"""More than any radiography detector has."""
FEWEST_SIDE = 64
"""Pixels along the shorter side, under which no chest can be read."""


@dataclass
class Radiograph:
    """A decoded X-ray."""

    pixels: np.ndarray
    """float32 H x W in [0, 1], bone white."""
    facts: dict[str, str] = field(default_factory=dict)
    """Allow-listed tags and what was noticed in reading; nothing that names a person."""


def check_size(height: int, width: int) -> None:
    """Refuse by the header alone, before pixels are touched."""
    if height * width > MOST_PIXELS:
        raise ImageRefused(
            f"The image has {height * width / 1e6:.0f} million pixels; give one of at most {MOST_PIXELS // 1_000_000}."
        )
    if min(height, width) < FEWEST_SIDE:
        raise ImageRefused(
            f"The image is only {width} x {height} pixels; give one of at least {FEWEST_SIDE} on each side."
        )


def check_content(pixels: np.ndarray) -> None:
    """Refuse pixels in [0, 1] that show nothing."""
    if float(np.std(pixels)) < 0.01:
        raise ImageRefused("The image is blank or of one shade; give a chest X-ray.")


def decode(source: bytes | Path) -> Radiograph:
    """Read a PNG (8 or 16 bit), JPEG or DICOM (CR, DX) file.

    Raises:
        ImageRefused: it is none of these, damaged, too large or small, or blank; the message says what to do.
    """
    if isinstance(source, Path):
        try:
            if source.stat().st_size > MOST_BYTES:
                raise _too_large(source.stat().st_size)
            data = source.read_bytes()
        except OSError as error:
            raise ImageRefused("The file can't be read; check that it is there and may be opened.") from error
    else:
        data = source
    if len(data) > MOST_BYTES:
        raise _too_large(len(data))
    if data[:8] == b"\x89PNG\r\n\x1a\n" or data[:3] == b"\xff\xd8\xff":
        from saerad_core.images.pngjpeg import decode_pngjpeg

        radiograph = decode_pngjpeg(data)
    elif data[128:132] == b"DICM":
        from saerad_core.images.dicom import decode_dicom

        radiograph = decode_dicom(data)
    else:
        raise ImageRefused("The file is not a PNG, JPEG or DICOM image; export the X-ray in one of these.")
    check_content(radiograph.pixels)
    return radiograph


def _too_large(size: int) -> ImageRefused:
    return ImageRefused(f"The file has {size / 2**20:.0f} MB; give one of at most {MOST_BYTES // 2**20} MB.")
