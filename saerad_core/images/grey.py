"""From stored values to grey levels: modality, values of interest, presentation (PS3.3 C.11 and C.7.6.3).

With at most 16 bits a pixel, the whole way is a table with one entry a stored value, computed once in float64.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from pydicom.dataset import Dataset

from saerad_core.errors import ImageRefused
from saerad_core.images.levels import Levels
from saerad_core.images.limits import TWELVE_BITS, is_flat, sample

FULL_SCALE = 1 / 3
"""Share of the stored range that an image without a window has to use to be shown over the whole range."""
SHOWN = (0.5, 99.5)
"""Percentiles that become black and white in an image that uses less."""


class Grey(NamedTuple):
    """An image as it is shown."""

    levels: Levels
    window: str
    """In words, where black and white came from."""
    warning: str


def shown(dataset: Dataset, stored: np.ndarray, bits: int, big_endian: bool = False) -> Grey:
    """Stored values as grey levels.

    Modality LUT or rescale; then the first VOI LUT, the first window, or the stored range; then one inversion where
    MONOCHROME1 or Presentation LUT Shape INVERSE asks for it; at last the padding outside the picture becomes black.

    Args:
        dataset: the file's header.
        stored: uint8, uint16, int8 or int16 [H, W].
        bits: of a stored value.
        big_endian: byte order of lookup tables that are given as bytes.

    Raises:
        ImageRefused: values that are not finite, or with which nothing can be shown.
    """
    levels = _levels(stored.dtype)
    padding = _padding(dataset, levels)
    some = sample(stored).ravel()
    some = some[~padding[_index(some)]]
    if not some.size:
        raise ImageRefused("The image is blank; choose one that shows a chest.")
    values = _modality(dataset, levels, big_endian)
    possible = values[_stored_range(levels, bits)]
    table, window, warning = _of_interest(dataset, values, possible, _index(some), big_endian)
    if table is None:
        table, window = _whole(dataset, values, possible, some, bits)
    if _inverted(dataset):
        table = 1 - table
    table[padding] = 0
    return Grey(Levels(_index(stored), table.astype(np.float32)), window, warning)


class Measured(NamedTuple):
    """Real values of an image, before any window, and the window that shows them as ``shown`` does."""

    levels: Levels
    """Table: (value - lowest) / (highest - lowest), not inverted; padding has an end of the range, which is shown black."""
    lowest: float
    highest: float
    center: float
    """Window Center of PS3.3 C.11.2.1.2, LINEAR."""
    width: float
    """Window Width, at least 1."""
    inverse: bool
    """Low values are shown white."""


def measured(dataset: Dataset, stored: np.ndarray, bits: int, big_endian: bool = False) -> Measured:
    """Stored values as the modality's, for somebody who sets the window; arguments and errors as ``shown``.

    Where the file has a lookup table or a sigmoid, the window is the straight line through its middle half.
    """
    grey = shown(dataset, stored, bits, big_endian).levels
    levels, inverse = _levels(stored.dtype), _inverted(dataset)
    padding, values = _padding(dataset, levels), _modality(dataset, levels, big_endian)
    there = np.zeros(levels.size, dtype=bool)
    for row in grey.index:  # All at once, the indices would take eight bytes a pixel.
        there[row] = True
    padded = bool((there & padding).any())
    there &= ~padding
    lowest, highest = float(values[there].min()), float(values[there].max())
    if highest <= lowest:
        raise ImageRefused("The image is blank; choose one that shows a chest.")
    possible = ~padding & _stored_range(levels, bits)
    shares = (1 - grey.table if inverse else grey.table)[possible]
    center, width = linear_window(values[possible], shares) or ((lowest + highest + 1) / 2, highest - lowest + 1)
    if padded:
        # Padding has to be black at first, and has no value of its own.
        black = center - 0.5 + (width - 1) / 2 * (1 if inverse else -1)
        lowest, highest = min(lowest, float(np.floor(black))), max(highest, float(np.ceil(black)))
    table = np.clip((values - lowest) / (highest - lowest), 0, 1)
    table[padding] = 1 if inverse else 0
    return Measured(Levels(grey.index, table.astype(np.float32)), lowest, highest, center, width, inverse)


def linear_window(values: np.ndarray, shares: np.ndarray) -> tuple[float, float] | None:
    """Center and width of the LINEAR window nearest to a table; None where the table isn't a rising line.

    Args:
        values: float64 [n].
        shares: [n] in [0, 1], what each value is shown as.
    """
    middle = (shares >= 0.25) & (shares <= 0.75)
    if np.count_nonzero(middle) < 2:
        return None
    values, shares = values[middle].astype(np.float64), shares[middle].astype(np.float64)
    first, last = np.argmin(values), np.argmax(values)
    if shares[last] <= shares[first]:
        return None
    slope = (shares[last] - shares[first]) / (values[last] - values[first])
    black = values[first] - shares[first] / slope
    return black + (1 / slope + 1) / 2, max(1 / slope + 1, 1.0)


def window(values: np.ndarray, center: float, width: float, function: str = "LINEAR") -> np.ndarray:
    """The VOI window of PS3.3 C.11.2.1.2 and C.11.2.1.3, to [0, 1].

    Args:
        values: float64, after the modality stage.
        center: of the window.
        width: of the window, above 0; at least 1 where linear.
        function: LINEAR, LINEAR_EXACT or SIGMOID.
    """
    if function == "SIGMOID":
        return 1 / (1 + np.exp(np.clip(-4 * (values - center) / width, -80, 80)))
    if function == "LINEAR_EXACT":
        return np.clip((values - center) / width + 0.5, 0, 1)
    if width == 1:
        return (values > center - 0.5).astype(np.float64)
    return np.clip((values - (center - 0.5)) / (width - 1) + 0.5, 0, 1)


def _levels(dtype: np.dtype) -> np.ndarray:
    """Every value of the type, in the order of its bit patterns."""
    unsigned = np.dtype(f"u{dtype.itemsize}")
    return np.arange(2 ** (8 * dtype.itemsize)).astype(unsigned).view(dtype.newbyteorder("=")).astype(np.int64)


def _index(stored: np.ndarray) -> np.ndarray:
    return stored.view(np.dtype(f"u{stored.dtype.itemsize}"))


def _stored_range(levels: np.ndarray, bits: int) -> np.ndarray:
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if levels.min() < 0 else (0, 2**bits - 1)
    return (levels >= low) & (levels <= high)


def _padding(dataset: Dataset, levels: np.ndarray) -> np.ndarray:
    """Which stored values stand for no picture: Pixel Padding Value, up to Pixel Padding Range Limit (C.7.5.1.1.2)."""
    value, limit = dataset.get("PixelPaddingValue"), dataset.get("PixelPaddingRangeLimit")
    if not isinstance(value, int):
        return np.zeros(levels.size, dtype=bool)
    # Written as unsigned in signed images and the other way round often enough: the bits are what is meant.
    first, last = (levels[v % levels.size] for v in (value, limit if isinstance(limit, int) else value))
    return (levels >= min(first, last)) & (levels <= max(first, last))


def _modality(dataset: Dataset, levels: np.ndarray, big_endian: bool) -> np.ndarray:
    if dataset.get("ModalityLUTSequence"):
        values, _ = _lookup(dataset.ModalityLUTSequence[0], levels.astype(np.float64), big_endian)
        return values
    slope, intercept = number(dataset, "RescaleSlope"), number(dataset, "RescaleIntercept")
    slope, intercept = 1.0 if slope is None else slope, intercept or 0.0
    if not np.isfinite([slope, intercept]).all():
        raise ImageRefused("The DICOM file's rescale values are not finite numbers; export it again.")
    if slope == 0:
        raise ImageRefused("The DICOM file's rescale slope is zero, which leaves no image; export it again.")
    values = levels * slope + intercept
    # Grey levels are float32 from here on; beyond its range nothing is left of them.
    if np.abs(values).max() > np.finfo(np.float32).max or np.ptp(values) <= np.abs(values).max() * 1e-7:
        raise ImageRefused("The DICOM file's rescale values leave no image; export it again.")
    return values


def _of_interest(
    dataset: Dataset, values: np.ndarray, possible: np.ndarray, some: np.ndarray, big_endian: bool
) -> tuple[np.ndarray | None, str, str]:
    """Grey levels by the file's own table or window; none where it has none, or one that shows nothing."""
    if dataset.get("VOILUTSequence"):
        looked, top = _lookup(dataset.VOILUTSequence[0], values, big_endian, signed=possible.min() < 0)
        table, name = np.clip(looked / top, 0, 1), "the file's lookup table"
    else:
        center, width = number(dataset, "WindowCenter"), number(dataset, "WindowWidth")
        if center is None or width is None:
            return None, "", ""
        if not np.isfinite([center, width]).all():
            raise ImageRefused("The DICOM file's window values are not finite numbers; export it again.")
        function = str(dataset.get("VOILUTFunction", "") or "").strip()
        function = function if function in ("LINEAR_EXACT", "SIGMOID") else "LINEAR"
        if width <= 0 or (function == "LINEAR" and width < 1):
            raise ImageRefused("The DICOM file's window has no width; export it again.")
        table, name = window(values, center, width, function), "the file's window"
    if is_flat(table[some][None]):
        # Many exports carry a window that belongs to another image.
        return None, "", f"Nothing shows through {name}, so the image is shown without."
    return table, name, ""


