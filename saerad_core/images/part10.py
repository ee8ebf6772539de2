"""A DICOM file's header: where its data set begins, how it is written, and the few elements that are taken from it."""

from __future__ import annotations

import io
import logging
import struct
import warnings

from pydicom import config
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filereader import read_dataset
from pydicom.tag import BaseTag
from pydicom.uid import UID

from saerad_core.errors import ImageRefused

# Its messages repeat values of the file, names included, and a build reads thousands of files.
logging.getLogger("pydicom").setLevel(logging.CRITICAL)
# Values are checked here one by one; pydicom's own checks only warn.
config.settings.reading_validation_mode = config.IGNORE

MAGIC = b"DICM"
IMPLICIT, EXPLICIT, BIG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"
EXTENDED = "1.2.840.10008.1.2.4.51"
RLE = "1.2.840.10008.1.2.5"
UNCOMPRESSED = (IMPLICIT, EXPLICIT, BIG)
SYNTAXES = {
    IMPLICIT: "implicit little endian",
    EXPLICIT: "explicit little endian",
    BIG: "explicit big endian",
    "1.2.840.10008.1.2.4.50": "JPEG baseline",
    EXTENDED: "JPEG extended",
    "1.2.840.10008.1.2.4.57": "JPEG lossless",
    "1.2.840.10008.1.2.4.70": "JPEG lossless, first order",
    "1.2.840.10008.1.2.4.80": "JPEG-LS lossless",
    "1.2.840.10008.1.2.4.81": "JPEG-LS near-lossless",
    "1.2.840.10008.1.2.4.90": "JPEG 2000 lossless",
    "1.2.840.10008.1.2.4.91": "JPEG 2000",
    "1.2.840.10008.1.2.4.201": "High-throughput JPEG 2000 lossless",
    "1.2.840.10008.1.2.4.202": "High-throughput JPEG 2000 lossless, by resolution",
    "1.2.840.10008.1.2.4.203": "High-throughput JPEG 2000",
    RLE: "RLE",
}
"""Transfer syntaxes that are read, in the words of the facts."""
_DIRECTORY = "1.2.840.10008.1.3.10"
_DOCUMENTS = "1.2.840.10008.5.1.4.1.1.104."
"""Encapsulated PDF is .1, then CDA, STL, OBJ, MTL."""

