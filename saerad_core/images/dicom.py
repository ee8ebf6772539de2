"""DICOM radiographs (CR, DX) to grey levels."""

from __future__ import annotations

import numpy as np
from pydicom.dataset import Dataset
from pydicom.encaps import get_frame
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.pixels.utils import pixel_array

from saerad_core.errors import ImageRefused
from saerad_core.images.codestream import frame_shape
from saerad_core.images.facts import facts_of
from saerad_core.images.grey import Measured, measured, shown
from saerad_core.images.levels import Levels
from saerad_core.images.limits import check_size, colour_warning
from saerad_core.images.part10 import BIG, EXTENDED, RLE, UNCOMPRESSED, read_header
from saerad_core.images.rle import decode_rle

_BASELINE = "1.2.840.10008.1.2.4.50"
_COLOUR = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_RCT", "YBR_ICT")
_LUMA = np.array([0.299, 0.587, 0.114])
_FIT = "The DICOM file's pixels don't fit its header; export it again."


def decode_dicom(data: bytes) -> tuple[Levels, dict[str, str]]:
    """Grey levels and facts of a DICOM file with one frame.

    Stored values become grey levels as ``grey.shown`` says; overlays are left out, padding outside the picture is
    black, and an image that Patient Orientation calls mirrored is turned back, which the facts' warning says.

    Returns:
        The levels, bone white; facts.

    Raises:
        ImageRefused: several frames, a kind of compression that isn't read, unusable values.
    """
    try:
        dataset, syntax = read_header(data)
        bits = _check_header(dataset, syntax)
        stored, warning = _stored(dataset, syntax, bits)
        grey = shown(dataset, stored, bits, syntax == BIG)
        facts = facts_of(dataset, syntax, bits)
        index, turned = _upright(dataset, grey.levels.index)
    except (BytesLengthException, InvalidDicomError) as error:
        raise ImageRefused("The DICOM file is damaged; export it again.") from error
    facts["window"] = grey.window
    said = [facts.pop("warning", ""), warning, grey.warning, turned]
    if any(said):
        facts["warning"] = " ".join(one for one in said if one)
    return Levels(index, grey.levels.table), facts


def measure_dicom(data: bytes) -> Measured:
    """The same image's real values, before any window; raises as ``decode_dicom``."""
    try:
        dataset, syntax = read_header(data)
        bits = _check_header(dataset, syntax)
        stored, _ = _stored(dataset, syntax, bits)
        found = measured(dataset, stored, bits, syntax == BIG)
        index, _ = _upright(dataset, found.levels.index)
    except (BytesLengthException, InvalidDicomError) as error:
        raise ImageRefused("The DICOM file is damaged; export it again.") from error
    return found._replace(levels=Levels(index, found.levels.table))


def _size(dataset: Dataset, name: str, default: int | None = None) -> int:
    """A number that the pixels are laid out by: one value of VR US, or the file isn't trusted."""
    if name not in dataset:
        if default is None:
            raise ImageRefused(f"The DICOM file lacks {name}, which its pixels need; export it again.")
        return default
    element = dataset[name]
    if element.VR != "US" or type(element.value) is not int:
        raise ImageRefused(f"The DICOM file gives {name} in the wrong kind of value (VR); export it again.")
    return element.value


def _check_header(dataset: Dataset, syntax: str) -> int:
    frames = dataset.get("NumberOfFrames")
    if frames not in (None, "") and int(frames) != 1:
        raise ImageRefused("The DICOM file has several frames; choose a single radiograph.")
    check_size(_size(dataset, "Columns"), _size(dataset, "Rows"))
    photometric = str(dataset.get("PhotometricInterpretation", ""))
    samples, allocated = _size(dataset, "SamplesPerPixel", 1), _size(dataset, "BitsAllocated")
    bits = _size(dataset, "BitsStored")
    if _size(dataset, "PixelRepresentation", 0) not in (0, 1):
        raise ImageRefused(_FIT)
    if samples == 1:
        usable = photometric in ("MONOCHROME1", "MONOCHROME2")
    else:
        usable = samples == 3 and photometric in _COLOUR and allocated == 8
    if not usable or allocated not in (8, 16):
        raise ImageRefused("The DICOM file's pixels are not plain grey levels of 8 to 16 bits; export it in greyscale.")
    if not 2 <= bits <= allocated:
        raise ImageRefused(_FIT)
    if syntax == EXTENDED and bits > 8:
        raise ImageRefused("The DICOM file is 12-bit JPEG Extended, which can't be read; export it uncompressed.")
    return bits