def _whole(
    dataset: Dataset, values: np.ndarray, possible: np.ndarray, some: np.ndarray, bits: int
) -> tuple[np.ndarray, str]:
    """Grey levels without a window: over the stored range where the image uses it, else over its own percentiles."""
    low, high = possible.min(), possible.max()
    if bits == 16 and some.min() >= 0 and some.max() <= TWELVE_BITS:
        # The values of a 12-bit detector, as in 16-bit PNG files.
        twelve = values[: TWELVE_BITS + 1]
        low, high = twelve.min(), twelve.max()
    darkest, brightest = np.percentile(values[_index(some)], SHOWN)
    whole = bits == 8 and not dataset.get("ModalityLUTSequence")
    if whole or brightest - darkest >= FULL_SCALE * (high - low):
        return np.clip((values - low) / (high - low), 0, 1), "the full scale"
    if brightest <= darkest:
        raise ImageRefused("The image is blank; choose one that shows a chest.")
    return np.clip((values - darkest) / (brightest - darkest), 0, 1), "percentiles"


def _inverted(dataset: Dataset) -> bool:
    """MONOCHROME1 shows its lowest values white; DX files say the same once more as INVERSE (C.8.11.3.1.2)."""
    shape = str(dataset.get("PresentationLUTShape", "") or "").strip()
    return shape == "INVERSE" or str(dataset.PhotometricInterpretation) == "MONOCHROME1"


