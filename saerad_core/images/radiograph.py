"""Untrusted bytes to pixels: the one door through which X-rays come in."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from saerad_core.errors import ImageRefused
from saerad_core.images.levels import Levels
from saerad_core.images.limits import DAMAGED, check_bytes, check_levels

PNG = b"\x89PNG\r\n\x1a\n"
JPEG = b"\xff\xd8\xff"


@dataclass(frozen=True)
class Radiograph:
    """An X-ray as the rest of the program sees it."""

    pixels: np.ndarray
    """float32 [H, W] in [0, 1], bone white, upright; the patient's right is on the left of a frontal view."""
    facts: dict[str, str] = field(default_factory=dict)
    """What the file says of the image: allow-listed tags with checked values, nothing that names a person.

    ``warning`` is a sentence for the reader, where the file calls for one.
    """


def decode(source: bytes | Path) -> Radiograph:
    """Read a PNG (8 or 16 bit), JPEG or DICOM file.

    Runs in this process: give it files of your own, and bytes from elsewhere to ``decode_sandboxed``.

    Raises:
        ImageRefused: the file is not a usable radiograph. The sentence repeats nothing of the file's content.
    """
    levels, facts = decode_levels(source)
    return Radiograph(levels.pixels(), facts)


def decode_levels(source: bytes | Path, *, measured: bool = False) -> tuple[Levels, dict[str, str]]:
    """What ``decode`` gives, before the pixels are looked up: what the sandbox sends.

    Args:
        source: bytes of a file, or its path.
        measured: rather the real values before any window, scaled from the lowest to the highest; facts then hold only
            ``lowest``, ``highest``, ``center``, ``width`` and ``inverse`` (1 or 0), as ``grey.Measured`` has them.

    Raises:
        ImageRefused: as ``decode``.
    """
    data = _read(source) if isinstance(source, Path) else source
    check_bytes(len(data))
    try:
        levels, facts = _measured(data) if measured else _decoded(data)
    except ImageRefused:
        raise
    except MemoryError as error:
        raise ImageRefused("The file needs more memory than an X-ray may take; export it uncompressed.") from error
    except DAMAGED as error:
        # The library's own message may repeat what the file holds, names included: it stays with the cause.
        raise ImageRefused("The file is damaged or of an unknown kind; export it again.") from error
    if not measured:
        # Whether an image shows anything is a matter of its window, which is set later here.
        check_levels(levels)
    return levels, facts


def _read(path: Path) -> bytes:
    try:
        check_bytes(path.stat().st_size)
        return path.read_bytes()
    except OSError as error:
        raise ImageRefused("The file can't be opened; check that it is there and may be read.") from error


def _decoded(data: bytes) -> tuple[Levels, dict[str, str]]:
    # Imported here: pydicom takes a third of a second that a PNG needn't wait for.
    if data.startswith((PNG, JPEG)):
        if data[128:132] == b"DICM":
            raise ImageRefused("The file claims to be of two kinds at once; export it again.")
        from saerad_core.images.pngjpeg import decode_png_jpeg

        return decode_png_jpeg(data)
    _checked_kind(data)
    from saerad_core.images.dicom import decode_dicom

    return decode_dicom(data)


def _checked_kind(data: bytes) -> None:
    from saerad_core.images.part10 import looks_like_dicom

    if not looks_like_dicom(data):
        raise ImageRefused("The file is neither PNG, JPEG nor DICOM; choose one of these.")


def _measured(data: bytes) -> tuple[Levels, dict[str, str]]:
    if data.startswith((PNG, JPEG)):
        levels, facts = _decoded(data)
        top = 2 ** int(facts["bits"]) - 1
        numbers: list[float] = [0, top, (top + 1) / 2, top + 1, 0]
    else:
        _checked_kind(data)
        from saerad_core.images.dicom import measure_dicom

        levels, *numbers = measure_dicom(data)
    return levels, dict(zip(("lowest", "highest", "center", "width", "inverse"), map(_plain, numbers), strict=True))


def _plain(number: float) -> str:
    return repr(float(number))