TAGS: tuple[BaseTag | int, ...] = (
    0x00080016,  # SOP Class UID
    0x00080060,  # Modality
    0x00180015,  # Body Part Examined
    0x00181164,  # Imager Pixel Spacing
    0x00185101,  # View Position
    0x00200020,  # Patient Orientation
    0x00200060,  # Laterality
    0x00200062,  # Image Laterality
    0x00280002,  # Samples per Pixel
    0x00280004,  # Photometric Interpretation
    0x00280006,  # Planar Configuration
    0x00280008,  # Number of Frames
    0x00280010,  # Rows
    0x00280011,  # Columns
    0x00280030,  # Pixel Spacing
    0x00280100,  # Bits Allocated
    0x00280101,  # Bits Stored
    0x00280102,  # High Bit
    0x00280103,  # Pixel Representation
    0x00280120,  # Pixel Padding Value
    0x00280121,  # Pixel Padding Range Limit
    0x00281050,  # Window Center
    0x00281051,  # Window Width
    0x00281052,  # Rescale Intercept
    0x00281053,  # Rescale Slope
    0x00281056,  # VOI LUT Function
    0x00283000,  # Modality LUT Sequence
    0x00283010,  # VOI LUT Sequence
    0x20500020,  # Presentation LUT Shape
    0x7FE00010,  # Pixel Data
)
"""All that is ever taken from a file. Names, dates, ids, descriptions, ages and overlays are passed over unread."""
_PIXEL_DATA = 0x7FE00010
_LONG = (b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV")
"""Value representations with a length of four bytes (PS3.5, 7.1.2)."""
_MOST_META = 64 * 2**10


def looks_like_dicom(data: bytes) -> bool:
    """Whether it is a DICOM file, with the preamble of PS3.10 or, as old archives have them, without."""
    return data[128:132] == MAGIC or data[:2] == b"\x02\x00" or _bare(data) != ""


def read_header(data: bytes) -> tuple[Dataset, str]:
    """The elements of ``TAGS`` and the transfer syntax of a DICOM file.

    The file meta group is read here and the data set handed to pydicom with the syntax found, so that nothing in the
    file can make pydicom inflate it.

    Raises:
        ImageRefused: deflated, of an unknown syntax, a DICOMDIR, a document, or damaged.
    """
    start = 132 if data[128:132] == MAGIC else 0
    meta, at = _meta(data, start)
    syntax = meta.get(0x0010, "") if meta else _bare(data)
    if not syntax:
        raise ImageRefused("The DICOM file doesn't say how its pixels are stored; export it again.")
    _check_class(meta.get(0x0002, ""))
    if syntax == DEFLATED:
        raise ImageRefused("The DICOM file is deflated, which is not read for safety; export it uncompressed.")
    if syntax not in SYNTAXES:
        raise ImageRefused("The DICOM file's compression is not supported; export it uncompressed.")
    stream = io.BytesIO(data)
    stream.seek(at)
    with warnings.catch_warnings():
        # Oddities of a header that is read for a few tags only; the messages repeat values of the file.
        warnings.simplefilter("ignore")
        dataset = read_dataset(
            stream,
            syntax == IMPLICIT,
            syntax != BIG,
            stop_when=lambda tag, vr, length: tag > _PIXEL_DATA,
            specific_tags=list(TAGS),
        )
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = UID(syntax)
    _check_class(str(dataset.get("SOPClassUID", "") or ""))
    if "PixelData" not in dataset:
        order = ">" if syntax == BIG else "<"
        if struct.pack(f"{order}HH", 0x7FE0, 0x0010) in data:
            raise ImageRefused("The DICOM file is cut short or damaged; export it again.")
        raise ImageRefused("The DICOM file has no image; choose one that has.")
    return dataset, syntax


def _meta(data: bytes, at: int) -> tuple[dict[int, str], int]:
    """Elements of the file meta group, always explicit VR little endian (PS3.10, 7.1), and where it ends."""
    found: dict[int, str] = {}
    end = at + _MOST_META
    while at + 8 <= len(data):
        group, element, vr, length = struct.unpack_from("<HH2sH", data, at)
        if group != 2:
            break
        head = 8
        if vr in _LONG:
            if at + 12 > len(data):
                break
            (length,) = struct.unpack_from("<I", data, at + 8)
            head = 12
        value = data[at + head : at + head + length]
        at += head + length
        if at > min(end, len(data)) or element in found:
            raise ImageRefused("The DICOM file's header is damaged; export it again.")
        found[element] = value.rstrip(b"\0 ").decode("ascii", "replace") if element in (0x0002, 0x0010) else ""
    return found, at


def _bare(data: bytes) -> str:
    """The transfer syntax of a data set without any file meta group, as its first element shows it; "" if none does."""
    if len(data) < 16:
        return ""
    group, element, vr, short = struct.unpack_from("<HH2sH", data, 0)
    if group == 0x0800:
        explicit = vr.isalpha() and vr.isupper()
        return BIG if explicit and struct.unpack_from(">H", data, 2)[0] <= 0x0018 else ""
    if group != 0x0008 or element > 0x0018:
        return ""
    if vr.isalpha() and vr.isupper():
        return EXPLICIT if short <= 64 else ""
    (length,) = struct.unpack_from("<I", data, 4)
    return IMPLICIT if length <= 64 and length % 2 == 0 else ""


def _check_class(sop_class: str) -> None:
    if sop_class == _DIRECTORY:
        raise ImageRefused("The file is a DICOMDIR, an index of other files; choose one of the images it lists.")
    if sop_class.startswith(_DOCUMENTS):
        kind = "an encapsulated PDF" if sop_class == f"{_DOCUMENTS}1" else "an encapsulated document"
        raise ImageRefused(f"The DICOM file is {kind}, not an image; choose a radiograph.")