def _lookup(item: Dataset, values: np.ndarray, big_endian: bool, signed: bool | None = None) -> tuple[np.ndarray, int]:
    """A LUT of PS3.3 C.11.1.1 or C.11.2.1.1: entries, first value mapped and bits; values beyond take the last entry.

    Returns:
        What each of ``values`` becomes, and the largest value that the table's bits hold.
    """
    entries, first, bits = (int(v) for v in item.LUTDescriptor)
    entries = entries % 65536 or 65536
    signed = values.min() < 0 if signed is None else signed
    # The first value is a 16-bit word, signed like what it is compared with, whatever VR it was written in.
    first %= 65536
    first -= 65536 if signed and first >= 32768 else 0
    if not 8 <= bits <= 16:
        raise ImageRefused("The DICOM file's lookup table is damaged; export it again.")
    table = _entries(item.LUTData, entries, bits, big_endian)
    looked = table[np.clip(np.rint(values) - first, 0, entries - 1).astype(np.int64)]
    return looked.astype(np.float64), 2**bits - 1


def _entries(data: object, entries: int, bits: int, big_endian: bool) -> np.ndarray:
    """Entries as words, as bytes, or two bytes to a word."""
    order = ">" if big_endian else "<"
    if isinstance(data, (bytes, bytearray)):
        kind = "u1" if bits == 8 and len(data) < 2 * entries else f"{order}u2"
        table = np.frombuffer(bytes(data[: len(data) // 2 * 2]), dtype=kind)
    else:
        table = np.atleast_1d(np.asarray(data, dtype=np.int64)) & 0xFFFF
        if bits == 8 and table.size < entries:
            table = table.astype("<u2").view(np.uint8)
    if table.size < entries:
        raise ImageRefused("The DICOM file's lookup table is cut short; export it again.")
    return table[:entries]


def number(dataset: Dataset, name: str) -> float | None:
    """The first value of an element with decimal strings; None where it is absent or empty."""
    value = dataset.get(name)
    if value is None or value == "" or (not isinstance(value, (str, int, float)) and not len(value)):
        return None
    return float(value if isinstance(value, (str, int, float)) else value[0])
