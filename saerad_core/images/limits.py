"""What a file may be before its pixels are touched, and what pixels may be before anything else sees them."""

from __future__ import annotations

import struct
import zlib

import numpy as np

from saerad_core.errors import ImageRefused
from saerad_core.images.levels import Levels

MOST_BYTES = 256 * 2**20
"""Bytes of a file; the largest image that is read has 200 million, uncompressed."""
MOST_PIXELS = 100_000_000
"""Pixels of an image; the finest film digitisers stay under 30 million."""
FEWEST_PIXELS = 8
"""Pixels along the shorter side; below it there is no image to speak of."""
LONGEST_SHAPE = 6.0
"""Longer side over the shorter one; a strip is not a radiograph."""
FLATTEST = 0.02
"""Difference of the 1st and 99th percentile, of the full scale, below which an image is blank."""
MOST_COLOUR = 0.10
"""Mean difference of the strongest and weakest channel, of the full scale, from which an image is in colour.

Grey radiographs with coloured marks or a faint tint stay below 0.05, photographs lie around 0.2.
"""
TWELVE_BITS = 4095
"""Largest value of a 12-bit detector; many 16-bit files hold no more."""

DAMAGED = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    BufferError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)
"""What image libraries raise on damaged files; mutated files raised over ten of these kinds."""


def check_bytes(n: int) -> None:
    """Refuse an empty or a huge file."""
    if n == 0:
        raise ImageRefused("The file is empty; choose a PNG, JPEG or DICOM file.")
    if n > MOST_BYTES:
        raise ImageRefused(f"The file is larger than {MOST_BYTES // 2**20} MB; choose a smaller one.")


def check_size(width: int, height: int) -> None:
    """Refuse an image by its header, before memory is taken for its pixels."""
    if min(width, height) < FEWEST_PIXELS:
        raise ImageRefused(f"The image is smaller than {FEWEST_PIXELS} pixels along a side; choose a larger one.")
    if width * height > MOST_PIXELS:
        raise ImageRefused(f"The image has more than {MOST_PIXELS // 10**6} million pixels; choose a smaller one.")
    if max(width, height) > LONGEST_SHAPE * min(width, height):
        raise ImageRefused("The image is a narrow strip, not a chest radiograph; choose a whole image.")


def colour_warning(channels: np.ndarray) -> str:
    """A sentence where uint8 [H, W, 3] is in colour, as no radiograph is; "" for grey."""
    some = sample(channels)
    colour = (some.max(axis=2).astype(np.float32) - some.min(axis=2)).mean() / 255
    return "The image is in colour, so it is probably not a radiograph." if colour > MOST_COLOUR else ""


def check_levels(levels: Levels) -> None:
    """Refuse grey levels that are no numbers or show nothing."""
    if not np.isfinite(levels.table).all():
        raise ImageRefused("The image holds values that are not numbers; export it again.")
    if is_flat(levels.of(sample(levels.index))):
        raise ImageRefused("The image is blank; choose one that shows a chest.")


def is_flat(pixels: np.ndarray) -> bool:
    """Whether nearly all pixels [H, W], full scale 1, have the same value."""
    low, high = np.percentile(sample(pixels), (1, 99))
    return bool(high - low < FLATTEST)


def sample(values: np.ndarray) -> np.ndarray:
    """Every n-th row and column: enough for statistics, quick for the largest image."""
    step = max(1, min(values.shape[:2]) // 512)
    return values[::step, ::step]