def _stored(dataset: Dataset, syntax: str, bits: int) -> tuple[np.ndarray, str]:
    """Stored values [H, W] and a warning; grey that is stored as colour becomes grey."""
    shape = (int(dataset.Rows), int(dataset.Columns))
    samples = int(dataset.get("SamplesPerPixel", 1))
    frame = dataset.PixelData
    if syntax not in UNCOMPRESSED:
        frame = get_frame(frame, 0, number_of_frames=1)
    if samples == 1 and syntax in (*UNCOMPRESSED, RLE):
        words = _rle(dataset, frame) if syntax == RLE else _native(dataset, frame, syntax)
        return _signed(dataset, words.reshape(shape), bits), ""
    if syntax == RLE:
        values = decode_rle(frame, shape[0] * shape[1], samples).reshape(samples, *shape).transpose(1, 2, 0)
    else:
        if syntax not in UNCOMPRESSED:
            found = frame_shape(frame)
            if found[:3] != (*shape, samples):
                raise ImageRefused(_FIT)
            if syntax in (_BASELINE, EXTENDED) and found[3] != 8:
                raise ImageRefused(
                    "The DICOM file is 12-bit JPEG Extended, which can't be read; export it uncompressed."
                )
            if found[3] > int(dataset.BitsAllocated):
                raise ImageRefused(_FIT)
        # Named, so that a decoder which happens to be installed changes nothing.
        plugin = "" if syntax in UNCOMPRESSED else "pillow" if syntax in (_BASELINE, EXTENDED) else "pylibjpeg"
        values = pixel_array(dataset, decoding_plugin=plugin)
    if values.shape == (*shape, 3):
        grey = (values @ _LUMA).round().astype(np.uint8)
        return grey, colour_warning(values)
    if values.shape != shape or values.dtype.itemsize > 2:
        raise ImageRefused(_FIT)
    return values, ""


def _native(dataset: Dataset, frame: bytes, syntax: str) -> np.ndarray:
    size = int(dataset.BitsAllocated) // 8
    n = int(dataset.Rows) * int(dataset.Columns)
    if len(frame) < n * size:
        raise ImageRefused("The DICOM file's pixels are cut short; export it again.")
    if len(frame) >= 2 * n * size:
        raise ImageRefused(_FIT)
    if size == 2:
        return np.frombuffer(frame, dtype=">u2" if syntax == BIG else "<u2", count=n).astype(np.uint16)
    if syntax == BIG and dataset["PixelData"].VR == "OW":
        # Bytes travel in swapped pairs (PS3.5 annex A.3).
        return np.frombuffer(frame[: len(frame) // 2 * 2], dtype="<u2").byteswap().view(np.uint8)[:n]
    return np.frombuffer(frame, dtype=np.uint8, count=n)


def _rle(dataset: Dataset, frame: bytes) -> np.ndarray:
    size = int(dataset.BitsAllocated) // 8
    planes = decode_rle(frame, int(dataset.Rows) * int(dataset.Columns), size)
    return planes[0] if size == 1 else (planes[0].astype(np.uint16) << 8) | planes[1]


def _signed(dataset: Dataset, words: np.ndarray, bits: int) -> np.ndarray:
    """The stored bits of each word: old files keep overlays in the others."""
    allocated = 8 * words.dtype.itemsize
    above = allocated - 1 - _size(dataset, "HighBit", bits - 1)
    if not 0 <= above <= allocated - bits:
        raise ImageRefused(_FIT)
    if int(dataset.get("PixelRepresentation", 0)):
        return (words << above).view(np.dtype(f"i{words.dtype.itemsize}")) >> (allocated - bits)
    return words if bits == allocated else (words << above) >> (allocated - bits)


def _upright(dataset: Dataset, pixels: np.ndarray) -> tuple[np.ndarray, str]:
    """Turn what Patient Orientation (PS3.3 C.7.6.1.1.1) calls mirrored or upside down, and say so."""
    try:
        row, column = (str(way).strip().upper() for way in dataset.get("PatientOrientation") or ())
    except ValueError:
        return pixels, ""
    if not (row[:1] in ("L", "R") and column[:1] in ("F", "H")):
        return pixels, ""
    turned = []
    if row[0] == "R":
        pixels = pixels[:, ::-1]
        turned.append("mirrored")
    if column[0] == "H":
        pixels = pixels[::-1]
        turned.append("upside down")
    if not turned:
        return pixels, ""
    said = f"The file says that it is stored {' and '.join(turned)}; it was turned to the usual way round."
    return np.ascontiguousarray(pixels), said
